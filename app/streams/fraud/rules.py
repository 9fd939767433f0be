"""What an experienced eye would stop before any model has learned: a few rules on features."""

from collections.abc import Callable, Mapping
from math import exp, log
from typing import NamedTuple

from app.core.verdicts import Hit

BASE = -4.0  # logit of a transaction that no rule hits, about 2 %
# Two strong hits, or one very strong, reach even odds. Blocking takes more than three strong hits.
STRONG, VERY_STRONG = 2.0, 4.0
# Transactions in 30 days, this one included, from which a typical amount means something: most
# amounts far above it are those of new customers.
ACQUAINTED = 6
FOUR_TIMES = log(4)

Features = Mapping[str, float]


def amount_above_history(x: Features) -> Hit | None:
    """An amount of several times what the customer usually spends."""
    if x.get("count_30d", 0.0) < ACQUAINTED:
        return None
    ratio = _times_typical(x)
    weight = STRONG if ratio < 10 else VERY_STRONG
    text = f"amount {x['amount']:.2f} is {ratio:.1f} times the typical amount"
    return Hit("amount_above_history", weight, text, "amount")


def burst(x: Features) -> Hit | None:
    """More transactions in minutes than a person makes."""
    count = x["count_5m"]
    weight = STRONG if count < 8 else VERY_STRONG
    return Hit("burst", weight, f"{count:.0f} transactions within 5 minutes", "pace")


def card_testing(x: Features) -> Hit | None:
    """Several amounts in minutes, each far below the customer's typical one."""
    count, ratio = x["count_5m"], _times_typical(x)
    if ratio > 0.35:
        return None
    text = f"{count:.0f} transactions within 5 minutes, this one {ratio:.0%} of the typical amount"
    return Hit("card_testing", STRONG, text, "pace")


def impossible_travel(x: Features) -> Hit | None:
    """A trip from the last place that takes an airliner or more."""
    speed = x["kmh_from_last"]
    weight = STRONG if speed < 3000 else VERY_STRONG
    return Hit("impossible_travel", weight, f"{speed:,.0f} km/h from the last place", "place")


def merchant_under_attack(x: Features) -> Hit | None:
    """A merchant whose latest labels are frauds."""
    run, days = x["merchant_run"], x.get("merchant_run_days", 0.0)
    if days > 45:
        return None
    weight = STRONG if run < 4 else VERY_STRONG
    text = f"the last {run:.0f} labels of the merchant are fraud, the first {days:.0f} days ago"
    return Hit("merchant_under_attack", weight, text, "merchant")


class Rule(NamedTuple):
    """A rule, asked where a feature is at least so much: most transactions are asked nothing."""

    feature: str
    least: float
    hit: Callable[[Features], Hit | None]


RULES = (
    Rule("amount_log_ratio", FOUR_TIMES, amount_above_history),
    Rule("count_5m", 4.0, burst),
    Rule("count_5m", 3.0, card_testing),
    Rule("kmh_from_last", 900.0, impossible_travel),
    Rule("merchant_run", 2.0, merchant_under_attack),
)


def rules(x: Features) -> list[Hit]:
    """The rules that hit, in the order of RULES.

    >>> [hit.name for hit in rules({"amount": 500.0, "amount_log_ratio": 2.5, "count_30d": 9.0})]
    ['amount_above_history']
    """
    asked = [ask for feature, least, ask in RULES if x.get(feature, 0.0) >= least]
    return [hit for ask in asked if (hit := ask(x)) is not None]


def alert(x: Features) -> bool:
    """Whether the rules alone reach even odds.

    >>> alert({"count_5m": 9.0}), alert({"count_5m": 5.0})
    (True, False)
    """
    hits = rules(x)
    return bool(hits) and BASE + sum([hit.weight for hit in hits]) >= 0


def _times_typical(x: Features) -> float:
    return exp(min(x.get("amount_log_ratio", 0.0), 50.0))
