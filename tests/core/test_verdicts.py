"""Scores, decisions, and the reasons that are given."""

from app.core.domain import ALONE, Trust
from app.core.verdicts import LEAST, MOST, explain
from app.streams.fraud.features import BY_NAME
from app.streams.fraud.rules import rules
from tests.cards import TELLING


def test_the_largest_contributions_come_first_and_at_most_four():
    shares = {name: float(rank + 1) for rank, name in enumerate(TELLING)}
    reasons = explain(BY_NAME, TELLING, shares, [], ALONE)
    assert [reason.name for reason in reasons] == list(TELLING)[:-5:-1]
    assert len(reasons) == MOST


def test_features_that_say_the_same_are_named_once():
    shares = {"amount_log_ratio": 1.0, "amount_zscore": 2.0, "amount": 0.5, "count_5m": 0.7}
    assert [r.name for r in explain(BY_NAME, TELLING, shares, [], ALONE)] == [
        "amount_zscore",
        "count_5m",
    ]


def test_what_speaks_for_the_customer_or_hardly_counts_is_no_reason():
    assert explain(BY_NAME, TELLING, {"amount": -3.0, "count_5m": LEAST / 2}, [], ALONE) == []


def test_rules_and_model_are_weighed_as_in_the_score():
    hits = rules(TELLING)
    reasons = explain(
        BY_NAME, TELLING, {"first_at_merchant": 1.0}, hits, Trust(model=0.25, rules=0.75)
    )
    expected = {hit.name: 0.75 * hit.weight for hit in hits} | {"first_at_merchant": 0.25}
    assert {reason.name: reason.contribution for reason in reasons} == expected
    assert reasons[0].text == "amount 412.00 is 7.9 times the typical amount"


def test_equal_contributions_have_one_order():
    shares = {"count_5m": 1.0, "amount": 1.0, "km_from_home": 1.0}
    backwards = dict(reversed(shares.items()))
    assert explain(BY_NAME, TELLING, shares, [], ALONE) == explain(
        BY_NAME, TELLING, backwards, [], ALONE
    )
