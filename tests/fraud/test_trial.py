"""Rules against the young model, as labels tell."""

import random

import pytest

from app.errors import SnapshotError
from app.fraud.trial import ENOUGH, Trial


def judged(seed: int, model: float, rules: float, alerts: int) -> Trial:
    """A trial in which both raise alerts of these precisions."""
    chance, trial = random.Random(seed), Trial()
    for _ in range(alerts):
        trial.judge(chance.random() < model, model_alerts=True, rules_alert=False)
        trial.judge(chance.random() < rules, model_alerts=False, rules_alert=True)
    return trial


def test_without_alerts_the_rules_count_in_full():
    assert Trial().weight == 1.0


@pytest.mark.parametrize(
    ("model", "rules", "weight"),
    [
        pytest.param(0.3, 0.9, 1.0, id="rules better"),
        pytest.param(0.9, 0.3, 0.0, id="model better"),
    ],
)
def test_the_weight_follows_the_precisions(seed, model, rules, weight):
    assert judged(seed, model, rules, 500).weight == weight


def test_it_is_over_once_the_model_is_better_by_enough_alerts(seed):
    assert not judged(seed, 0.95, 0.1, round(ENOUGH / 2)).over
    assert judged(seed, 0.95, 0.1, 500).over


def test_labels_without_an_alert_say_nothing():
    trial = Trial()
    trial.judge(True, model_alerts=False, rules_alert=False)
    assert trial == Trial()


def test_a_weight_counts_as_so_many_alerts():
    heavy, light = Trial(), Trial()
    heavy.judge(True, model_alerts=True, rules_alert=False, w=1.0)
    light.judge(True, model_alerts=True, rules_alert=False, w=0.25)
    assert (heavy.model.alerts, light.model.alerts) == (1.0, 0.25)


def test_a_dump_comes_back_bit_by_bit(seed):
    trial = judged(seed, 0.8, 0.7, 77)
    assert Trial.of([trial.part()]) == trial


@pytest.mark.parametrize("parts", [[], [b"mer2"], [b"\x81"]], ids=str)
def test_a_foreign_dump_is_refused(parts):
    with pytest.raises(SnapshotError, match="rules and model"):
        Trial.of(parts)
