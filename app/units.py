"""Units of time: their lengths in milliseconds, and which one a number seems to be in."""

from datetime import datetime
from typing import NamedTuple

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

MAX_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
EARLY_MS = 100_000_000_000  # 3 March 1973: as milliseconds, numbers below are before any data
SURE_MS = (220_000_000_000, 7_258_118_400_000)  # December 1976 to 2200: nothing else looks so
NEAR_MS = 366 * DAY_MS

EXCEL_DAYS = (25_569, 73_051)  # 1970 to 2100 in days since 30 December 1899
SECONDS_FROM = 100_000_000  # 1973
NANOS_FROM, NANOS_TO = 10**17, 10**20
# Windows and .NET count 100 ns from 1601 and from year 1: 1997 to 2050, which as nanoseconds are
# some months of 1974 and of 1990.
FILETIME = (125_000_000_000_000_000, 142_000_000_000_000_000)
TICKS = (630_000_000_000_000_000, 647_000_000_000_000_000)

# Digits of a date without separators: how people write it, and the format that reads it.
PACKED = {
    8: ("yyyymmdd", "%Y%m%d"),
    10: ("yyyymmddHH", "%Y%m%d%H"),
    12: ("yyyymmddHHMM", "%Y%m%d%H%M"),
    14: ("yyyymmddHHMMSS", "%Y%m%d%H%M%S"),
    17: ("yyyymmddHHMMSSmmm", "%Y%m%d%H%M%S%f"),
}


class Seeming(NamedTuple):
    """What a number that is not milliseconds since 1970 seems to be.

    At most one of the last two is given: the short name of its unit, or the format of its
    digits. A count of steps from a start has neither.
    """

    words: str
    unit: str = ""
    format: str = ""


STEPS = Seeming("a count of steps from a start")


def seeming_unit(value: float, near: int = -1) -> Seeming | None:
    """What a number seems to be, None where it may be milliseconds since 1970.

    Parameters
    ----------
    near
        Epoch ms of a moment that the time should not be far from, such as its record's
        timestamp. Beside one that is before 1973 itself, as in tests with a clock of their own,
        every number may be milliseconds. -1: nothing is known.

    Examples
    --------
    >>> for value in (1_546_300_800_000, 1_546_300_800.5, 1_546_300_800_000_000, 43466, 744):
    ...     print(getattr(seeming_unit(value), "words", None))
    None
    seconds
    microseconds
    days as Excel counts them
    a count of steps from a start
    >>> seeming_unit(20190101).format, seeming_unit(5, near=7)
    ('%Y%m%d', None)
    """
    if value < 0 or SURE_MS[0] <= value <= SURE_MS[1]:
        return None
    if near >= 0 and value <= MAX_MS and (near < EARLY_MS or abs(value - near) < NEAR_MS):
        return None
    if (packed := _packed(value)) is not None:
        return packed
    if value < EARLY_MS:
        return _small(value)
    if value <= MAX_MS or value >= NANOS_TO:
        return None
    if value < NANOS_FROM:
        return Seeming("microseconds", "us")
    if FILETIME[0] <= value < FILETIME[1]:
        return Seeming("100 ns since 1601, as Windows counts them", "filetime")
    if TICKS[0] <= value < TICKS[1]:
        return Seeming("ticks of .NET", "ticks")
    return Seeming("nanoseconds", "ns")


def _small(value: float) -> Seeming:
    if value >= SECONDS_FROM:
        return Seeming("seconds", "s")
    if EXCEL_DAYS[0] <= value < EXCEL_DAYS[1]:
        return Seeming("days as Excel counts them", "excel")
    return STEPS


def _packed(value: float) -> Seeming | None:
    """A date whose digits are written without separators."""
    digits = str(int(value))
    if int(value) != value or len(digits) not in PACKED:
        return None
    words, format = PACKED[len(digits)]
    try:
        year = datetime.strptime(digits, format).year
    except ValueError:
        return None
    return Seeming(f"a date written {words}", format=format) if 1970 <= year <= 2100 else None
