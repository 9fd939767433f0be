"""From features to a decision: rules first, a blend while the model is young, then the model."""

from typing import NamedTuple

from app.core.fold import LearningState
from app.core.logit import sigmoid
from app.fraud.explain import explain
from app.fraud.features import extract
from app.fraud.merchants import Merchants
from app.fraud.past import Past
from app.fraud.rules import BASE, rules
from app.messages import Decision, Mode, ModelUsed, Prediction, Reason, Source, Transaction

# Learned frauds from which the scoring models need no rules, by scope. Average precision on
# days 14-20, 21-27 and 28-34 of the Handbook stream from nothing: rules .43 .52 .49, shared
# model .40 .66 .75, the line between them over 200 frauds the same, over 1000 .63 .71 .75.
GROWN = {"shared": 1000, "both": 1000, "partition": 2000}
LARGEST = 30.0  # logit beyond which the probability would round to 0 or 1


class Policy(NamedTuple):
    """How to decide: the zoo entry and scope that score, the two thresholds, the engine."""

    model: str
    scope: str
    review: float
    block: float
    engine: str


class Verdict(NamedTuple):
    """What features and state alone say: the score lies strictly between 0 and 1."""

    score: float
    decision: Decision
    mode: Mode
    reasons: list[Reason]


def judge(
    tx: Transaction,
    past: Past,
    state: LearningState,
    source: Source,
    policy: Policy,
    degraded: bool = False,
) -> Prediction:
    """Decide on a transaction, given its customer's past and what has been learned.

    Parameters
    ----------
    source
        Where the record lies; its partition chooses the partition model.
    degraded
        Whether the learning state lags. A past that is not whole degrades as well.
    """
    merchants, location = state.statistics, tx.location
    assert isinstance(
        merchants, Merchants
    )  # the statistics that a state of this domain is made with
    x = extract(tx, past, merchants.view(tx.merchant, location, tx.at))
    verdict = appraise(x, state, source.partition, policy, degraded or not past.whole)
    return Prediction(
        id=tx.id,
        customer=tx.customer,
        merchant=tx.merchant,
        location=location,
        amount=tx.amount,
        at=tx.at,
        score=verdict.score,
        decision=verdict.decision,
        reasons=verdict.reasons,
        mode=verdict.mode,
        model=ModelUsed(policy.model, policy.scope, state.version),
        features=x,
        source=source,
        engine=policy.engine,
    )


def appraise(
    x: dict[str, float],
    state: LearningState,
    partition: int,
    policy: Policy,
    degraded: bool = False,
) -> Verdict:
    """Score, decision and reasons: the same bits for the same features and state.

    With the frauds learned, the logit runs in a straight line from the rules' to the model's.
    So neither the first fraud nor the last one of youth makes a jump: a model that has seen
    ten examples is sure of itself, and one without any says even odds. Reasons are given
    from review on; an approval has none.
    """
    grown = maturity(state.frauds(partition, policy.scope), policy.scope)
    hits = rules(x) if grown < 1 else []
    logit = (1 - grown) * (BASE + sum(hit.weight for hit in hits))
    if grown > 0:
        logit += grown * state.logit(x, partition, policy.scope)
    score = sigmoid(max(-LARGEST, min(logit, LARGEST)))
    decision = decide(score, policy.review, policy.block)
    reasons: list[Reason] = []
    if decision != "approve":
        shares = state.contributions(x, partition, policy.scope) if grown > 0 else {}
        reasons = explain(x, shares, hits, grown)
    mode: Mode = "rules" if grown == 0 else "blend" if grown < 1 else "model"
    return Verdict(score, decision, "degraded" if degraded else mode, reasons)


def maturity(frauds: int, scope: str) -> float:
    """How far the models have grown up, 0 to 1, by the frauds they have learned.

    >>> maturity(0, "both"), maturity(500, "both"), maturity(500, "partition")
    (0.0, 0.5, 0.25)
    """
    return min(frauds / GROWN[scope], 1.0)


def decide(score: float, review: float, block: float) -> Decision:
    """The decision on a score: a threshold belongs to the harsher side.

    >>> decide(0.1, 0.5, 0.9), decide(0.5, 0.5, 0.9), decide(0.9, 0.5, 0.9)
    ('approve', 'review', 'block')
    """
    if score >= block:
        return "block"
    return "review" if score >= review else "approve"
