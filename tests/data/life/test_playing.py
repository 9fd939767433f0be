"""Recorded events by the hour, and the decisions of an hour that is played."""

from itertools import islice, pairwise

import pytest

from app.data.life.playing import Living, Span, hourly
from app.data.life.settings import Life
from app.data.rows import Labelled
from app.errors import DataError
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import HOUR_MS
from tests.cards import cards


@pytest.fixture(scope="module")
def rows() -> list[Labelled]:
    hours = islice(transactions(Traffic(seed=8, customers=30)), 60)
    return [row for hour in hours for row in hour]


def test_every_hour_is_played_also_one_without_events(rows: list[Labelled]):
    some = [row for row in rows if row.event.at // HOUR_MS % 7]
    hours = list(hourly(some))
    assert [row for hour in hours for row in hour.rows] == some
    ends = [hour.until + 1 for hour in hours[:-1]]
    assert all(end % HOUR_MS == 0 for end in ends)
    assert {after - before for before, after in pairwise(ends)} == {HOUR_MS}
    assert any(not hour.rows for hour in hours)
    assert all(
        hour.until - HOUR_MS < row.event.at <= hour.until for hour in hours for row in hour.rows
    )
    assert hours[-1].until == some[-1].event.at


def test_rows_before_one_that_cannot_be_used_are_played(rows: list[Labelled]):
    played: list[Span] = []
    with pytest.raises(DataError, match="sort the file by time"):
        played.extend(hourly([*rows[100:200], rows[0]]))
    assert [row for hour in played for row in hour.rows] == rows[100:200]


def test_each_event_is_decided_in_its_order_and_once_where_its_id_comes_again(rows: list[Labelled]):
    living = Living(cards(), Life(reviews=24))
    decided = [one for hour in hourly([*rows, rows[-1]]) for one in living.play(hour).decided]
    *fresh, again = decided
    assert [one.fresh.id for one in fresh] == [row.event.id for row in rows]
    assert (again.fresh, again.raw) == (None, fresh[-1].raw)
