"""What is held against what when a decision is computed again."""

import msgspec
import pytest

from app.core.fold import LearningState
from app.messages import ModelUsed, Prediction, Source
from app.serving.verify import differing, incomparable
from app.streams.fraud.decision import Policy, appraise
from app.streams.fraud.features import GRIDS
from app.streams.fraud.knowledge import Knowledge
from tests.web.conftest import prediction

POLICY = Policy("binned", "both", 0.0, 0.9, "0-test")
FEATURES = {"amount": 300.0, "count_1h": 9.0}


def learned() -> LearningState:
    state = LearningState("binned", 2, GRIDS, Knowledge())
    state.version = 17
    return state


def decided() -> Prediction:
    """A decision as a worker with this state makes it."""
    verdict = appraise(FEATURES, learned(), 1, POLICY)
    return msgspec.structs.replace(
        prediction("t1", "c1"),
        features=FEATURES,
        score=verdict.score,
        threshold=POLICY.review,
        decision=verdict.decision,
        reasons=verdict.reasons,
        source=Source(1, 5),
    )


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({}, []),
        ({"mode": "degraded"}, []),
        ({"score": 0.1}, ["score"]),
        ({"decision": "approve"}, ["decision"]),
        ({"features": FEATURES | {"count_5m": 9.0}}, ["score", "reasons"]),
        ({"model": ModelUsed("binned", "both", 16)}, ["model"]),
        ({"source": Source(0, 5)}, ["source"]),
        ({"threshold": None}, []),
        ({"threshold": 0.99}, ["decision"]),
        ({"threshold": 0.99, "decision": "approve", "reasons": []}, []),
    ],
    ids=[
        "as decided",
        "mode",
        "score",
        "decision",
        "features",
        "version",
        "partition",
        "a decision from before thresholds were named",
        "threshold",
        "decided with another threshold than the settings'",
    ],
)
def test_what_was_changed_is_named(change, differs):
    stored = msgspec.structs.replace(decided(), **change)
    assert differing(stored, learned(), 1, POLICY) == differs


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (POLICY, ""),
        (POLICY._replace(review=0.7), ""),
        (POLICY._replace(engine="1-other"), "engine 0-test"),
        (POLICY._replace(model="blend"), "model binned, scope both"),
        (POLICY._replace(scope="shared"), "model binned, scope both"),
        (POLICY._replace(features="fraud-small"), "features fraud-full"),
    ],
    ids=["the same", "other thresholds", "engine", "model", "scope", "features"],
)
def test_decisions_of_another_engine_model_or_feature_set_are_not_compared(policy, why):
    assert incomparable(decided(), policy) == why
