"""What measured decisions were worth: the figures of each week, of all, and of the mean week."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np

from app.core import metrics
from app.core.curves import Curve, Floats
from app.data.budget import Day, by_day, card_precision
from app.data.measured import WEEK, Table, Week
from app.units import DAY_MS

Figures: TypeAlias = dict[str, Any]  # a number, None, or numbers by what they are at

CARDS = 100  # keys, or events, that are reviewed a day
RATES = ("0.001", "0.005", "0.01")  # of false alarms among the negatives, of reviews among all


def quality(table: Table, weeks: Sequence[Week], model: int) -> Figures:
    """Figures of one model: all that is measured, each week, and the mean of the weeks.

    Returns
    -------
    `metrics` of all weeks together, where `card_precision_100` is the mean over their days, each
    week beginning with all keys; `by_week` in order of time; `mean_of_weeks` over those that
    hold seven days, over all where none does. A figure is None where the labels do not
    determine it.
    """
    found, cards = [], []
    for week in weeks:
        part = table.take(week.rows)
        daily = list(cards_by_day(part, model).values())
        found.append({"from": date(week.first), "days": len(daily), **figures(part, model, daily)})
        cards += daily
    rows = np.concatenate([np.zeros(0, np.int64), *(week.rows for week in weeks)])
    whole = [week for week in found if week["days"] == WEEK]
    return {
        "metrics": figures(table.take(rows), model, cards),
        "by_week": found,
        "mean_of_weeks": mean(whole or found),
    }


def figures(table: Table, model: int, cards: Sequence[float]) -> Figures:
    """Figures of the rows of a table; `cards` is the card precision of each of their days."""
    ys, scores = table.ys.astype(np.float64), table.scores[model]
    flagged = table.flagged[model].astype(np.float64)
    n, alerts = len(ys), int(flagged.sum())
    curve = Curve.of(ys, scores, np.ones(n))  # one sort for all that need it
    return {
        "n": n,
        "base_rate": float(ys.mean()) if n else None,
        "average_precision": curve.average_precision(),
        "roc_auc": curve.roc_auc(),
        f"card_precision_{CARDS}": float(np.mean(cards)) if cards else None,
        "log_loss": metrics.log_loss(ys, scores),
        "brier": metrics.brier_score(ys, scores),
        "tpr_at_fpr": {rate: curve.tpr_at_fpr(float(rate)) for rate in RATES},
        "recall_at_review_rate": {rate: curve.recall_at_review_rate(float(rate)) for rate in RATES},
        "alerts": alerts,
        "alert_precision": float(np.sum(ys * flagged)) / alerts if alerts else None,
        "alert_rate": alerts / n if n else None,
    }


def cards_by_day(table: Table, model: int) -> dict[int, float]:
    """Card precision of each day (days since 1970) of a week."""
    values = card_precision(table.days, table.keys, table.ys, table.scores[model], CARDS)
    return dict(zip(np.unique(table.days).tolist(), values, strict=True))


def budget_by_day(table: Table, model: int) -> list[Day]:
    """What the most suspicious events of each day catch."""
    return by_day(table.days, table.ys, table.scores[model], table.stakes, CARDS)


def date(day: int) -> str:
    """A day since 1970 as text.

    >>> date(17722)
    '2018-07-10'
    """
    return str(datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date())


def mean(weeks: Iterable[Figures]) -> Figures:
    """The mean of each figure over the weeks that have it; None where none has.

    >>> mean([{"n": 2, "at": {"0.1": 0.5}}, {"n": 4, "at": {"0.1": None}}])
    {'n': 3.0, 'at': {'0.1': 0.5}}
    """
    listed = list(weeks)
    names = [name for name in (listed[0] if listed else {}) if name not in ("from", "days")]
    return {name: _mean([week[name] for week in listed]) for name in names}


def _mean(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return mean(values)
    known: Floats = np.array([value for value in values if value is not None], dtype=np.float64)
    return float(known.mean()) if len(known) else None
