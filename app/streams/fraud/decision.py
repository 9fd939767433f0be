"""From features to a decision: rules first, rules and model while it is young, then the model."""

from math import log
from typing import NamedTuple

from app.core.domain import ALONE, Scoring, Trust, Verdict
from app.core.dump import Learned
from app.core.messages import Decision, Mode, Reason
from app.core.models.logit import add_odds, sigmoid
from app.streams.fraud.explain import explain
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.rules import BASE, rules
from app.streams.fraud.rules_weight import grown

LARGEST = 30.0  # logit beyond which the probability would round to 0 or 1


class Policy(NamedTuple):
    """Which models score, and the score at and above which a transaction is blocked."""

    scope: str
    block: float

    def trust(self, learned: Learned, knowledge: Knowledge) -> Trust:
        """How far the model and the rules count."""
        return Trust(grown(learned, self.scope), knowledge.rules_weight.weight)

    def conclude(self, x: dict[str, float], logit: float, scoring: Scoring) -> Verdict:
        """Score, decision and reasons of a transaction's features.

        The rules' base gives way to the model's logit while the first labels are learned, so that
        no fraud makes a jump: a model without any predicts even odds. The odds of the rules that
        hit are added to the model's, for as long as labels show that they find what it does not,
        see `RulesWeight`. Reviews and blocks have reasons; an approval has none.
        """
        state, partition, trust, review = scoring
        hits = rules(x) if trust.rules > 0 else []
        mixed = (1 - trust.model) * BASE
        if trust.model > 0:
            mixed += trust.model * logit
        if hits:
            mixed = add_odds(mixed, BASE + sum(hit.weight for hit in hits) + log(trust.rules))
        score = sigmoid(max(-LARGEST, min(mixed, LARGEST)))
        decision = decide(score, review, self.block)
        reasons: list[Reason] = []
        if decision != "approve":
            shares = state.contributions(x, partition, self.scope) if trust.model > 0 else {}
            reasons = explain(x, shares, hits, trust)
        return Verdict(score, decision, mode_of(trust), reasons)


def mode_of(trust: Trust) -> Mode:
    """Which of rules and model decided, by their weights."""
    if not trust.model:
        return "rules"
    return "model" if trust == ALONE else "blend"


def decide(score: float, review: float, block: float) -> Decision:
    """The decision on a score: a threshold belongs to the harsher side.

    >>> decide(0.1, 0.5, 0.9), decide(0.5, 0.5, 0.9), decide(0.9, 0.5, 0.9)
    ('approve', 'review', 'block')
    """
    if score >= block:
        return "block"
    return "review" if score >= review else "approve"
