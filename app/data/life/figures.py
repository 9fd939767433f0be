"""What decisions were worth in a life that was played, against the truth of all of them."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core import metrics
from app.core.curves import Curve
from app.data.life.witness import DECISIONS, Facts, Told
from app.data.measured import WEEK, Table
from app.data.quality import Figures, date

DAYS = (0, 10, 20, 30, 60)  # where spans of days since the start begin; then each month
MONTH = 30  # days
REVIEW, BLOCK = map(DECISIONS.index, ("review", "block"))

Mask = NDArray[np.bool_]


def life_figures(table: Table, facts: Facts, model: int) -> Figures:
    """Figures of one model's life, over all that was measured; no key is left out as known.

    Returns
    -------
    `by_days` and `blocks_by_month` in order of time, counted from the first event;
    `value_caught`, the share of what was at stake with positives that was blocked or stopped by a
    review; `calibration`, the bands of the score that have decisions; `labels_told` by week,
    source and word. A figure is None where there is nothing to divide by.
    """
    since = table.days - facts.begin
    return {
        "by_days": [
            {"days": f"{low}-{high}", **_quality(table, facts, model, here)}
            for low, high in _spans(since)
            if (here := (since >= low) & (since < high)).any()
        ],
        "blocks_by_month": [
            {"month": month + 1, **_blocks(table, facts, model, since // MONTH == month)}
            for month in np.unique(since // MONTH).tolist()
        ],
        "value_caught": _caught(table, facts, model, np.ones(len(since), bool)),
        "calibration": [
            band._asdict() for band in metrics.calibration(table.ys, table.scores[model]) if band.n
        ],
        "labels_told": _told(facts.told[model], facts.begin),
    }


def _spans(since: NDArray[Any]) -> list[tuple[int, int]]:
    """Spans of days since the start, up to the last of them."""
    last = int(since.max(initial=0))
    edges = [*DAYS, *range(DAYS[-1] + MONTH, last + MONTH + 1, MONTH)]
    return list(pairwise(edges))


def _quality(table: Table, facts: Facts, model: int, here: Mask) -> Figures:
    ys, scores = table.ys[here].astype(np.float64), table.scores[model][here]
    kinds = facts.kinds[here]
    base, mean = float(ys.mean()), float(scores.mean())
    return {
        "n": len(ys),
        "positives": int(ys.sum()),
        "average_precision": _precision(ys, scores),
        "average_precision_without": {
            str(kind): _precision(ys[kinds != kind], scores[kinds != kind])
            for kind in np.unique(facts.kinds[facts.kinds > 0]).tolist()
        },
        "mean_score_over_base": mean / base if base else None,
        "log_loss": metrics.log_loss(ys, scores),
        "value_caught": _caught(table, facts, model, here),
    }


def _precision(ys: NDArray[Any], scores: NDArray[Any]) -> float | None:
    return Curve.of(ys, scores, np.ones(len(ys))).average_precision() if len(ys) else None


def _blocks(table: Table, facts: Facts, model: int, here: Mask) -> Figures:
    found: Figures = {}
    for name, decision in (("blocks", BLOCK), ("reviews", REVIEW)):
        chosen = here & (facts.decisions[model] == decision)
        found[name] = int(chosen.sum())
        found[f"precision_of_{name}"] = float(table.ys[chosen].mean()) if chosen.any() else None
    return found


def _caught(table: Table, facts: Facts, model: int, here: Mask) -> float | None:
    """Share of the stakes of positives that were blocked, or stopped by a review."""
    stakes = table.stakes * (table.ys == 1) * here
    caught = (facts.decisions[model] == BLOCK) | facts.stopped[model]
    total = float(stakes.sum())
    return float(stakes[caught].sum()) / total if total else None


def _told(told: Counter[Told], begin: int) -> Sequence[Figures]:
    weeks: Counter[tuple[int, str, str]] = Counter()
    for (day, source, label), n in told.items():
        weeks[(day - begin) // WEEK, source, label] += n
    return [
        {"from": date(begin + WEEK * week), "source": source, "label": label, "n": n}
        for (week, source, label), n in sorted(weeks.items())
    ]
