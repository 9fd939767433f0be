"""The reasons of a decision, in words with numbers."""

from collections.abc import Callable, Mapping, Sequence
from math import exp
from typing import NamedTuple

from app.messages import Reason
from app.streams.fraud.rules import Hit

MOST = 4
LEAST = 0.05  # logits; what contributes less is no reason


class Phrase(NamedTuple):
    """The words for a feature, with `{}` where `show` of its value goes.

    Features of one theme say much the same; of each theme only the largest is named.
    """

    theme: str
    text: str
    show: Callable[[float], object] = float


def duration(seconds: float) -> str:
    """A length of time in its largest fitting unit.

    >>> duration(40), duration(5400), duration(86400 * 3)
    ('40 seconds', '1.5 hours', '3.0 days')
    """
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def times(log_ratio: float) -> str:
    """The ratio that a logarithm stands for.

    >>> times(2.0), times(-3.0)
    ('7.4', '0.05')
    """
    ratio = exp(min(log_ratio, 50.0))  # kept finite
    return f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2g}"


def since(log_seconds: float) -> str:
    """The length of time that ln(1 + seconds) stands for."""
    return duration(exp(min(log_seconds, 50.0)) - 1)


def either(no: str, yes: str) -> Callable[[float], str]:
    """Words for a feature that is 0 or 1."""
    return lambda value: yes if value else no


SPANS = {
    "1m": "a minute",
    "5m": "5 minutes",
    "60m": "an hour",
    "1d": "a day",
    "7d": "7 days",
    "30d": "30 days",
}

PHRASES: Mapping[str, Phrase] = {
    "amount": Phrase("amount", "amount {:.2f}"),
    "amount_log_ratio": Phrase("amount", "amount is {} times the typical amount", times),
    "amount_zscore": Phrase("amount", "amount is {:.1f} standard deviations from the mean"),
    "largest_log_ratio_14d": Phrase(
        "spending", "largest amount of 14 days is {} times the typical amount", times
    ),
    "log_ratio_to_largest_14d": Phrase(
        "amount", "amount is {} times the largest of 14 days", times
    ),
    "days_since_spike": Phrase("spending", "an unusually high amount {:.1f} days ago"),
    "hour": Phrase("time", "at {:.0f} h UTC"),
    "night": Phrase("time", "{}", either("not at night", "at night, UTC")),
    "weekend": Phrase("time", "{}", either("on a working day", "at the weekend")),
    **{
        name + window: phrase
        for window, words in SPANS.items()
        for name, phrase in (
            ("count_", Phrase("pace", f"transactions within {words}: {{:.0f}}")),
            ("mean_", Phrase("spending", f"mean amount {{:.2f}} within {words}")),
        )
    },
    "log_seconds_since_last": Phrase("pace", "{} after the last transaction", since),
    "km_from_home": Phrase("place", "{:,.0f} km from home"),
    "kmh_from_last": Phrase("place", "{:,.0f} km/h from the last place"),
    "first_at_merchant": Phrase("novelty", "{}", either("a known merchant", "a new merchant")),
    "merchant_risk_1d": Phrase("merchant", "merchant's fraud rate of 1 day is {:.1%}"),
    "merchant_risk_7d": Phrase("merchant", "merchant's fraud rate of 7 days is {:.1%}"),
    "merchant_risk_30d": Phrase("merchant", "merchant's fraud rate of 30 days is {:.1%}"),
    "merchant_labels": Phrase("merchant", "labels of the merchant: {:.0f}"),
    "merchant_run": Phrase("merchant", "frauds in a row at the merchant: {:.0f}"),
    "merchant_run_days": Phrase(
        "merchant", "frauds without a break at the merchant for {:.1f} days"
    ),
    "merchant_unexplained_run": Phrase(
        "merchant", "frauds with usual amounts in a row at the merchant: {:.0f}"
    ),
    "merchant_unexplained_days": Phrase(
        "merchant", "frauds with usual amounts at the merchant for {:.1f} days"
    ),
    "merchant_unexplained_age": Phrase(
        "merchant", "the first of the merchant's frauds in a row was {:.1f} days ago"
    ),
    "merchant_alarm": Phrase(
        "merchant", "frauds with usual amounts at the merchant, less legitimate ones: {:.1f}"
    ),
    "merchant_alarm_age": Phrase("merchant", "such frauds at the merchant for {:.1f} days"),
    "location_frauds": Phrase("merchant", "frauds at this merchant in this location: {:.0f}"),
    "customer_frauds_14d": Phrase("customer", "frauds of this customer within 14 days: {:.0f}"),
}

RULE_THEMES = {
    "amount_above_history": "amount",
    "burst": "pace",
    "card_testing": "pace",
    "impossible_travel": "place",
    "merchant_under_attack": "merchant",
}


class Trust(NamedTuple):
    """Weights of the model's logit and of what rules hit, 0 to 1."""

    model: float
    rules: float


def explain(
    x: Mapping[str, float], shares: Mapping[str, float], hits: Sequence[Hit], trust: Trust
) -> list[Reason]:
    """At most four reasons, the largest contribution first, one a theme.

    Parameters
    ----------
    shares
        Each feature's share of the model's logit.
    hits
        The rules that hit.
    trust
        How far both count.

    Examples
    --------
    >>> reasons = explain({"count_5m": 6.0}, {"count_5m": 1.2}, [], Trust(1.0, 0.0))
    >>> [reason.text for reason in reasons]
    ['transactions within 5 minutes: 6']
    """
    ranked = [(trust.model * share, name) for name, share in shares.items()]
    ranked += [(trust.rules * hit.weight, hit.name) for hit in hits]
    ranked.sort(key=lambda entry: (-entry[0], entry[1]))
    texts = {hit.name: hit.text for hit in hits}
    reasons: list[Reason] = []
    themes: set[str] = set()
    for contribution, name in ranked:
        if contribution < LEAST or len(reasons) == MOST:
            break
        theme = RULE_THEMES.get(name) or PHRASES[name].theme
        if theme not in themes:
            themes.add(theme)
            reasons.append(Reason(name, contribution, texts.get(name) or phrase(name, x[name])))
    return reasons


def phrase(name: str, value: float) -> str:
    """One feature in words.

    >>> phrase("amount_log_ratio", 2.0)
    'amount is 7.4 times the typical amount'
    """
    words = PHRASES[name]
    return words.text.format(words.show(value))
