"""Tests of the rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.models.logit import sigmoid
from app.streams.fraud.features import FEATURES, SETS
from app.streams.fraud.merchants import explained
from app.streams.fraud.rules import BASE, RULES, STRONG, VERY_STRONG, rules

QUIET = {
    "amount": 20.0,
    "amount_log_ratio": 0.2,
    "count_5m": 1.0,
    "count_30d": 9.0,
    "merchant_run": 0.0,
}


def logit(x: dict[str, float]) -> float:
    """What the rules alone make of it, as `decision.appraise` adds it up."""
    return BASE + sum(hit.weight for hit in rules(x))


def hits(**features: float) -> dict[str, float]:
    return {hit.name: hit.weight for hit in rules({**QUIET, **features})}


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        pytest.param({}, {}, id="an ordinary payment"),
        pytest.param({"amount_log_ratio": 1.3}, {}, id="under four times"),
        pytest.param({"amount_log_ratio": 1.5}, {"amount_above_history": STRONG}, id="over four"),
        pytest.param({"amount_log_ratio": 2.4}, {"amount_above_history": VERY_STRONG}, id="ten"),
        pytest.param({"amount_log_ratio": 1e4}, {"amount_above_history": VERY_STRONG}, id="huge"),
        pytest.param({"amount_log_ratio": 9.0, "count_30d": 5.0}, {}, id="a new customer"),
        pytest.param({"count_5m": 4.0}, {"burst": STRONG}, id="a burst"),
        pytest.param({"count_5m": 9.0}, {"burst": VERY_STRONG}, id="a long burst"),
        pytest.param(
            {"count_5m": 3.0, "amount_log_ratio": -2.0},
            {"card_testing": STRONG},
            id="small amounts",
        ),
        pytest.param({"count_5m": 2.0, "amount_log_ratio": -2.0}, {}, id="two small amounts"),
        pytest.param({"kmh_from_last": 950.0}, {"impossible_travel": STRONG}, id="by air"),
        pytest.param({"kmh_from_last": 9e3}, {"impossible_travel": VERY_STRONG}, id="by rocket"),
        pytest.param(
            {"merchant_run": 2.0, "merchant_run_days": 3.0},
            {"merchant_under_attack": STRONG},
            id="two frauds at the merchant",
        ),
        pytest.param({"merchant_run": 9.0, "merchant_run_days": 60.0}, {}, id="long ago"),
    ],
)
def test_rules_hit_what_they_name(features, expected):
    assert hits(**features) == expected


def test_every_rule_hits_its_extreme_with_a_text_that_has_a_number():
    x = {name: 1e3 for name in ("amount", "count_5m", "count_30d", "kmh_from_last")}
    x["merchant_run"] = 1e3
    found = rules({**x, "amount_log_ratio": 9.0}) + rules({**x, "amount_log_ratio": -9.0})
    assert {hit.name for hit in found} == {rule.hit.__name__ for rule in RULES}
    assert all(any(map(str.isdigit, hit.text)) for hit in found)


def test_rules_read_features_of_the_table_only():
    """Whatever is asked for must be a feature, or the rule would be silent for ever."""
    names = {feature.name for feature in FEATURES}

    class Asked(dict[str, float]):
        def get(self, name, default=None):
            assert name in names
            return super().get(name, default)

        def __getitem__(self, name):
            assert name in names
            return super().__getitem__(name)

    for feature, least, hit in RULES:
        assert feature in names
        hit(Asked({"amount": 1.0, "count_30d": 9.0, feature: least}))


values = st.floats(0, 100) | st.floats(-10, 1e4)


@given(st.dictionaries(st.sampled_from([feature.name for feature in FEATURES]), values))
def test_rules_and_the_statistics_of_merchants_need_no_more_than_the_smallest_set(x):
    """What they read and a set lacks would be 0 for ever, and a rule silent without a word."""
    x = {"amount": 1.0, **x}  # every transaction has one
    for chosen in SETS.values():
        kept = {name: value for name, value in x.items() if name in chosen.grids}
        assert rules(kept) == rules(x)
        assert explained(kept) == explained(x)


@pytest.mark.parametrize(
    ("features", "low", "high"),
    [
        pytest.param({}, 0.0, 0.05, id="no hit"),
        pytest.param({"count_5m": 4.0}, 0.05, 0.5, id="one strong hit"),
        pytest.param({"count_5m": 9.0}, 0.5, 0.9, id="one very strong hit"),
        pytest.param({"count_5m": 4.0, "amount_log_ratio": 1.5}, 0.5, 0.9, id="two strong hits"),
        pytest.param({"count_5m": 9.0, "amount_log_ratio": 1.5}, 0.5, 0.9, id="a third as strong"),
        pytest.param({"count_5m": 9.0, "amount_log_ratio": 3.0}, 0.9, 1.0, id="two very strong"),
    ],
)
def test_hits_add_up_to_review_and_only_extremes_to_block(features, low, high):
    assert low <= sigmoid(logit({**QUIET, **features})) < high


def test_without_features_the_rules_give_their_base():
    assert logit({}) == BASE
