"""Metrics: equal to scikit-learn's on every table, ties and weights included."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from app.core.metrics import Prequential, average_precision, roc_auc

rows = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from([0.0, 0.1, 0.5, 0.5000001, 0.9, 1.0]) | st.floats(0, 1),
        st.floats(0.01, 100.0),
    ),
    min_size=2,
    max_size=60,
)


@given(rows)
def test_average_precision_is_that_of_scikit_learn(table):
    ys, scores, weights = zip(*table, strict=True)
    assume(1 in ys)
    assert average_precision(ys, scores) == pytest.approx(average_precision_score(ys, scores))
    weighted = average_precision_score(ys, scores, sample_weight=weights)
    assert average_precision(ys, scores, weights) == pytest.approx(weighted)


@given(rows)
def test_roc_auc_is_that_of_scikit_learn(table):
    ys, scores, weights = zip(*table, strict=True)
    assume(len(set(ys)) == 2)
    assert roc_auc(ys, scores) == pytest.approx(roc_auc_score(ys, scores))
    weighted = roc_auc_score(ys, scores, sample_weight=weights)
    assert roc_auc(ys, scores, weights) == pytest.approx(weighted)


@pytest.mark.parametrize("ys", [[], [0, 0]], ids=["nothing", "no fraud"])
def test_without_a_fraud_there_is_no_ranking_to_judge(ys):
    assert average_precision(ys, [0.5] * len(ys)) is None
    assert roc_auc(ys, [0.5] * len(ys)) is None


def test_without_a_legitimate_one_there_is_no_roc_curve():
    assert average_precision([1, 1], [0.2, 0.3]) == 1.0
    assert roc_auc([1, 1], [0.2, 0.3]) is None


def test_figures_are_those_of_the_latest_labels():
    chance = np.random.default_rng(7)
    ys, scores = chance.random(500) < 0.1, chance.random(500)
    metrics = Prequential(window=200)
    for y, score in zip(ys.tolist(), scores.tolist(), strict=True):
        metrics.update(int(y), score, score >= 0.8)
    y, score = ys[-200:], scores[-200:]
    assert metrics.get() == pytest.approx(
        {
            "n": 200,
            "base_rate": y.mean(),
            "average_precision": average_precision_score(y, score),
            "roc_auc": roc_auc_score(y, score),
            "log_loss": log_loss(y, score),
            "alerts": (score >= 0.8).sum(),
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
    for name in ("base_rate", "average_precision", "roc_auc", "log_loss", "alert_precision"):
        assert left[name] == pytest.approx(right[name])


def test_a_certain_score_that_was_wrong_costs_a_finite_loss():
    metrics = Prequential(window=10)
    metrics.update(1, 0.0, False)
    assert metrics.get()["log_loss"] == pytest.approx(-math.log(1e-15))
