"""The phrases of features and the themes of rules."""

import pytest

from app.streams.fraud.features import BY_NAME, FEATURES
from app.streams.fraud.rules import RULES
from tests.cards import TELLING


def test_every_feature_has_words():
    assert list(BY_NAME.values()) == list(FEATURES)
    assert all(feature.phrase.count("{") == 1 for feature in FEATURES)


@pytest.mark.parametrize("rule", [rule.hit for rule in RULES])
def test_a_rule_has_its_name_and_the_theme_of_a_feature(rule):
    worst = {"count_5m": 9.0, "count_30d": 9.0, "kmh_from_last": 5000.0, "merchant_run": 9.0}
    ratio = -3.0 if rule.__name__ == "card_testing" else 3.0
    hit = rule({**worst, "amount": 9.0, "amount_log_ratio": ratio})
    assert hit.name == rule.__name__
    assert hit.theme in {feature.theme for feature in FEATURES}


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
    assert BY_NAME[name].words(TELLING[name]) == text
