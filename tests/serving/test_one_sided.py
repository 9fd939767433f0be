"""Negatives of reviewed events alone, while maturity is off: who notices, and when it ends."""

import logging

import pytest

from app.core.fold import LearningState
from app.serving.one_sided import MANY, OneSided, one_sided
from app.settings import read_settings
from app.streams.fraud.features import GRIDS
from app.streams.fraud.knowledge import Knowledge
from tests.streams.fraud.test_merchants import example

OFF = read_settings(maturity=0)


def taught(*kinds: tuple[int, float, int]) -> LearningState:
    """A state that has learned labels: their value, the score, and how many."""
    state = LearningState("binned", 1, GRIDS, Knowledge())
    teach(state, *kinds)
    return state


def teach(state: LearningState, *kinds: tuple[int, float, int]) -> None:
    for y, score, count in kinds:
        for _ in range(count):
            one = example(y)
            one.score, one.threshold = score, 0.5
            one.origin = type(one.origin)(1, 0, state.version)
            assert state.fold(one, state.version)


FLAGGED, APPROVED = 0.7, 0.1


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        pytest.param([], False, id="nothing learned"),
        pytest.param([(0, FLAGGED, MANY - 1)], False, id="too few to tell"),
        pytest.param([(0, FLAGGED, MANY)], True, id="reviewed alone"),
        pytest.param([(0, FLAGGED, MANY), (1, APPROVED, 9)], True, id="and chargebacks"),
        pytest.param([(1, FLAGGED, MANY)], False, id="frauds alone"),
        pytest.param([(0, FLAGGED, MANY), (0, APPROVED, 1)], False, id="one that was approved"),
        pytest.param(
            [(0, APPROVED, MANY), (0, FLAGGED, MANY)], True, id="maturity was turned off since"
        ),
    ],
)
def test_it_is_said_of_a_row_of_negatives_of_flagged_events(kinds, says):
    state = taught(*kinds)
    assert one_sided(OFF, state) is says
    assert one_sided(read_settings(), state) is False, "maturity is on"


def test_without_a_threshold_nobody_knows_whether_it_was_flagged():
    state = taught((0, FLAGGED, MANY - 1))
    old = example(0)
    old.origin = type(old.origin)(1, 0, state.version)
    old.threshold = None
    state.fold(old, state.version)
    assert not one_sided(OFF, state)


def test_it_outlasts_a_restart():
    state = taught((0, FLAGGED, MANY))
    again = LearningState("binned", 1, GRIDS, Knowledge())
    again.load(state.parts())
    assert one_sided(OFF, again)
    assert again.digest() == state.digest()


def test_it_is_said_once_in_the_log(caplog):
    look, state = OneSided(OFF), taught((0, FLAGGED, MANY))
    with caplog.at_level(logging.WARNING):
        look.look(state)
        look.look(state)
        teach(state, (0, APPROVED, 1), (0, FLAGGED, MANY))
        look.look(state)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "WEIR_MATURITY=30d" in caplog.text
