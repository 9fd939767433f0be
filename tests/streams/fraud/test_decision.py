"""Tests of the decision: rules, blend, model."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.core.batch import Batch, appraise
from app.core.domain import Application, Verdict
from app.core.fold import LearningState
from app.core.messages import Origin, Source
from app.core.verdicts import decide
from app.streams.fraud.features import FEATURES, SMALL
from app.streams.fraud.messages import Example, Prediction, Transaction, read_prediction
from app.streams.fraud.rules import rules
from app.streams.fraud.rules_weight import GROWN
from app.wire import encode
from tests.cards import cards

TX = Transaction(id="t1", at=1_700_000_000_000, customer="c1", merchant="m1", amount=20.0)
GOOD = {"amount": 20.0, "amount_log_ratio": 0.1, "count_5m": 1.0}
BAD = {"amount": 500.0, "amount_log_ratio": 3.2, "count_5m": 6.0, "count_30d": 9.0}


def deciding(**other: Any) -> Application:
    return cards(**{"partitions": 2, **other})


CARDS = deciding()


def judged(x: dict[str, float], state: LearningState, application: Application = CARDS) -> Verdict:
    """What is said of features in partition 0."""
    return appraise(application, x, state, 0)


def decided(
    state: LearningState, source: Source, application: Application = CARDS, degraded: bool = False
) -> Prediction:
    """The decision on a customer's first transaction."""
    batch = Batch(application, state, degraded)
    batch.add(TX, source, application.open(None))
    (answer,) = batch.decide()
    assert answer.fresh is not None
    return answer.fresh


def taught(frauds: int, others: int = 2, partition: int = 0) -> LearningState:
    """A state that has learned so many frauds, each after some legitimate transactions."""
    state = CARDS.new_state()
    for offset in range((others + 1) * frauds):
        y = int(offset % (others + 1) == others)
        state.fold(
            Example(
                id=f"t{offset}",
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
OTHERS = FULL.negatives // FULL.positives
FRESH, YOUNG, OLD = taught(0), taught(FULL.positives // 2, OTHERS), taught(FULL.positives, OTHERS)
OLD.statistics.rules_weight.alerts = 50.0  # none of them a fraud


@pytest.mark.parametrize(
    ("state", "scope", "mode"),
    [
        pytest.param(FRESH, "both", "rules", id="nothing learned"),
        pytest.param(YOUNG, "both", "blend", id="young"),
        pytest.param(OLD, "both", "model", id="grown"),
        pytest.param(OLD, "shared", "model", id="grown, shared"),
        pytest.param(taught(FULL.positives, OTHERS), "both", "blend", id="the rules still count"),
        pytest.param(OLD, "partition", "blend", id="one partition's needs more"),
        pytest.param(taught(500, 1), "both", "blend", id="hardly a legitimate one learned"),
    ],
)
def test_the_mode_follows_the_frauds_learned_and_the_weight_of_the_rules(state, scope, mode):
    application = deciding(model_scope=scope)
    assert judged(BAD, state, application).mode == mode
    for degraded, named in ((False, mode), (True, "degraded")):
        assert decided(state, Source(0, 7), application, degraded).mode == named


def test_a_partition_that_learned_nothing_has_rules_in_its_own_scope():
    assert appraise(deciding(model_scope="partition"), BAD, YOUNG, 1).mode == "rules"


def test_degraded_changes_the_mode_alone():
    application = dataclasses.replace(CARDS, look=lambda tx, past, knowledge: BAD)
    for state in (FRESH, YOUNG, OLD):
        plain, late = (
            decided(state, Source(0, 7), application, degraded) for degraded in (False, True)
        )
        assert plain.reasons
        assert late == replace(plain, mode="degraded")


@pytest.mark.parametrize("state", [FRESH, YOUNG, OLD], ids=["rules", "blend", "model"])
def test_fraud_scores_above_the_ordinary_from_the_first_day(state):
    good, bad = (judged(x, state) for x in (GOOD, BAD))
    assert good.decision == "approve"
    assert good.reasons == []
    assert bad.decision != "approve"
    assert bad.reasons[0].contribution > 0


def test_the_first_fraud_learned_moves_the_score_a_little():
    before, after = (judged(GOOD, state).score for state in (FRESH, taught(1)))
    assert after == pytest.approx(before, rel=0.25)


def test_a_grown_model_is_not_told_by_rules():
    odd = {**GOOD, "kmh_from_last": 5000.0}  # never learned, so the model does not mind
    assert len(rules(odd)) > len(rules(GOOD))
    assert judged(odd, OLD).score == judged(GOOD, OLD).score


@given(
    st.dictionaries(st.sampled_from([feature.name for feature in FEATURES]), st.floats(-1e14, 1e14))
)
def test_a_score_lies_strictly_between_0_and_1_whatever_the_features(x):
    for state in (FRESH, YOUNG, OLD):
        verdict = judged({"amount": 1.0, **x}, state)
        assert 0 < verdict.score < 1
        assert verdict.decision == decide(verdict.score, CARDS.review, CARDS.block)
        assert (verdict.reasons == []) or verdict.decision != "approve"


def test_a_stored_decision_is_computed_again_to_the_last_bit():
    """From the wire: the features of the prediction, and a copy of the state."""
    for state in (FRESH, YOUNG, OLD):
        sent = decided(state, Source(0, 7))
        stored = read_prediction(encode(sent))
        copy = CARDS.new_state()
        copy.load(state.parts())
        again = appraise(CARDS, stored.features, copy, stored.source.partition)
        for name in ("score", "decision", "mode", "reasons"):
            assert getattr(again, name) == getattr(stored, name)


def test_a_prediction_says_what_was_judged_and_by_what():
    prediction = decided(YOUNG, Source(1, 7))
    assert (prediction.id, prediction.key, prediction.merchant) == ("t1", "c1", "m1")
    assert prediction.source == Source(1, 7)
    assert (prediction.model.name, prediction.model.scope) == ("grove", "both")
    assert prediction.model.version == YOUNG.version
    assert prediction.engine == "e1"
    assert prediction.features["merchant_labels"] == YOUNG.version


def test_a_prediction_has_the_features_of_its_set_and_names_it():
    full = decided(FRESH, Source(1, 7))
    small = decided(FRESH, Source(1, 7), deciding(features=SMALL.name))
    kept = {name: value for name, value in full.features.items() if name in SMALL.grids}
    assert small.features == kept != full.features
    assert (small.model.features, full.model.features) == (SMALL.name, "fraud-full")
    before = encode(full).replace(b',"features":"fraud-full"', b"")  # of an earlier release
    assert read_prediction(before) == full
    assert (small.score, small.reasons) == (full.score, full.reasons)  # both by rules alone
