"""Tests of the reasons."""

import pytest

from app.core.domain import ALONE, Trust
from app.streams.fraud.explain import LEAST, MOST, RULE_THEMES, explain
from app.streams.fraud.features import BY_NAME, FEATURES
from app.streams.fraud.rules import RULES, rules

X = {
    "amount": 412.0,
    "amount_log_ratio": 2.0668,
    "count_30d": 9.0,
    "amount_zscore": 6.0,
    "count_5m": 5.0,
    "km_from_home": 12345.6,
    "first_at_merchant": 1.0,
    "merchant_risk_7d": 0.25,
    "customer_frauds_14d": 2.0,
}


def test_every_feature_and_rule_has_words():
    assert list(BY_NAME.values()) == list(FEATURES)
    assert all(feature.phrase.count("{") == 1 for feature in FEATURES)
    assert set(RULE_THEMES) == {rule.__name__ for rule in RULES}
    assert set(RULE_THEMES.values()) <= {feature.theme for feature in FEATURES}


@pytest.mark.parametrize("value", [0.0, 1.0, 2.5, 1e12])
@pytest.mark.parametrize("name", BY_NAME)
def test_any_value_can_be_said(name, value):
    text = BY_NAME[name].words(value)
    assert text and "{" not in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("amount", "amount 412.00"),
        ("amount_log_ratio", "amount is 7.9 times the typical amount"),
        ("count_5m", "transactions within 5 minutes: 5"),
        ("km_from_home", "12,346 km from home"),
        ("first_at_merchant", "a new merchant"),
        ("merchant_risk_7d", "merchant's fraud rate of 7 days is 25.0%"),
    ],
)
def test_phrases_carry_the_number(name, text):
    assert BY_NAME[name].words(X[name]) == text


def test_the_largest_contributions_come_first_and_at_most_four():
    shares = {name: float(rank + 1) for rank, name in enumerate(X)}
    reasons = explain(X, shares, [], ALONE)
    assert [reason.name for reason in reasons] == list(X)[:-5:-1]
    assert len(reasons) == MOST


def test_features_that_say_the_same_are_named_once():
    shares = {"amount_log_ratio": 1.0, "amount_zscore": 2.0, "amount": 0.5, "count_5m": 0.7}
    assert [r.name for r in explain(X, shares, [], ALONE)] == [
        "amount_zscore",
        "count_5m",
    ]


def test_what_speaks_for_the_customer_or_hardly_counts_is_no_reason():
    assert explain(X, {"amount": -3.0, "count_5m": LEAST / 2}, [], ALONE) == []


def test_rules_and_model_are_weighed_as_in_the_score():
    hits = rules(X)
    reasons = explain(X, {"first_at_merchant": 1.0}, hits, Trust(model=0.25, rules=0.75))
    expected = {hit.name: 0.75 * hit.weight for hit in hits} | {"first_at_merchant": 0.25}
    assert {reason.name: reason.contribution for reason in reasons} == expected
    assert reasons[0].text == "amount 412.00 is 7.9 times the typical amount"


def test_equal_contributions_have_one_order():
    shares = {"count_5m": 1.0, "amount": 1.0, "km_from_home": 1.0}
    backwards = dict(reversed(shares.items()))
    assert explain(X, shares, [], ALONE) == explain(X, backwards, [], ALONE)
