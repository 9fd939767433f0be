"""The reasons of a decision, in words with numbers."""

from collections.abc import Mapping, Sequence

from app.core.domain import Trust
from app.core.messages import Reason
from app.streams.fraud.features import BY_NAME
from app.streams.fraud.rules import Hit

MOST = 4
LEAST = 0.05  # logits; what contributes less is not a reason

RULE_THEMES = {
    "amount_above_history": "amount",
    "burst": "pace",
    "card_testing": "pace",
    "impossible_travel": "place",
    "merchant_under_attack": "merchant",
}


def explain(
    x: Mapping[str, float], shares: Mapping[str, float], hits: Sequence[Hit], trust: Trust
) -> list[Reason]:
    """At most four reasons, the largest contribution first, one per theme.

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
        theme = RULE_THEMES.get(name) or BY_NAME[name].theme
        if theme not in themes:
            themes.add(theme)
            text = texts.get(name) or BY_NAME[name].words(x[name])
            reasons.append(Reason(name, contribution, text))
    return reasons
