"""Units of time: which one a number seems to be in."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.units import MAX_MS, STEPS, seeming_unit

MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31, 23, 59, 59))
PACKED = {"%Y%m%d": "yyyymmdd", "%Y%m%d%H%M": "yyyymmddHHMM", "%Y%m%d%H%M%S": "yyyymmddHHMMSS"}


def ms_of(at: datetime) -> int:
    return round(at.replace(tzinfo=UTC).timestamp() * 1000)


@given(MOMENTS)
def test_any_moment_in_milliseconds_may_be_one(at):
    assert seeming_unit(ms_of(at)) is None
    assert seeming_unit(ms_of(at), near=ms_of(datetime(2026, 11, 30))) is None


@pytest.mark.parametrize(("unit", "per_second"), [("s", 1), ("us", 10**6), ("ns", 10**9)])
@given(at=MOMENTS)
def test_any_moment_in_another_unit_is_told_by_its_size(unit, per_second, at):
    number = ms_of(at) * per_second // 1000
    seeming = seeming_unit(number)
    assert seeming is not None
    assert seeming.unit == unit or seeming.format == "%Y%m%d%H" or seeming.unit == "ticks"


@pytest.mark.parametrize("format", PACKED)
@given(at=MOMENTS)
def test_any_moment_without_separators_is_told_by_its_digits(format, at):
    seeming = seeming_unit(int(at.strftime(format)))
    assert seeming is not None
    assert (seeming.format, seeming.words) == (format, f"a date written {PACKED[format]}")


@given(MOMENTS)
def test_any_day_of_excel_is_told_by_its_size(at):
    days = 25_569 + ms_of(at) / 86_400_000
    seeming = seeming_unit(days)
    assert seeming is not None and seeming.unit == "excel"


@pytest.mark.parametrize("steps", [0, 1, 743, 25_568, 100_000, 172_792.0, 19_999_999])
def test_small_numbers_are_steps(steps):
    assert seeming_unit(steps) == STEPS


@given(st.integers(0, 10**11 - 1), st.integers(0, MAX_MS))
def test_beside_an_early_clock_every_number_is_milliseconds(near, value):
    assert seeming_unit(value, near) is None


@given(st.one_of(st.floats(-1e40, 1e40, allow_nan=False), st.integers(-(2**64), 2**64)))
def test_any_number_is_looked_at(value):
    seeming = seeming_unit(value)
    assert seeming is None or (seeming.words and not (seeming.unit and seeming.format))
