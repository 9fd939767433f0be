"""Times as files have them: numbers in some unit, dates in some format, counts from a start.

Without a `TimeSpec` a time is epoch milliseconds or ISO text, and what cannot be either is
refused with what it seems to be and the option that reads it.

A time without an offset is one of the spec's zone, by default UTC. Where clocks are set back an
hour comes twice: it is the first of the two. Where they are set forward an hour is left out: a
time in it is moved forward by that hour, as databases do.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from math import isfinite
from typing import Any

from app.data.formats import format_reader, seeming_formats
from app.data.timespec import STARTS, UNITS, TimeSpec, start_of, zone_of
from app.errors import Refused
from app.units import EARLY_MS, MAX_MS, SURE_MS, Seeming, seeming_unit
from app.wire import shown

UTC_NAMES = (" UTC", " GMT", " Z")
EPOCH = datetime(1970, 1, 1)
LONGEST = 30  # digits of a number that is looked at

Read = Callable[[Any], int]  # epoch ms of a cell; raises Refused


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
    zone = zone_of(spec.zone)
    number = _plain_number(field) if spec.unit is None else _unit_reader(spec, field)
    text = _text_reader(spec, field, number)

    def read(cell: Any) -> int:
        if type(cell) is str:
            return text(cell)
        if isinstance(cell, (int, float, Decimal)) and type(cell) is not bool:
            _check_number(field, cell)
            return number(cell) if spec.format is None else text(_digits(cell))
        if isinstance(cell, datetime):
            return _epoch_ms(field, cell, zone)
        if isinstance(cell, date):
            return _epoch_ms(field, datetime(cell.year, cell.month, cell.day), zone)
        raise Refused(f"`{field}` is {shown(cell)}, not a time")

    return _joined(spec, read) if spec.columns else read


def _text_reader(spec: TimeSpec, field: str, number: Read) -> Callable[[str], int]:
    """Reads text: in the format, else a number where it is one, else an ISO date and time."""
    zone = zone_of(spec.zone)
    if spec.format is not None:
        in_format, format = format_reader(spec.format), spec.format

        def formatted(text: str) -> int:
            try:
                return _epoch_ms(field, in_format(text.strip()), zone)
            except ValueError:
                raise Refused(
                    f"`{field}` is {shown(text)}, which is not in the format {format!r} "
                    "that --time-format gives"
                ) from None

        return formatted

    def iso(text: str) -> int:
        if text.isdecimal() and len(text) <= LONGEST:
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
            _check_number(field, value)
            if spec.unit is None and "e" in text.lower():
                raise Refused(
                    f"`{field}` is {shown(text)}, whose last digits a spreadsheet may have "
                    "cut off; if it has them all, give --time-unit"
                )
            return number(value)
        for name in UTC_NAMES:
            if text.endswith(name):
                return iso(text.removesuffix(name) + "Z")
        try:
            return _epoch_ms(field, datetime.fromisoformat(text), zone)
        except ValueError:
            raise Refused(f"`{field}` is {shown(text)}{_text_hint(text)}") from None

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
            if (seeming := seeming_unit(value)) is not None:
                said = f"`{field}` is {shown(value)}, which seems to be {seeming.words}"
                raise Refused(f"{said}: give {_option(seeming)}")
            _check_range(field, value, value)
        return round(value)

    return read


def _option(seeming: Seeming) -> str:
    """The option that reads such numbers."""
    if seeming.unit:
        return f"--time-unit {seeming.unit}"
    if seeming.format:
        return f"--time-format {seeming.format!r}"
    return "--time-unit (s, m, h or d) and --time-start"


def _unit_reader(spec: TimeSpec, field: str) -> Read:
    """Reads numbers in the unit of a spec, from its start."""
    unit, zone = str(spec.unit), zone_of(spec.zone)
    length, local = UNITS[unit], unit == "excel" and spec.zone != "UTC"
    begin = STARTS.get(unit, 0) if spec.start is None else start_of(spec.start, zone)
    per_ms = round(1 / length) if length < 1 else 0
    counted = spec.start is not None or unit == "ms"

    def read(value: Any) -> int:
        if type(value) is int:
            ms = begin + (value // per_ms if per_ms else value * int(length))
        else:
            ms = begin + (int(value // per_ms) if per_ms else round(float(value) * length))
        if not SURE_MS[0] <= ms <= SURE_MS[1]:
            if not counted and 0 <= ms < EARLY_MS:
                raise Refused(
                    f"`{field}` is {shown(value)}, with --time-unit {unit} a time before 1973: "
                    "give the right unit, or --time-start for a count from a start"
                )
            _check_range(field, ms, value)
        return _epoch_ms(field, EPOCH + timedelta(milliseconds=ms), zone) if local else ms

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
    return _digits(cell) if isinstance(cell, float) and isfinite(cell) else str(cell).strip()


def _digits(value: Any) -> str:
    """A number as text: a whole one without a fraction."""
    return str(int(value)) if value == int(value) else str(value)


def _epoch_ms(field: str, at: datetime, zone: tzinfo) -> int:
    """Epoch ms of a datetime, which is in the zone if it has no offset."""
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    try:
        ms = round(at.timestamp() * 1000)
    except OverflowError:
        ms = -1
    if not 0 <= ms <= MAX_MS:
        _check_range(field, ms, at.isoformat())
    return ms


def _check_number(field: str, value: Any) -> None:
    finite = isinstance(value, int) or (
        value.is_finite() if isinstance(value, Decimal) else isfinite(value)
    )
    if not finite or not -(10**LONGEST) < value < 10**LONGEST:
        raise Refused(f"`{field}` is {shown(value)}, not a time")


def _check_range(field: str, ms: Any, value: Any) -> None:
    if ms < 0:
        raise Refused(f"`{field}` is {shown(value)}, before 1970")
    if ms > MAX_MS:
        raise Refused(f"`{field}` is {shown(value)}, after the year 9999: is the unit right?")
