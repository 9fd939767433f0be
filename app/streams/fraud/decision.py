"""From features to a decision: rules first, rules and model while it is young, then the model."""

from math import log
from typing import NamedTuple

import msgspec

from app.core.fold import LearningState
from app.core.models.logit import add_odds, sigmoid
from app.messages import Decision, Mode, Reason, Transaction
from app.streams.fraud.explain import Trust, explain
from app.streams.fraud.extract import asks_for_risks, extract
from app.streams.fraud.features import FULL
from app.streams.fraud.history.past import Past
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.rules import BASE, rules
from app.streams.fraud.rules_weight import grown

ALONE = Trust(model=1.0, rules=0.0)
LARGEST = 30.0  # logit beyond which the probability would round to 0 or 1


class Policy(NamedTuple):
    """How to decide: the zoo entry and scope that score, the two thresholds, engine, feature set.

    With a review budget, `review` is where the thresholds of the partitions begin.
    """

    model: str
    scope: str
    review: float
    block: float
    engine: str
    features: str = FULL.name


class Verdict(msgspec.Struct):
    """What features and state alone say: the score lies strictly between 0 and 1."""

    score: float
    decision: Decision
    mode: Mode
    reasons: list[Reason]


def observe(
    tx: Transaction, past: Past, state: LearningState, features: str = FULL.name
) -> dict[str, float]:
    """The features of a transaction, given its customer's past and what merchants' labels say."""
    risks = asks_for_risks(features)
    merchant = known(state).merchants.view(tx.merchant, tx.location, tx.at, risks)
    return extract(tx, past, merchant, features)


def appraise(
    x: dict[str, float],
    state: LearningState,
    partition: int,
    policy: Policy,
    degraded: bool = False,
    review: float | None = None,
) -> Verdict:
    """Score, decision and reasons: the same bits for the same features, state and threshold.

    `review` is the score from which a transaction goes to review, None for the policy's.
    """
    trust = trust_in(state, partition, policy)
    logit = state.logit(x, partition, policy.scope) if trust.model > 0 else 0.0
    return conclude(x, logit, trust, state, partition, policy, degraded, review)


def trust_in(state: LearningState, partition: int, policy: Policy) -> Trust:
    """How far the model and the rules count in a partition: the same until a label is learned."""
    learned = state.learned_by(partition, policy.scope)
    return Trust(grown(learned, policy.scope), known(state).trial.weight)


def conclude(
    x: dict[str, float],
    logit: float,
    trust: Trust,
    state: LearningState,
    partition: int,
    policy: Policy,
    degraded: bool = False,
    review: float | None = None,
) -> Verdict:
    """As `appraise`, with the model's logit (any, if it counts for nothing) and trust at hand.

    The rules' base gives way to the model's logit while the first labels are learned, so that
    no fraud makes a jump: a model without any says even odds. The odds of what the rules hit
    are added to the model's, for as long as labels show that they find what it does not, see
    `Trial`. Reasons are given from review on; an approval has none.
    """
    hits = rules(x) if trust.rules > 0 else []
    mixed = (1 - trust.model) * BASE
    if trust.model > 0:
        mixed += trust.model * logit
    if hits:
        mixed = add_odds(mixed, BASE + sum(hit.weight for hit in hits) + log(trust.rules))
    score = sigmoid(max(-LARGEST, min(mixed, LARGEST)))
    decision = decide(score, policy.review if review is None else review, policy.block)
    reasons: list[Reason] = []
    if decision != "approve":
        shares = state.contributions(x, partition, policy.scope) if trust.model > 0 else {}
        reasons = explain(x, shares, hits, trust)
    mode: Mode = "rules" if not trust.model else "model" if trust == ALONE else "blend"
    return Verdict(score, decision, "degraded" if degraded else mode, reasons)


def known(state: LearningState) -> Knowledge:
    """The statistics that a state of this domain is made with."""
    assert isinstance(state.statistics, Knowledge)
    return state.statistics


def decide(score: float, review: float, block: float) -> Decision:
    """The decision on a score: a threshold belongs to the harsher side.

    >>> decide(0.1, 0.5, 0.9), decide(0.5, 0.5, 0.9), decide(0.9, 0.5, 0.9)
    ('approve', 'review', 'block')
    """
    if score >= block:
        return "block"
    return "review" if score >= review else "approve"
