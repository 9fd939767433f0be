"""Recorded traffic by the hour: what belongs to which, and which labels come."""

from collections.abc import Iterator
from itertools import islice

import pytest

from app.data.hours import after, recorded
from app.data.player import play
from app.data.rows import Due, Labelled
from app.errors import DataError
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


def test_what_comes_before_a_row_that_cannot_be_used_is_handed_out_before_it_is_told(rows):
    def broken() -> Iterator[Labelled]:
        yield from rows[:100]
        raise DataError("row 101 is no event")

    seen: list[Labelled] = []
    with pytest.raises(DataError, match="row 101"):
        for hour in recorded(CARDS, broken(), HOUR_MS):
            seen += hour.rows
    assert seen == rows[:100]


@pytest.mark.parametrize("published", [0, 1, 57, 300])
def test_going_on_leaves_out_what_was_published_and_no_label(rows, published: int):
    hours = list(recorded(CARDS, rows, 7 * HOUR_MS))
    before = list(recorded(CARDS, rows[:published], 7 * HOUR_MS))
    rest = list(after(hours, published))
    assert [row for hour in rest for row in hour.rows] == rows[published:]
    said = [{due.feedback.id for hour in part for due in hour.labels()} for part in (before, rest)]
    assert said[0] | said[1] == {due.feedback.id for hour in hours for due in hour.labels()}


def test_going_on_at_the_end_of_an_hour_says_its_labels_again(rows):
    hours = list(recorded(CARDS, rows, 7 * HOUR_MS))
    published = sum(len(hour.rows) for hour in hours[:10])
    first, *_ = after(hours, published)
    assert first.rows == []
    assert first.labels() == hours[9].labels()
