"""From a score to a verdict: what every application does alike."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.core.domain import ALONE, NOTHING, Feature, Trust
from app.core.messages import Decision, Mode, Reason
from app.core.models.logit import sigmoid

LARGEST = 30.0  # logit beyond which the probability would round to 0 or 1
MOST = 4  # reasons
LEAST = 0.05  # logits; what contributes less is not a reason


class Hit(NamedTuple):
    """A rule that hit an event: its weight in logits, why in words, and the theme of that."""

    name: str
    weight: float
    text: str
    theme: str


def score_of(logit: float) -> float:
    """The probability of a logit, strictly between 0 and 1.

    >>> 0 < score_of(-1e9) < score_of(0.0) == 0.5
    True
    """
    return sigmoid(max(-LARGEST, min(logit, LARGEST)))


def decide(score: float, review: float, block: float) -> Decision:
    """The decision on a score: a threshold belongs to the harsher side.

    >>> decide(0.1, 0.5, 0.9), decide(0.5, 0.5, 0.9), decide(0.9, 0.5, 0.9)
    ('approve', 'review', 'block')
    """
    if score >= block:
        return "block"
    return "review" if score >= review else "approve"


def mode_of(trust: Trust) -> Mode:
    """Which of rules and model decided, by their weights."""
    if not trust.model:
        return "rules"
    return "model" if trust == ALONE else "blend"


def explain(
    features: Mapping[str, Feature],
    x: Mapping[str, float],
    shares: Mapping[str, float],
    hits: Sequence[Hit],
    trust: Trust,
    named: Mapping[str, str | float] = NOTHING,
) -> list[Reason]:
    """At most four reasons, the largest contribution first, one per theme.

    Parameters
    ----------
    features
        The application's, by name.
    shares
        Each feature's share of the model's logit.
    hits
        The rules that hit.
    trust
        How far both count.
    named
        The fields of the event, for features that are derived from one.
    """
    ranked = [(trust.model * share, name) for name, share in shares.items()]
    ranked += [(trust.rules * hit.weight, hit.name) for hit in hits]
    ranked.sort(key=lambda entry: (-entry[0], entry[1]))
    by_name = {hit.name: hit for hit in hits}
    reasons: list[Reason] = []
    themes: set[str] = set()
    for contribution, name in ranked:
        if contribution < LEAST or len(reasons) == MOST:
            break
        source = by_name.get(name) or features[name]
        if source.theme not in themes:
            themes.add(source.theme)
            text = source.text if isinstance(source, Hit) else source.words(x[name], named)
            reasons.append(Reason(name, contribution, text))
    return reasons
