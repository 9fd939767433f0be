"""Recorded traffic by the hour: what belongs to which, and which labels come."""

from itertools import islice

import pytest

from app.data.hours import recorded
from app.data.player import play
from app.data.rows import Due, Labelled
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import HOUR_MS
from tests.cards import cards

CARDS = cards()


@pytest.fixture(scope="module")
def rows() -> list[Labelled]:
    hours = islice(transactions(Traffic(seed=3)), 72)
    return [row for hour in hours for row in hour]


def test_an_hour_of_recorded_traffic_holds_its_events_and_the_labels_due_in_it(rows):
    for hour in recorded(CARDS, rows, HOUR_MS):
        hours = {row.event.at // HOUR_MS for row in hour.rows}
        assert len(hours | {due.at // HOUR_MS for due in hour.labels()}) == 1


def test_recorded_hours_hold_exactly_what_the_player_plays(rows):
    steps = list(play(CARDS, rows, 7 * HOUR_MS))
    hours = list(recorded(CARDS, rows, 7 * HOUR_MS))
    assert [row for h in hours for row in h.rows] == [s for s in steps if isinstance(s, Labelled)]
    assert [due for h in hours for due in h.labels()] == [s for s in steps if isinstance(s, Due)]


def test_no_event_comes_before_a_label_due_an_hour_before_it(rows):
    latest = 0
    for hour in recorded(CARDS, rows, 5 * HOUR_MS):
        assert all(row.event.at - HOUR_MS < latest + HOUR_MS or not latest for row in hour.rows)
        latest = max([due.at for due in hour.labels()], default=latest)
