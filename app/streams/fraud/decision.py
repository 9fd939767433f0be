"""From features to a decision: rules first, rules and model while it is young, then the model."""

from collections.abc import Mapping
from math import log
from typing import NamedTuple

from app.core.domain import NOTHING, Feature, Scoring, Trust, Verdict
from app.core.dump import Learned
from app.core.messages import Reason
from app.core.models.logit import add_odds
from app.core.verdicts import decide, explain, mode_of, score_of
from app.streams.fraud.features import BY_NAME
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.rules import BASE, rules
from app.streams.fraud.rules_weight import grown


class Policy(NamedTuple):
    """Which models score, the score from which a transaction is blocked, the features by name."""

    scope: str
    block: float
    features: Mapping[str, Feature] = BY_NAME

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
        state, partition, trust, review, judged = scoring
        hits = rules(x) if trust.rules > 0 else []
        mixed = (1 - trust.model) * BASE
        if trust.model > 0:
            mixed += trust.model * logit
        if hits:
            mixed = add_odds(mixed, BASE + sum(hit.weight for hit in hits) + log(trust.rules))
        score = score_of(mixed)
        decision = decide(score, review, self.block)
        reasons: list[Reason] = []
        if decision != "approve":
            shares = state.contributions(x, partition, self.scope) if trust.model > 0 else {}
            named = NOTHING if judged is None else judged.raw
            reasons = explain(self.features, x, shares, hits, trust, named)
        return Verdict(score, decision, mode_of(trust), reasons)
