"""Metrics: equal to scikit-learn's on every table, ties and weights included."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from app.core.metrics import (
    Prequential,
    average_precision,
    brier_score,
    calibration,
    log_loss,
    precision_recall,
    recall_at_review_rate,
    roc_auc,
    tpr_at_fpr,
)

unhurried = settings(deadline=None)  # scikit-learn's first calls take their time


def tables(scores, weights, some):
    """Rows of label, score, weight; one fraud and one legitimate at least have a weight."""
    fraud, legit = (st.tuples(st.just(y), scores, some) for y in (1, 0))
    rest = st.lists(st.tuples(st.integers(0, 1), scores, weights), max_size=60)
    return st.builds(lambda fraud, legit, rest: [legit, *rest, fraud], fraud, legit, rest)


some = st.floats(0.01, 100.0)
likely = st.sampled_from([0.0, 0.1, 0.5, 0.5000001, 0.9, 1.0]) | st.floats(0, 1)
rows = tables(likely, some | st.just(0.0), some)
# Whole weights, scores in eighths: sums are exact, so a limit is met or it is not.
exact_rows = tables(st.integers(0, 8).map(lambda i: i / 8), st.integers(0, 5), st.integers(1, 5))
shares = st.sampled_from([0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5, 1.0]) | st.floats(0, 1)


@unhurried
@given(rows)
def test_average_precision_is_that_of_scikit_learn(table):
    ys, scores, weights = zip(*table, strict=True)
    assert average_precision(ys, scores) == pytest.approx(
        sklearn.average_precision_score(ys, scores)
    )
    weighted = sklearn.average_precision_score(ys, scores, sample_weight=weights)
    assert average_precision(ys, scores, weights) == pytest.approx(weighted)


@unhurried
@given(rows)
def test_roc_auc_is_that_of_scikit_learn(table):
    ys, scores, weights = zip(*table, strict=True)
    assert roc_auc(ys, scores) == pytest.approx(sklearn.roc_auc_score(ys, scores))
    weighted = sklearn.roc_auc_score(ys, scores, sample_weight=weights)
    assert roc_auc(ys, scores, weights) == pytest.approx(weighted)


@unhurried
@given(rows)
def test_losses_are_those_of_scikit_learn(table):
    ys, scores, weights = zip(*table, strict=True)
    kept = np.clip(scores, 1e-15, 1 - 1e-15)
    for w in (None, weights):
        expected = sklearn.log_loss(ys, kept, sample_weight=w, labels=[0, 1])
        assert log_loss(ys, scores, w) == pytest.approx(expected)
        expected = sklearn.brier_score_loss(ys, scores, sample_weight=w, labels=[0, 1])
        assert brier_score(ys, scores, w) == pytest.approx(expected)


@unhurried
@given(exact_rows, shares)
def test_the_recall_at_some_false_alarms_is_the_best_of_the_roc_curve(table, fpr):
    ys, scores, weights = zip(*table, strict=True)
    for w in (None, weights):
        rates, recalls, _ = sklearn.roc_curve(ys, scores, sample_weight=w, drop_intermediate=False)
        assert tpr_at_fpr(ys, scores, fpr, w) == pytest.approx(recalls[rates <= fpr].max())


def test_an_allowance_of_29_in_100_allows_29_of_100():
    scores = [2.0] * 29 + [1.0] + [0.0] * 71
    ys = [0] * 29 + [1] + [0] * 71
    assert 0.29 * 100 < 29
    assert tpr_at_fpr(ys, scores, 0.29) == 1.0
    assert tpr_at_fpr(ys, scores, 0.28) == 0.0


@unhurried
@given(exact_rows, shares)
def test_the_recall_of_a_review_is_the_mean_over_all_orders_of_equal_scores(table, rate):
    ys, scores, _ = zip(*table, strict=True)
    found, left = 0.0, rate * len(ys)
    for score in sorted(set(scores), reverse=True):
        equals = [y for y, s in zip(ys, scores, strict=True) if s == score]
        found += sum(equals) / len(equals) * min(left, len(equals))  # drawn without looking
        left -= min(left, len(equals))
    assert recall_at_review_rate(ys, scores, rate) == pytest.approx(found / sum(ys))


@unhurried
@given(exact_rows, shares)
def test_a_weight_is_that_many_rows(table, share):
    ys, scores, weights = zip(*table, strict=True)
    many = [(y, score) for y, score, w in table for _ in range(w)]
    repeated = list(zip(*many, strict=True))
    assert tpr_at_fpr(ys, scores, share, weights) == tpr_at_fpr(*repeated, share)
    left = recall_at_review_rate(ys, scores, share, weights)
    assert left == pytest.approx(recall_at_review_rate(*repeated, share))
    for left, right in zip(
        precision_recall(ys, scores, weights), precision_recall(*repeated), strict=True
    ):
        assert left == pytest.approx(right)
    for left, right in zip(calibration(ys, scores, weights), calibration(*repeated), strict=True):
        assert left._replace(n=0) == pytest.approx(right._replace(n=0))


@unhurried
@given(exact_rows, shares, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(table, share, random):
    mixed = random.sample(table, len(table))
    for judge in (
        lambda y, s, w: average_precision(y, s, w),
        lambda y, s, w: tpr_at_fpr(y, s, share, w),
        lambda y, s, w: recall_at_review_rate(y, s, share, w),
    ):
        left, right = (judge(*zip(*rows, strict=True)) for rows in (table, mixed))
        assert left == pytest.approx(right)


@unhurried
@given(rows)
def test_the_steps_of_the_curve_hold_the_average_precision(table):
    ys, scores, weights = zip(*table, strict=True)
    recall, precision = precision_recall(ys, scores, weights)
    assert (recall[0], recall[-1], precision[0]) == (0.0, pytest.approx(1.0), precision[1])
    area = np.sum(np.diff(recall) * precision[1:])
    assert area == pytest.approx(average_precision(ys, scores, weights))


@unhurried
@given(rows)
def test_the_points_of_the_curve_are_those_of_scikit_learn(table):
    ys, scores, _ = zip(*table, strict=True)
    recall, precision = precision_recall(ys, scores)
    precisions, recalls, _ = sklearn.precision_recall_curve(ys, scores)
    assert recall[1:] == pytest.approx(recalls[:-1][::-1])
    assert precision[1:] == pytest.approx(precisions[:-1][::-1])


@unhurried
@given(rows)
def test_bands_hold_each_row_once_and_say_what_is_in_them(table):
    ys, scores, weights = (np.array(column) for column in zip(*table, strict=True))
    bands = calibration(ys, scores, weights)
    assert sum(band.n for band in bands) == len(table)
    assert (bands[0].low, bands[-1].high) == (0.0, 1.0)
    for i, band in enumerate(bands):
        below = scores <= 1.0 if i == len(bands) - 1 else scores < band.high
        y, score, w = (column[(scores >= band.low) & below] for column in (ys, scores, weights))
        assert band.n == len(y)
        if not w.any():
            assert band.mean_score is band.share is None
            continue
        assert band.mean_score == pytest.approx(np.average(score, weights=w))
        assert band.share == pytest.approx(np.average(y, weights=w))


def test_bands_are_half_a_decade_of_odds_wide_and_meet():
    bands = calibration([], [])
    odds = np.array([band.high / (1 - band.high) for band in bands[:-1]])
    assert odds == pytest.approx(10 ** np.linspace(-4, 2, 13))
    assert [band.low for band in bands[1:]] == [band.high for band in bands[:-1]]


@pytest.mark.parametrize("ys", [[], [0, 0]], ids=["nothing", "no fraud"])
def test_without_a_fraud_there_is_no_ranking_to_judge(ys):
    scores = [0.5] * len(ys)
    assert average_precision(ys, scores) is None
    assert roc_auc(ys, scores) is None
    assert tpr_at_fpr(ys, scores, 0.5) is None
    assert recall_at_review_rate(ys, scores, 0.5) is None
    assert precision_recall(ys, scores) is None


def test_without_a_legitimate_one_there_is_no_roc_curve():
    assert average_precision([1, 1], [0.2, 0.3]) == 1.0
    assert recall_at_review_rate([1, 1], [0.2, 0.3], 0.5) == 0.5
    assert roc_auc([1, 1], [0.2, 0.3]) is None
    assert tpr_at_fpr([1, 1], [0.2, 0.3], 0.5) is None


def test_of_nothing_there_is_no_loss():
    assert log_loss([], []) is None
    assert brier_score([1], [0.5], [0.0]) is None


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (([1, 0], [0.5], None), "one length"),
        (([1, 0], [0.5, 0.5], [1.0]), "one length"),
        (([[1, 0]], [[0.5, 0.5]], None), "one length"),
        (([1, 2], [0.5, 0.5], None), "0 or 1"),
        (([1, math.nan], [0.5, 0.5], None), "0 or 1"),
        (([1, 0], [0.5, math.nan], None), "finite"),
        (([1, 0], [0.5, math.inf], None), "finite"),
        (([1, 0], [0.5, 0.5], [1.0, -1.0]), "negative"),
        (([1, 0], [0.5, 0.5], [1.0, math.nan]), "negative"),
    ],
)
def test_columns_that_mean_nothing_are_refused(columns, why):
    for judge in (average_precision, roc_auc, log_loss, brier_score, calibration, precision_recall):
        with pytest.raises(ValueError, match=why):
            judge(*columns)


@pytest.mark.parametrize("judge", [log_loss, brier_score, calibration])
@pytest.mark.parametrize("score", [-0.1, 1.1])
def test_only_a_probability_has_a_loss(judge, score):
    with pytest.raises(ValueError, match="probabilities"):
        judge([1, 0], [0.5, score])


@pytest.mark.parametrize("judge", [tpr_at_fpr, recall_at_review_rate])
@pytest.mark.parametrize("share", [-0.01, 5, math.nan])
def test_a_limit_is_a_share(judge, share):
    with pytest.raises(ValueError, match="share"):
        judge([1, 0], [0.5, 0.5], share)


def test_figures_are_those_of_the_latest_labels():
    chance = np.random.default_rng(7)
    ys = chance.random(1500) < 0.1
    scores = np.round((2 * chance.random(1500) + ys) / 3, 3)  # higher for frauds; some are equal
    metrics = Prequential(window=1000)
    for y, score in zip(ys.tolist(), scores.tolist(), strict=True):
        metrics.update(int(y), score, score >= 0.8)
    y, score = ys[-1000:], scores[-1000:]
    rates, recalls, _ = sklearn.roc_curve(y, score)
    top = y[score >= np.sort(score)[-5]]  # the 5 highest; if more are equal, as many of each
    assert metrics.get() == pytest.approx(
        {
            "n": 1000,
            "base_rate": y.mean(),
            "average_precision": sklearn.average_precision_score(y, score),
            "roc_auc": sklearn.roc_auc_score(y, score),
            "tpr_at_1pct_fpr": recalls[rates <= 0.01].max(),
            "recall_at_half_pct": 5 * top.mean() / y.sum(),
            "log_loss": sklearn.log_loss(y, score),
            "brier_score": sklearn.brier_score_loss(y, score),
            "alerts": (score >= 0.8).sum(),
            "alert_rate": (score >= 0.8).mean(),
            "alert_precision": y[score >= 0.8].mean(),
        }
    )


def test_before_any_label_nothing_is_claimed():
    figures = Prequential(window=10).get()
    assert figures.pop("n") == figures.pop("alerts") == 0
    assert set(figures.values()) == {None}


def test_a_weight_counts_a_label_that_many_times():
    once, often = Prequential(window=10), Prequential(window=10)
    for y, score in [(1, 0.9), (0, 0.8), (0, 0.2)]:
        once.update(y, score, score >= 0.5, w=1.0 if y else 2.0)
        for _ in range(1 if y else 2):
            often.update(y, score, score >= 0.5)
    left, right = once.get(), often.get()
    assert left.pop("n") < right.pop("n")
    assert left.pop("alerts") < right.pop("alerts")
    assert left == pytest.approx(right)


def test_a_certain_score_that_was_wrong_costs_a_finite_loss():
    metrics = Prequential(window=10)
    metrics.update(1, 0.0, False)
    assert metrics.get()["log_loss"] == pytest.approx(-math.log(1e-15))
