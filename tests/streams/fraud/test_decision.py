"""Tests of the decision: rules, blend, model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.core.batch import Account
from app.core.fold import LearningState
from app.messages import Example, Origin, Prediction, Source, Transaction, encode, read_prediction
from app.streams.fraud.decision import Policy, appraise, decide
from app.streams.fraud.features import FEATURES, GRIDS, SMALL
from app.streams.fraud.history.record import Limits
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.rules import rules
from app.streams.fraud.rules_weight import GROWN

POLICY = Policy(model="binned", scope="both", review=0.5, block=0.9, engine="e1")
TX = Transaction(id="t1", at=1_700_000_000_000, customer="c1", merchant="m1", amount=20.0)
GOOD = {"amount": 20.0, "amount_log_ratio": 0.1, "count_5m": 1.0}
BAD = {"amount": 500.0, "amount_log_ratio": 3.2, "count_5m": 6.0, "count_30d": 9.0}


def decided(state: LearningState, source: Source, policy: Policy = POLICY) -> Prediction:
    """The decision on a customer's first transaction."""
    answer = Account(state, policy, Limits(8, 4, 4), epoch=1).decide(TX, source, None, None)
    assert answer.fresh is not None
    return answer.fresh


def taught(frauds: int, others: int = 2, partition: int = 0) -> LearningState:
    """A state that has learned so many frauds, each after some legitimate transactions."""
    state = LearningState("binned", 2, GRIDS, Knowledge())
    for offset in range((others + 1) * frauds):
        y = int(offset % (others + 1) == others)
        state.fold(
            Example(
                tx=f"t{offset}",
                x=BAD if y else GOOD,
                y=y,
                w=1.0,
                previous=None,
                score=0.5,
                version=0,
                merchant="m1",
                location="",
                at=0,
                known=0,
                origin=Origin(1, partition, offset),
                end_of_step=False,
            ),
            offset,
        )
    return state


FULL = GROWN["both"]
OTHERS = FULL.legitimate // FULL.frauds
FRESH, YOUNG, OLD = taught(0), taught(FULL.frauds // 2, OTHERS), taught(FULL.frauds, OTHERS)
OLD.statistics.trial.alerts = 50.0  # none of them a fraud


@pytest.mark.parametrize(
    ("state", "scope", "mode"),
    [
        pytest.param(FRESH, "both", "rules", id="nothing learned"),
        pytest.param(YOUNG, "both", "blend", id="young"),
        pytest.param(OLD, "both", "model", id="grown"),
        pytest.param(OLD, "shared", "model", id="grown, shared"),
        pytest.param(taught(FULL.frauds, OTHERS), "both", "blend", id="the rules still count"),
        pytest.param(OLD, "partition", "blend", id="one partition's needs more"),
        pytest.param(taught(500, 1), "both", "blend", id="hardly a legitimate one learned"),
    ],
)
def test_the_mode_follows_the_frauds_learned_and_the_trial(state, scope, mode):
    policy = POLICY._replace(scope=scope)
    assert appraise(BAD, state, 0, policy).mode == mode
    assert appraise(BAD, state, 0, policy, degraded=True).mode == "degraded"


def test_a_partition_that_learned_nothing_has_rules_in_its_own_scope():
    assert appraise(BAD, YOUNG, 1, POLICY._replace(scope="partition")).mode == "rules"


def test_degraded_changes_the_mode_alone():
    for state in (FRESH, YOUNG, OLD):
        plain, late = (appraise(BAD, state, 0, POLICY, degraded) for degraded in (False, True))
        assert late == replace(plain, mode="degraded")


@pytest.mark.parametrize("state", [FRESH, YOUNG, OLD], ids=["rules", "blend", "model"])
def test_fraud_scores_above_the_ordinary_from_the_first_day(state):
    good, bad = (appraise(x, state, 0, POLICY) for x in (GOOD, BAD))
    assert good.decision == "approve"
    assert good.reasons == []
    assert bad.decision != "approve"
    assert bad.reasons[0].contribution > 0


def test_the_first_fraud_learned_moves_the_score_a_little():
    before, after = (appraise(GOOD, state, 0, POLICY).score for state in (FRESH, taught(1)))
    assert after == pytest.approx(before, rel=0.25)


def test_a_grown_model_is_not_told_by_rules():
    odd = {**GOOD, "kmh_from_last": 5000.0}  # never learned, so the model does not mind
    assert len(rules(odd)) > len(rules(GOOD))
    assert appraise(odd, OLD, 0, POLICY).score == appraise(GOOD, OLD, 0, POLICY).score


@given(
    st.dictionaries(st.sampled_from([feature.name for feature in FEATURES]), st.floats(-1e14, 1e14))
)
def test_a_score_lies_strictly_between_0_and_1_whatever_the_features(x):
    for state in (FRESH, YOUNG, OLD):
        verdict = appraise({"amount": 1.0, **x}, state, 0, POLICY)
        assert 0 < verdict.score < 1
        assert verdict.decision == decide(verdict.score, POLICY.review, POLICY.block)
        assert (verdict.reasons == []) or verdict.decision != "approve"


def test_a_stored_decision_is_computed_again_to_the_last_bit():
    """From the wire: the features of the prediction, and a copy of the state."""
    for state in (FRESH, YOUNG, OLD):
        sent = decided(state, Source(0, 7))
        stored = read_prediction(encode(sent))
        copy = LearningState("binned", 2, GRIDS, Knowledge())
        copy.load(state.parts())
        again = appraise(stored.features, copy, stored.source.partition, POLICY)
        for name in ("score", "decision", "mode", "reasons"):
            assert getattr(again, name) == getattr(stored, name)


def test_a_prediction_says_what_was_judged_and_by_what():
    prediction = decided(YOUNG, Source(1, 7))
    assert (prediction.id, prediction.customer, prediction.merchant) == ("t1", "c1", "m1")
    assert prediction.source == Source(1, 7)
    assert (prediction.model.name, prediction.model.scope) == ("binned", "both")
    assert prediction.model.version == YOUNG.version
    assert prediction.engine == "e1"
    assert prediction.features["merchant_labels"] == YOUNG.version


def test_a_prediction_has_the_features_of_its_set_and_names_it():
    full = decided(FRESH, Source(1, 7))
    small = decided(FRESH, Source(1, 7), POLICY._replace(features=SMALL.name))
    kept = {name: value for name, value in full.features.items() if name in SMALL.grids}
    assert small.features == kept != full.features
    assert (small.model.features, full.model.features) == (SMALL.name, "fraud-full")
    before = encode(full).replace(b',"features":"fraud-full"', b"")  # of an earlier release
    assert read_prediction(before) == full
    assert (small.score, small.reasons) == (full.score, full.reasons)  # both by rules alone
