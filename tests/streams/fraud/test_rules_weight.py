"""What rules count beside a young model, as labels tell."""

import random

import pytest

from app.errors import SnapshotError
from app.streams.fraud.rules_weight import PRIOR, WORTHLESS, WORTHWHILE, RulesWeight


def labelled(seed: int, precision: float, alerts: int = 300, expected: float = 0.0) -> RulesWeight:
    """The weight after so many alerts of this precision, each with the model's probability."""
    chance, rules = random.Random(seed), RulesWeight()
    for _ in range(alerts):
        rules.update(chance.random() < precision, expected)
    return rules


def test_without_alerts_the_rules_count_in_full():
    assert RulesWeight().weight == 1.0


@pytest.mark.parametrize(("precision", "weight"), [(0.0, 0.0), (0.9, 1.0)])
def test_the_weight_follows_the_precision(seed, precision, weight):
    assert labelled(seed, precision).weight == weight


def test_frauds_that_the_model_expects_do_not_speak_for_the_rules(seed):
    assert labelled(seed, 0.8).weight == 1.0
    assert labelled(seed, 0.4, expected=0.45, alerts=1000).weight < 0.5


def test_between_worthless_and_worthwhile_the_rules_count_in_part():
    between = (WORTHLESS + WORTHWHILE) / 2
    half = RulesWeight(alerts=40.0, frauds=between * (40.0 + PRIOR) - PRIOR / 2)
    assert half.weight == pytest.approx(0.5)


def test_a_few_false_alarms_do_not_silence_the_rules(seed):
    assert labelled(seed, 0.0, alerts=5).weight == 1.0


def test_old_alerts_are_forgotten():
    rules = labelled(0, 0.0)
    for _ in range(60):
        rules.update(True, 0.1)
    assert rules.weight == 1.0


def test_a_dump_comes_back_bit_by_bit(seed):
    rules = labelled(seed, 0.3, alerts=77)
    assert RulesWeight.of([rules.part()]) == rules


@pytest.mark.parametrize("parts", [[], [b"mer3"], [b"\x81"]], ids=str)
def test_a_foreign_dump_is_refused(parts):
    with pytest.raises(SnapshotError, match="the rules' alerts"):
        RulesWeight.of(parts)
