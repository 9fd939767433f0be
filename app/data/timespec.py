"""What the options about the times of a file say."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from app.errors import DataError
from app.units import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

UNITS: dict[str, float] = {
    "ms": 1,
    "s": SECOND_MS,
    "us": 1 / 1000,
    "ns": 1 / 1_000_000,
    "m": MINUTE_MS,
    "h": HOUR_MS,
    "d": DAY_MS,
    "excel": DAY_MS,
    "filetime": 1 / 10_000,
    "ticks": 1 / 10_000,
}  # in milliseconds
STARTS = {
    "excel": -25_569 * DAY_MS,  # 30 December 1899
    "filetime": -134_774 * DAY_MS,  # 1601
    "ticks": -719_162 * DAY_MS,  # the year 1
}  # of units that are not counted from 1970


@dataclass(frozen=True)
class TimeSpec:
    """How the times of a file are written; by default as epoch ms or ISO text.

    Parameters
    ----------
    unit
        Of numbers: ms, s, us, ns, m, h, d; excel for days since 30 December 1899, filetime for
        100 ns since 1601 (Windows), ticks for 100 ns since the year 1 (.NET).
    start
        The moment from which numbers are counted, as ISO text; by default 1970 in UTC.
    format
        Of text, as strptime has it: %d/%m/%Y %H:%M.
    zone
        IANA name of the zone of times without an offset.
    columns
        Columns that make up a time together, such as a date and a time of day. A reader then
        takes a sequence of their cells; the format is that of their texts, joined by a space.

    Raises
    ------
    DataError
        Values that mean nothing, or contradict each other.
    """

    unit: str | None = None
    start: str | None = None
    format: str | None = None
    zone: str = "UTC"
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        zone_of(self.zone)
        if self.unit is not None and self.unit not in UNITS:
            raise DataError(f"{self.unit!r} is no --time-unit; those are {', '.join(UNITS)}")
        if self.unit and self.format:
            raise DataError(
                "--time-unit is for numbers, --time-format for text: give one of the two"
            )
        if self.start is not None:
            if self.unit is None or self.unit in STARTS:
                raise DataError("--time-start needs the --time-unit that is counted: s, m, h or d")
            start_of(self.start, zone_of(self.zone))
        if self.format is not None and "%" not in self.format:
            raise DataError(f"--time-format {self.format!r} has no directives such as %Y-%m-%d")
        if self.columns and len(self.columns) < 2:
            raise DataError("--time-columns needs two columns or more: DATE,TIME")


def start_of(text: str, zone: tzinfo) -> int:
    """Epoch ms of the moment from which numbers are counted; negative before 1970."""
    try:
        at = datetime.fromisoformat(text)
        return round((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise DataError(f"--time-start {text!r} is no time; write for example 2019-01-01") from None


def zone_of(name: str) -> tzinfo:
    """The zone of that name. Raises DataError."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise DataError(
            f"{name!r} is no --time-zone that this system knows; write for example Europe/Paris"
        ) from None
