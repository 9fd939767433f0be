"""Rules against the young model, as labels tell."""

import random

import pytest

from app.errors import SnapshotError
from app.fraud.trial import WORTHLESS, WORTHWHILE, Trial


def judged(seed: int, precision: float, alerts: int = 300) -> Trial:
    """A trial of so many alerts of this precision."""
    chance, trial = random.Random(seed), Trial()
    for _ in range(alerts):
        trial.judge(chance.random() < precision)
    return trial


def test_without_alerts_the_rules_count_in_full():
    assert Trial().weight == 1.0


@pytest.mark.parametrize(("precision", "weight"), [(0.0, 0.0), (0.9, 1.0)])
def test_the_weight_follows_the_precision(seed, precision, weight):
    assert judged(seed, precision).weight == weight


def test_between_worthless_and_worthwhile_the_rules_count_in_part():
    half = Trial(alerts=40.0, frauds=(WORTHLESS + WORTHWHILE) / 2 * 50 - 5)
    assert half.weight == pytest.approx(0.5)


def test_a_few_false_alarms_do_not_silence_the_rules(seed):
    assert judged(seed, 0.0, alerts=5).weight == 1.0


def test_old_alerts_are_forgotten():
    trial = judged(0, 0.0)
    for _ in range(60):
        trial.judge(True)
    assert trial.weight == 1.0


def test_a_weight_counts_as_so_many_alerts():
    trial = Trial()
    trial.judge(True, w=0.25)
    assert (trial.alerts, trial.frauds) == (0.25, 0.25)


def test_a_dump_comes_back_bit_by_bit(seed):
    trial = judged(seed, 0.3, alerts=77)
    assert Trial.of([trial.part()]) == trial


@pytest.mark.parametrize("parts", [[], [b"mer3"], [b"\x81"]], ids=str)
def test_a_foreign_dump_is_refused(parts):
    with pytest.raises(SnapshotError, match="the rules' alerts"):
        Trial.of(parts)
