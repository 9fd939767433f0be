"""The figures of a replay are those of the metrics on the same rows."""

import numpy as np
import pytest
from numpy.random import default_rng

from app.core import metrics
from app.data.budget import card_precision
from app.data.measured import Table, Week
from app.data.quality import budget_by_day, mean, quality


@pytest.fixture(scope="module")
def table(seed: int) -> Table:
    """Ten days of 400 decisions of two models, the first of which knows something."""
    rng, n = default_rng(seed), 4000
    ys = (rng.random(n) < 0.05).astype(np.int8)
    scores = np.round(np.clip(0.3 * ys + rng.uniform(0, 0.7, n), 0.01, 0.99), 2)
    return Table(
        days=np.repeat(np.arange(20, 30), 400),
        keys=rng.integers(300, size=n),
        stakes=rng.uniform(1, 99, n),
        ys=ys,
        scores=(scores, np.full(n, 0.5)),
        flagged=((scores > 0.6).astype(np.int8), np.zeros(n, np.int8)),
    )


def weeks(table: Table) -> list[Week]:
    return [
        Week(first, np.flatnonzero((table.days >= first) & (table.days < first + 7)), 0)
        for first in (20, 27)
    ]


def test_each_figure_is_that_of_the_metric(table: Table):
    found = quality(table, weeks(table), 0)["metrics"]
    ys, scores, flagged = table.ys, table.scores[0], table.flagged[0] == 1
    assert found["n"] == 4000 and found["base_rate"] == pytest.approx(ys.mean())
    for name in ("average_precision", "roc_auc", "log_loss"):
        assert found[name] == pytest.approx(getattr(metrics, name)(ys, scores), rel=1e-12)
    assert found["brier"] == pytest.approx(metrics.brier_score(ys, scores))
    for rate in ("0.001", "0.005", "0.01"):
        assert found["tpr_at_fpr"][rate] == metrics.tpr_at_fpr(ys, scores, float(rate))
        recall = metrics.recall_at_review_rate(ys, scores, float(rate))
        assert found["recall_at_review_rate"][rate] == recall
    assert found["alerts"] == flagged.sum()
    assert found["alert_rate"] == flagged.mean()
    assert found["alert_precision"] == pytest.approx(ys[flagged].mean())


def test_card_precision_is_the_mean_over_days_and_begins_anew_with_each_week(table: Table):
    daily = []
    for week in weeks(table):
        part = table.take(week.rows)
        daily.append(card_precision(part.days, part.keys, part.ys, part.scores[0]))
    found = quality(table, weeks(table), 0)
    assert found["metrics"]["card_precision_100"] == pytest.approx(np.mean(daily[0] + daily[1]))
    assert [week["card_precision_100"] for week in found["by_week"]] == [
        pytest.approx(np.mean(values)) for values in daily
    ]


def test_a_week_has_the_figures_of_its_rows_and_only_whole_weeks_are_in_the_mean(table: Table):
    found = quality(table, weeks(table), 0)
    first, second = found["by_week"]
    assert (first["from"], first["days"], first["n"]) == ("1970-01-21", 7, 2800)
    assert (second["from"], second["days"], second["n"]) == ("1970-01-28", 3, 1200)
    whole = {name: value for name, value in first.items() if name not in ("from", "days")}
    assert found["mean_of_weeks"] == whole
    later = quality(table, weeks(table)[1:], 0)
    assert later["mean_of_weeks"]["n"] == 1200  # without a whole week, of those that there are


def test_a_model_is_measured_by_its_own_column(table: Table):
    found = quality(table, weeks(table), 1)["metrics"]
    assert (found["roc_auc"], found["alerts"], found["alert_precision"]) == (0.5, 0, None)


def test_of_nothing_there_are_no_figures(table: Table):
    found = quality(table, [], 0)
    assert (found["by_week"], found["mean_of_weeks"]) == ([], {})
    figures = found["metrics"]
    assert (figures["n"], figures["alerts"]) == (0, 0)
    assert figures["average_precision"] is figures["base_rate"] is figures["log_loss"] is None
    assert set(figures["tpr_at_fpr"].values()) == {None}


def test_figures_that_a_week_lacks_are_left_out_of_their_mean():
    assert mean([{"a": None, "b": None}, {"a": 1.0, "b": None}]) == {"a": 1.0, "b": None}


def test_a_days_budget_is_a_hundred_transactions(table: Table):
    days = budget_by_day(table, 0)
    assert [(day.day, day.alerts) for day in days] == [(day, 100) for day in range(20, 30)]
    first = table.take(np.arange(400))
    best = np.sort(first.scores[0])[-100]
    found = first.ys[first.scores[0] > best].sum(), first.ys[first.scores[0] >= best].sum()
    assert found[0] <= round(days[0].recall * first.ys.sum(), 6) <= found[1]
