"""What is held against what when a decision is computed again."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app.core.batch import appraise, model_used
from app.core.domain import Application
from app.core.fold import LearningState
from app.core.messages import ModelUsed, Source
from app.serving.learning.verify import differing, incomparable
from app.streams.fraud.messages import Prediction
from tests.cards import ENGINE, cards
from tests.core.sayings import decision

FEATURES = {"amount": 300.0, "count_1h": 9.0}


def all_reviewed(**other: Any) -> Application:
    return cards(**{"partitions": 2, "review_threshold": 0.0, **other})


CARDS = all_reviewed()


def learned() -> LearningState:
    state = CARDS.new_state()
    state.version = 17
    return state


def decided() -> Prediction:
    """A decision as a worker with this state makes it."""
    verdict = appraise(CARDS, FEATURES, learned(), 1)
    return msgspec.structs.replace(
        decision("t1", "c1"),
        features=FEATURES,
        score=verdict.score,
        threshold=CARDS.review,
        decision=verdict.decision,
        reasons=verdict.reasons,
        model=model_used(CARDS, learned(), 1),
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
        ({"model": ModelUsed("grove", "both", 16)}, ["model"]),
        ({"model": ModelUsed("grove", "both", 17, own=0.5)}, ["model"]),
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
        "weight of the own model",
        "partition",
        "a decision from before thresholds were named",
        "threshold",
        "decided with another threshold than the settings'",
    ],
)
def test_what_was_changed_is_named(change, differs):
    stored = msgspec.structs.replace(decided(), **change)
    assert differing(stored, learned(), 1, CARDS) == differs


@pytest.mark.parametrize(
    ("application", "why"),
    [
        (CARDS, ""),
        (all_reviewed(review_threshold=0.7), ""),
        (replace(CARDS, engine="1-other"), f"engine {ENGINE}"),
        (all_reviewed(model="blend"), "model grove, scope both"),
        (all_reviewed(model_scope="shared"), "model grove, scope both"),
        (all_reviewed(features="fraud-small"), "features fraud-full"),
    ],
    ids=["the same", "other thresholds", "engine", "model", "scope", "features"],
)
def test_decisions_of_another_engine_model_or_feature_set_are_not_compared(application, why):
    assert incomparable(decided(), application) == why
