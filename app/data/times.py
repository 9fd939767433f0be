"""Times as files have them: numbers in some unit, dates in some format, counts from a start.

Without a `TimeSpec` a time is epoch milliseconds or ISO text, and what cannot be either is
refused with what it seems to be and the option that reads it.

A time without an offset is one of the spec's zone, by default UTC. Where clocks are set back an
hour comes twice: it is the first of the two. Where they are set forward an hour is left out: a
time in it is moved forward by that hour, as databases do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from app.data.formats import format_reader, seeming_formats
from app.errors import DataError, Refused
from app.pan import is_card_number
from app.units import (
    DAY_MS,
    EARLY_MS,
    HOUR_MS,
    MAX_MS,
    MINUTE_MS,
    SECOND_MS,
    SURE_MS,
    seeming_unit,
)

UNITS: dict[str, float] = {
    "ms": 1,
    "s": SECOND_MS,
    "us": 1 / 1000,
    "ns": 1 / 1_000_000,
    "m": MINUTE_MS,
    "h": HOUR_MS,
    "d": DAY_MS,
    "excel": DAY_MS,
}  # in milliseconds
EXCEL_START = -25_569 * DAY_MS  # 30 December 1899
UTC_NAMES = (" UTC", " GMT", " Z")

Read = Callable[[Any], int]  # epoch ms of a cell; raises Refused


@dataclass(frozen=True)
class TimeSpec:
    """How the times of a file are written; by default as epoch ms or ISO text.

    Parameters
    ----------
    unit
        Of numbers: ms, s, us, ns, m, h, d, or excel for days since 30 December 1899.
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
        _zone(self.zone)
        if self.unit is not None and self.unit not in UNITS:
            raise DataError(f"{self.unit!r} is no --time-unit; those are {', '.join(UNITS)}")
        if self.unit and self.format:
            raise DataError(
                "--time-unit is for numbers, --time-format for text: give one of the two"
            )
        if self.start is not None:
            if self.unit in (None, "excel"):
                raise DataError("--time-start needs the --time-unit that is counted: s, m, h or d")
            _start(self.start, _zone(self.zone))
        if self.format is not None and "%" not in self.format:
            raise DataError(f"--time-format {self.format!r} has no directives such as %Y-%m-%d")
        if self.columns and len(self.columns) < 2:
            raise DataError("--time-columns needs two columns or more: DATE,TIME")


def time_reader(spec: TimeSpec | None = None, field: str = "at") -> Read:
    """What reads a cell, or the cells of `spec.columns`, as epoch ms.

    It takes text, numbers, dates and datetimes, and raises Refused with a sentence that names
    the value, what it seems to be and the option that reads it. A datetime says itself what it
    is, whatever the unit and the format.

    Examples
    --------
    >>> read = time_reader()
    >>> [read(cell) for cell in ("2019-01-01", "2019-01-01T01:00:00+01:00", 1_546_300_800_000)]
    [1546300800000, 1546300800000, 1546300800000]
    >>> time_reader(TimeSpec(unit="h", start="2019-01-01"))("2")
    1546308000000
    >>> read("03/04/2020")
    Traceback (most recent call last):
    app.errors.Refused: `at` is '03/04/2020': give --time-format '%d/%m/%Y' or '%m/%d/%Y'
    """
    spec = spec or TimeSpec()
    zone = _zone(spec.zone)
    number = _plain_number(field) if spec.unit is None else _unit_reader(spec, field)
    text = _text_reader(spec, field, number)

    def read(cell: Any) -> int:
        if type(cell) is str:
            return text(cell)
        if isinstance(cell, (int, float, Decimal)) and type(cell) is not bool:
            return number(cell) if spec.format is None else text(_digits(cell))
        if isinstance(cell, datetime):
            return _epoch_ms(field, cell, zone)
        if isinstance(cell, date):
            return _epoch_ms(field, datetime(cell.year, cell.month, cell.day), zone)
        raise Refused(f"`{field}` is {_shown(cell)}, not a time")

    return _joined(spec, read) if spec.columns else read


def _text_reader(spec: TimeSpec, field: str, number: Read) -> Callable[[str], int]:
    """Reads text: in the format, else a number where it is one, else an ISO date and time."""
    zone = _zone(spec.zone)
    if spec.format is not None:
        in_format, format = format_reader(spec.format), spec.format

        def formatted(text: str) -> int:
            try:
                return _epoch_ms(field, in_format(text.strip()), zone)
            except ValueError:
                raise Refused(
                    f"`{field}` is {_shown(text)}, which is not in the format {format!r} "
                    "that --time-format gives"
                ) from None

        return formatted

    def iso(text: str) -> int:
        if text.isdecimal():
            return number(int(text))
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return unusual(text.strip())
        return _epoch_ms(field, at, zone)

    def unusual(text: str) -> int:
        try:
            value = Decimal(text)
        except ArithmeticError:
            value = Decimal("nan")
        if value.is_finite():
            if spec.unit is None and "e" in text.lower():
                raise Refused(
                    f"`{field}` is {_shown(text)}, whose last digits a spreadsheet may have "
                    "cut off; if it has them all, give --time-unit"
                )
            return number(value)
        for name in UTC_NAMES:
            if text.endswith(name):
                return iso(text.removesuffix(name) + "Z")
        try:
            return _epoch_ms(field, datetime.fromisoformat(text), zone)
        except ValueError:
            raise Refused(f"`{field}` is {_shown(text)}{_text_hint(text)}") from None

    return iso


def _text_hint(text: str) -> str:
    formats = seeming_formats(text)
    if not formats:
        return ", not a date and time; --time-format says how such text is to be read"
    return ": give --time-format " + " or ".join(map(repr, formats))


def _plain_number(field: str) -> Read:
    """Reads numbers that must be milliseconds since 1970."""

    def read(value: Any) -> int:
        if not SURE_MS[0] <= value <= SURE_MS[1]:
            _check_finite(field, value)
            if (seeming := seeming_unit(value)) is not None:
                option = "--time-unit (s, m, h or d) and --time-start"
                if seeming.unit or seeming.format:
                    option = f"--time-unit {seeming.unit}"
                if seeming.format:
                    option = f"--time-format {seeming.format!r}"
                said = f"`{field}` is {_shown(value)}, which seems to be {seeming.words}"
                raise Refused(f"{said}: give {option}")
            _check_range(field, value, value)
        return round(value)

    return read


def _unit_reader(spec: TimeSpec, field: str) -> Read:
    """Reads numbers in the unit of a spec, from its start."""
    unit, zone = str(spec.unit), _zone(spec.zone)
    length, begin, local = UNITS[unit], 0, unit == "excel" and spec.zone != "UTC"
    if spec.start is not None:
        begin = _start(spec.start, zone)
    elif unit == "excel":
        begin = EXCEL_START
    per_ms = round(1 / length) if length < 1 else 0
    counted = spec.start is not None or unit == "ms"

    def read(value: Any) -> int:
        if type(value) is int:
            ms = begin + (value // per_ms if per_ms else value * int(length))
        else:
            _check_finite(field, value)
            ms = begin + (int(value // per_ms) if per_ms else round(float(value) * length))
        if not SURE_MS[0] <= ms <= SURE_MS[1]:
            if not counted and 0 <= ms < EARLY_MS:
                raise Refused(
                    f"`{field}` is {_shown(value)}, with --time-unit {unit} a time before 1973: "
                    "give the right unit, or --time-start for a count from a start"
                )
            _check_range(field, ms, value)
        if local:
            return _epoch_ms(
                field, datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None), zone
            )
        return ms

    return read


def _joined(spec: TimeSpec, read: Read) -> Callable[[Sequence[Any]], int]:
    """Reads several cells as one time: numbers of days are added, anything else joined as text."""
    width = next((n for end, n in (("%H%M", 4), ("%H%M%S", 6)) if _ends(spec, end)), 0)

    def joined(cells: Sequence[Any]) -> int:
        if spec.unit is not None:
            try:
                return read(sum(map(Decimal, map(str, cells))))
            except ArithmeticError:
                return read(" ".join(map(_text, cells)))
        texts = [_text(cell) for cell in cells]
        if width and texts[-1].isdecimal():
            texts[-1] = texts[-1].zfill(width)  # a number has lost its leading zeros
        return read(" ".join(texts))

    return joined


def _ends(spec: TimeSpec, clock: str) -> bool:
    return spec.format is not None and spec.format.endswith(clock)


def _text(cell: Any) -> str:
    """A cell as a part of a time."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, timedelta):
        return (datetime.min + cell).time().isoformat()
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return _digits(cell) if isinstance(cell, float) else str(cell).strip()


def _digits(value: Any) -> str:
    """A number as text: a whole one without a fraction."""
    return str(int(value)) if isfinite(value) and value == int(value) else str(value)


def _epoch_ms(field: str, at: datetime, zone: ZoneInfo) -> int:
    """Epoch ms of a datetime, which is in the zone if it has no offset."""
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    try:
        ms = round(at.timestamp() * 1000)
    except OverflowError:
        ms = -1
    _check_range(field, ms, at.isoformat())
    return ms


def _check_finite(field: str, value: Any) -> None:
    if not isfinite(value):
        raise Refused(f"`{field}` is {value}, not a time")


def _check_range(field: str, ms: Any, value: Any) -> None:
    if ms < 0:
        raise Refused(f"`{field}` is {_shown(value)}, before 1970")
    if ms > MAX_MS:
        raise Refused(f"`{field}` is {_shown(value)}, after the year 9999: is the unit right?")


def _shown(value: Any) -> str:
    """A value for people, cut to a readable length; never a card number."""
    if is_card_number(str(value)):
        return "a card number"
    text = str(value) if isinstance(value, (int, float, Decimal)) else repr(value)
    return text if len(text) <= 60 else text[:60] + "..."


def _start(text: str, zone: ZoneInfo) -> int:
    """Epoch ms of the moment from which numbers are counted; negative before 1970."""
    try:
        at = datetime.fromisoformat(text)
        return round((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise DataError(f"--time-start {text!r} is no time; write for example 2019-01-01") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise DataError(
            f"{name!r} is no --time-zone that this system knows; write for example Europe/Paris"
        ) from None
