"""Times as files have them: every cell is the right moment, or refused with what helps."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.formats import format_reader, seeming_formats
from app.data.times import TimeSpec, time_reader
from app.errors import DataError, Refused
from app.units import MAX_MS

NEW_YEAR = 1_546_300_800_000  # 2019-01-01T00:00:00Z
NOON = NEW_YEAR + 12 * 3_600_000

PLAIN = [
    pytest.param(NEW_YEAR, NEW_YEAR, id="epoch milliseconds"),
    pytest.param(str(NEW_YEAR), NEW_YEAR, id="epoch milliseconds as text"),
    pytest.param(f" {NEW_YEAR} ", NEW_YEAR, id="with spaces"),
    pytest.param(float(NEW_YEAR), NEW_YEAR, id="as a float"),
    pytest.param(f"{NEW_YEAR}.0", NEW_YEAR, id="as the text of a float"),
    pytest.param(Decimal(NEW_YEAR), NEW_YEAR, id="as a decimal"),
    pytest.param(MAX_MS, MAX_MS, id="the last millisecond"),
    pytest.param("2019-01-01", NEW_YEAR, id="a date"),
    pytest.param("2019-01-01 12:00", NOON, id="a date and time"),
    pytest.param(" 2019-01-01T12:00:00 ", NOON, id="ISO with spaces around it"),
    pytest.param("2019-01-01T13:00:00+01:00", NOON, id="an offset"),
    pytest.param("2019-01-01 12:00:00+00", NOON, id="an offset as PostgreSQL writes it"),
    pytest.param("2019-01-01 12:00:00 UTC", NOON, id="UTC as BigQuery writes it"),
    pytest.param("2019-01-01T12:00:00.123456789Z", NOON + 123, id="nanoseconds"),
    pytest.param("20190101T120000Z", NOON, id="ISO without separators"),
    pytest.param("1970-01-01", 0, id="the first day"),
    pytest.param(date(2019, 1, 1), NEW_YEAR, id="date"),
    pytest.param(datetime(2019, 1, 1, 12), NOON, id="datetime"),
    pytest.param(datetime(2019, 1, 1, 12, tzinfo=UTC), NOON, id="datetime in UTC"),
    pytest.param(
        datetime(2019, 1, 1, 7, tzinfo=timezone(-timedelta(hours=5))), NOON, id="with an offset"
    ),
]

UNITS = [
    pytest.param(1_546_300_800, "seconds", "--time-unit s", id="seconds"),
    pytest.param("1546300800", "seconds", "--time-unit s", id="seconds as text"),
    pytest.param("1546300800.25", "seconds", "--time-unit s", id="seconds with a fraction"),
    pytest.param(1_796_055_000.5, "seconds", "--time-unit s", id="seconds as a float"),
    pytest.param(1_546_300_800_000_000, "microseconds", "--time-unit us", id="microseconds"),
    pytest.param("1546300800000000000", "nanoseconds", "--time-unit ns", id="nanoseconds"),
    pytest.param(131_907_744_000_000_000, "Windows", "--time-unit filetime", id="a file time"),
    pytest.param("636818976000000000", ".NET", "--time-unit ticks", id="ticks of .NET"),
    pytest.param(20190101, "yyyymmdd", "--time-format '%Y%m%d'", id="yyyymmdd"),
    pytest.param("20190101", "yyyymmdd", "--time-format '%Y%m%d'", id="yyyymmdd as text"),
    pytest.param(20190101.0, "yyyymmdd", "--time-format '%Y%m%d'", id="yyyymmdd as a float"),
    pytest.param("2019010112", "yyyymmddHH", "'%Y%m%d%H'", id="with the hour"),
    pytest.param(201901011230, "yyyymmddHHMM", "'%Y%m%d%H%M'", id="with the minute"),
    pytest.param("20190101123000", "yyyymmddHHMMSS", "'%Y%m%d%H%M%S'", id="with the second"),
    pytest.param(20190101123000500, "yyyymmddHHMMSSmmm", "%S%f'", id="with the millisecond"),
    pytest.param(43466, "Excel", "--time-unit excel", id="a day of Excel"),
    pytest.param("43466.5", "Excel", "--time-unit excel", id="a time of Excel"),
    pytest.param(1, "steps", "--time-start", id="PaySim's first hour"),
    pytest.param("743", "steps", "--time-start", id="PaySim's last hour"),
    pytest.param(0.0, "steps", "--time-start", id="ULB's first second"),
    pytest.param(172_792.0, "steps", "--time-unit", id="ULB's last second"),
    pytest.param("1.5463E+12", "spreadsheet", "--time-unit", id="digits that a spreadsheet cut"),
]

TEXTS = [
    pytest.param("03/04/2020", "'%d/%m/%Y' or '%m/%d/%Y'", id="day or month first"),
    pytest.param("21/06/2020 12:14", "--time-format '%d/%m/%Y %H:%M'$", id="day first"),
    pytest.param("06/21/2020 12:14", "--time-format '%m/%d/%Y %H:%M'$", id="month first"),
    pytest.param("21.06.2020 12:14:05", "--time-format '%d.%m.%Y %H:%M:%S'$", id="dots"),
    pytest.param("2020/06/21", "--time-format '%Y/%m/%d'$", id="slashes"),
    pytest.param("1/13/20 1:05 PM", "--time-format '%m/%d/%y %I:%M %p'$", id="a short year"),
    pytest.param("21 Jun 2020", "--time-format '%d %b %Y'$", id="a month in letters"),
    pytest.param("21JUN2020:12:14:05", "--time-format '%d%b%Y:%H:%M:%S'$", id="as SAS writes it"),
    pytest.param("yesterday", "'yesterday', not a date and time; --time-format", id="a word"),
    pytest.param("", "''", id="empty"),
    pytest.param("12:14", "--time-format", id="a time of day"),
]


@pytest.mark.parametrize(("cell", "ms"), PLAIN)
def test_a_time_is_epoch_milliseconds_or_iso_text(cell, ms):
    assert time_reader()(cell) == ms


@pytest.mark.parametrize(("cell", "unit", "option"), UNITS)
def test_a_number_that_cannot_be_milliseconds_is_refused_with_what_it_seems_to_be(
    cell, unit, option
):
    with pytest.raises(Refused) as refused:
        time_reader(field="TX_TIME")(cell)
    assert str(refused.value).startswith("`TX_TIME` is ")
    assert unit in str(refused.value) and option in str(refused.value)


@pytest.mark.parametrize(("cell", "says"), TEXTS)
def test_a_text_that_is_not_iso_is_refused_with_the_formats_that_it_may_have(cell, says):
    with pytest.raises(Refused, match=says):
        time_reader()(cell)


@pytest.mark.parametrize(
    "cell",
    [None, True, -1, "-1", float("nan"), "nan", "inf", b"2019", [], MAX_MS * 10**9, "1969-12-31"],
)
def test_what_is_no_time_is_refused(cell):
    with pytest.raises(Refused, match="`at` is "):
        time_reader()(cell)


def test_a_card_number_in_the_place_of_a_time_is_not_repeated():
    with pytest.raises(Refused) as refused:
        time_reader()(5_555_555_555_554_444)
    assert "5555" not in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "cell", "ms"),
    [
        (TimeSpec(unit="s"), 1_546_300_800, NEW_YEAR),
        (TimeSpec(unit="s"), "1546300800.25", NEW_YEAR + 250),
        (TimeSpec(unit="us"), 1_546_300_800_000_999, NEW_YEAR),
        (TimeSpec(unit="us"), "1.5463008e15", NEW_YEAR),
        (TimeSpec(unit="ns"), "1546300800000000999", NEW_YEAR),
        (TimeSpec(unit="ns"), 1.5463008e18, NEW_YEAR),
        (TimeSpec(unit="m"), NEW_YEAR // 60_000, NEW_YEAR),
        (TimeSpec(unit="h"), float(NEW_YEAR // 3_600_000), NEW_YEAR),
        (TimeSpec(unit="d"), "17897.5", NOON),
        (TimeSpec(unit="ms"), 5, 5),
        (TimeSpec(unit="excel"), 43466, NEW_YEAR),
        (TimeSpec(unit="filetime"), 131_907_744_000_000_000, NEW_YEAR),
        (TimeSpec(unit="ticks"), "636818976000000000", NEW_YEAR),
        (TimeSpec(unit="excel"), "43466.5", NOON),
        (TimeSpec(unit="excel", zone="America/New_York"), 43466.0, NEW_YEAR + 5 * 3_600_000),
        (TimeSpec(unit="h", start="2019-01-01"), 12, NOON),
        (TimeSpec(unit="s", start="2019-01-01T00:00:00+01:00"), "43200.0", NOON - 3_600_000),
        (TimeSpec(unit="d", start="2018-12-31", zone="Asia/Tokyo"), 1, NEW_YEAR - 9 * 3_600_000),
        (TimeSpec(unit="s", start="1960-01-01"), 1_861_920_000, NEW_YEAR),  # SAS
        (TimeSpec(unit="s", start="1970-01-01"), 5, 5000),
        (TimeSpec(unit="s"), datetime(2019, 1, 1), NEW_YEAR),
        (TimeSpec(format="%d/%m/%Y %H:%M"), "01/01/2019 12:00", NOON),
        (TimeSpec(format="%d/%m/%Y %H:%M"), " 1/1/2019  12:00 ", NOON),
        (TimeSpec(format="%Y%m%d"), 20190101, NEW_YEAR),
        (TimeSpec(format="%Y%m%d"), 20190101.0, NEW_YEAR),
        (TimeSpec(format="%Y%m%d%H%M%S"), "20190101120000", NOON),
        (TimeSpec(format="%d/%m/%Y %H:%M %z"), "01/01/2019 13:00 +0100", NOON),
        (TimeSpec(format="%a, %d %b %Y %H:%M:%S %Z"), "Tue, 01 Jan 2019 12:00:00 GMT", NOON),
        (TimeSpec(format="%d.%m.%y"), date(2019, 1, 1), NEW_YEAR),
        (TimeSpec(zone="Europe/Paris"), "2019-01-01 13:00", NOON),
        (TimeSpec(zone="Europe/Paris"), "2019-01-01 12:00Z", NOON),
        (TimeSpec(zone="Europe/Paris"), datetime(2019, 1, 1, 13), NOON),
        (TimeSpec(zone="Europe/Paris"), NEW_YEAR, NEW_YEAR),
        (TimeSpec(zone="Europe/Paris", format="%d/%m/%Y %H:%M"), "01/01/2019 13:00", NOON),
    ],
)
def test_a_spec_says_how_times_are_written(spec, cell, ms):
    assert time_reader(spec)(cell) == ms


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        pytest.param("2019-10-27 02:30", "2019-10-27 00:30", id="an hour that comes twice"),
        pytest.param("2019-03-31 02:30", "2019-03-31 01:30", id="an hour that is left out"),
        pytest.param("2019-03-31 03:30", "2019-03-31 01:30", id="after it"),
    ],
)
def test_when_clocks_change_a_local_time_is_read_as_documented(local, utc):
    assert time_reader(TimeSpec(zone="Europe/Paris"))(local) == time_reader()(utc)


@pytest.mark.parametrize(
    ("spec", "cells", "ms"),
    [
        (TimeSpec(columns=("D", "T")), ("2019-01-01", "12:00:00"), NOON),
        (TimeSpec(columns=("D", "T")), (date(2019, 1, 1), time(12)), NOON),
        (TimeSpec(columns=("D", "T")), (datetime(2019, 1, 1), timedelta(hours=12)), NOON),
        (TimeSpec(columns=("D", "T"), zone="Europe/Paris"), ("2019-01-01", "13:00"), NOON),
        (TimeSpec(columns=("D", "T"), format="%m/%d/%Y %H:%M"), ("1/1/2019", "12:00"), NOON),
        (TimeSpec(columns=("D", "T"), format="%Y%m%d %H%M"), (20190101, 1200), NOON),
        (TimeSpec(columns=("D", "T"), format="%Y%m%d %H%M%S"), ("20190101", "20000"), NOON - 36e6),
        (TimeSpec(columns=("D", "T"), format="%Y%m%d %H%M"), (20190101.0, 130.0), NOON - 378e5),
        (
            TimeSpec(columns=("Year", "Month", "Day", "Time"), format="%Y %m %d %H:%M"),
            (2019, 1, 1, "12:00"),
            NOON,
        ),
        (TimeSpec(columns=("D", "T"), unit="excel"), (43466, "0.5"), NOON),
    ],
)
def test_several_columns_make_one_time(spec, cells, ms):
    assert time_reader(spec)(cells) == ms


@pytest.mark.parametrize(
    ("spec", "cell", "says"),
    [
        (TimeSpec(unit="s"), 5, "before 1973.*--time-start"),
        (TimeSpec(unit="h"), "743", "'?743'?, with --time-unit h .*--time-start"),
        (TimeSpec(unit="s"), NEW_YEAR, "after the year 9999"),
        (TimeSpec(unit="excel"), 5, "before 1970"),
        (TimeSpec(unit="h", start="2019-01-01"), -1e7, "before 1970"),
        (TimeSpec(unit="s"), float("inf"), "not a time"),
        (TimeSpec(unit="s"), "soon", "not a date and time"),
        (TimeSpec(format="%d/%m/%Y"), "31/02/2019", "not in the format '%d/%m/%Y'"),
        (TimeSpec(format="%d/%m/%Y"), "2019-01-01", "not in the format '%d/%m/%Y'"),
        (TimeSpec(format="%d %b %Y"), "01/01/2019", "not in the format"),
        (TimeSpec(columns=("D", "T")), ("2019-01-01", "noon"), "'2019-01-01 noon'"),
    ],
)
def test_a_cell_that_a_spec_does_not_fit_is_refused(spec, cell, says):
    with pytest.raises(Refused, match=says):
        time_reader(spec)(cell)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"unit": "weeks"}, "'weeks' is no --time-unit; those are ms, s"),
        ({"start": "2019-01-01"}, "--time-start needs the --time-unit"),
        ({"start": "2019-01-01", "unit": "excel"}, "--time-start needs"),
        ({"start": "2019-01-01", "unit": "ticks"}, "--time-start needs"),
        ({"start": "soon", "unit": "s"}, "--time-start 'soon' is no time"),
        ({"unit": "s", "format": "%Y"}, "give one of the two"),
        ({"format": "dd/mm/yyyy"}, "no directives"),
        ({"zone": "Europe/Pariss"}, "'Europe/Pariss' is no --time-zone"),
        ({"zone": "../etc/passwd"}, "no --time-zone"),
        ({"columns": ("D",)}, "two columns"),
    ],
)
def test_a_spec_that_means_nothing_is_refused_at_once(options, says):
    with pytest.raises(DataError, match=says):
        TimeSpec(**options)


FAST = ["%d/%m/%Y %H:%M", "%Y/%m/%d", "%m-%d-%Y %H:%M:%S", "on %d.%m.%Y at %H"]
SLOW = ["%Y%m%d", "%d %b %Y %H:%M", "%d/%m/%y", "%H:%M %d/%m/%Y %p", "%d/%m/%Y %S"]


@pytest.mark.parametrize("format", [*FAST, *SLOW])
@given(at=st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)), spoilt=st.integers(0, 9))
def test_a_format_is_read_as_strptime_reads_it(format, at, spoilt):
    text = at.strftime(format)
    assert format_reader(format)(text) == datetime.strptime(text, format)
    other = text.replace(text[spoilt % len(text)], "9", 1)
    try:
        expected = datetime.strptime(other, format)
    except ValueError:
        with pytest.raises(ValueError):
            format_reader(format)(other)
    else:
        assert format_reader(format)(other) == expected


@given(at=st.datetimes(datetime(1974, 1, 1), datetime(2100, 1, 1)))
def test_any_date_and_time_is_read_back_to_the_millisecond(at):
    ms = round(at.replace(tzinfo=UTC).timestamp() * 1000)
    for cell in (at, at.isoformat(), at.isoformat(" ") + "Z", at.isoformat() + " UTC"):
        assert time_reader()(cell) == ms
    assert time_reader(TimeSpec(unit="s"))(ms // 1000) == ms // 1000 * 1000


CELLS = st.one_of(
    st.text(max_size=12),
    st.text("0123456789.eE+-:/ T", max_size=40),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.datetimes(),
    st.dates(),
    st.none(),
    st.booleans(),
)


@pytest.mark.parametrize(
    "spec",
    [
        TimeSpec(),
        TimeSpec(unit="ns"),
        TimeSpec(unit="d", start="2019-01-01"),
        TimeSpec(unit="excel", zone="Asia/Tokyo"),
        TimeSpec(format="%d/%m/%Y %H:%M", zone="Europe/Paris"),
        TimeSpec(format="%Y%m%d"),
    ],
)
@given(cell=CELLS)
def test_any_cell_is_a_time_or_refused(spec, cell):
    try:
        ms = time_reader(spec)(cell)
    except Refused as reason:
        assert str(reason).startswith("`at` is ")
    else:
        assert type(ms) is int and 0 <= ms <= MAX_MS


def test_a_number_of_thousands_of_digits_is_refused():
    with pytest.raises(Refused, match=r"`at` is 9{60}\.\.\."):
        time_reader()("9" * 5000)


def test_a_text_in_no_known_format_has_none():
    assert seeming_formats("the 3rd of May") == []
