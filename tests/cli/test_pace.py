"""The pace of traffic: nothing before its time, nothing lost, no rush after a pause."""

import time

import pytest

from app.cli.pace import ARREARS, Pace


async def pieces(pace: Pace, count: int) -> list[list[int]]:
    return [list(piece) async for piece in pace.pieces(range(count))]


async def test_without_a_rate_everything_goes_at_once():
    assert await pieces(Pace(None), 1000) == [list(range(1000))]


@pytest.mark.parametrize("rate", [50.0, 1000.0, 7777.0])
async def test_at_a_rate_all_rows_go_in_order_and_none_before_its_time(rate):
    pace, count = Pace(rate), round(rate / 4)
    begin = time.monotonic()
    given = await pieces(pace, count)
    assert [row for piece in given for row in piece] == list(range(count))
    assert time.monotonic() - begin >= (count - len(given[-1])) / rate - 1e-3


async def test_after_a_pause_no_more_than_the_arrears_are_made_up_for():
    pace = Pace(1000.0)
    pace.due -= 60.0
    begin = time.monotonic()
    await pieces(pace, 500)
    assert time.monotonic() - begin >= 0.5 - ARREARS - 0.05
