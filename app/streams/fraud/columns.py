"""What reads the columns of a file as the fields of a transaction."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time
from typing import Any

from app.data.amounts import Amounts, negative_reader
from app.data.cells import Missing, id_reader, number_reader, text_reader, whole_reader
from app.data.options import PLUS, FileOptions
from app.data.readers.table import Row, Table
from app.data.times import time_reader
from app.data.timespec import TimeSpec
from app.errors import Refused
from app.pan import is_card_number
from app.streams.fraud.fields import REQUIRED
from app.streams.fraud.known_sets import Shape
from app.streams.fraud.mapping import spec_of
from app.units import MAX_MS

NAMIBIA = "NA"  # a country, though it is how files write that a value is missing
Cell = Callable[[Any], Any]
Field = tuple[str, Cell, Missing]  # its name, what reads its cells, which of them are missing


class Cells:
    """Readers for the columns of one file."""

    def __init__(self, table: Table, shape: Shape, options: FileOptions, amounts: Amounts) -> None:
        self.table, self.shape, self.options, self.amounts = table, shape, options, amounts
        self.missing = options.missing

    def field(self, field: str, column: str) -> Field:
        """A field, what reads its column, and which cells of it are missing."""
        missing = self.missing
        if field == "country":
            missing = frozenset(one for one in missing if one != NAMIBIA)
        return field, self._reader(field, column), missing

    def _reader(self, field: str, column: str) -> Cell:
        kind = self.table.kinds.get(column, "")
        if field == "at":
            return self._moment(column)
        if field == "amount":
            return self.unquoted(negative_reader(self.amounts, field, self.options.negative))
        if field in ("lat", "lon"):
            return number_reader(field)
        if kind == "whole":
            return str
        return self.unquoted(id_reader(field) if field in REQUIRED else text_reader(field))

    def _moment(self, column: str) -> Cell:
        spec, steps = spec_of(self.shape, self.options.time), self.shape.steps
        read = time_reader(self._spec(spec, column), "at")
        if self.table.kinds.get(column) == "time":
            walls = spec.zone != "UTC"  # then those without a zone come as datetimes
            return (
                (lambda cell: epoch(cell) if type(cell) is int else read(cell)) if walls else epoch
            )
        return read if steps == 1 else lambda cell: read(steps * whole_reader("at")(cell))

    def _spec(self, spec: TimeSpec, column: str) -> TimeSpec:
        """How a column's times are written: types say it themselves."""
        kind = self.table.kinds.get(column)
        return TimeSpec(zone=spec.zone) if kind in ("time", "date") else spec

    def known(self, column: str) -> Cell:
        """What reads when a label became known: as the times of events, unless they are joined."""
        spec = spec_of(self.shape, self.options.time)
        spec = TimeSpec(zone=spec.zone) if spec.columns else spec
        return time_reader(self._spec(spec, column), "known")

    def unquoted(self, read: Cell) -> Cell:
        """Reads what may stand in single quotes, in a set that writes its texts so."""
        if not self.shape.quoted:
            return read
        return lambda cell: read(unquoted(cell))

    def join(self, field: str, names: Sequence[str]) -> Callable[[Row], Any]:
        """What reads several cells as one value, None where one of a time, or all, are missing."""
        missing, kinds = self.missing, [self.table.kinds.get(name) for name in names]
        if field == "at":
            spec = spec_of(self.shape, self.options.time)
            read, seconds = time_reader(spec, "at"), "%S" in (spec.format or "%S")

            def moment(cells: Row) -> int | None:
                if any(cell in missing for cell in cells):
                    return None
                parts = zip(cells, kinds, strict=True)
                return read([_wall(cell, kind, seconds) for cell, kind in parts])

            return moment
        text, secret = text_reader(field), field in self.options.hashed

        def texts(cells: Row) -> str | None:
            parts = ["" if cell in missing else text(cell) or "" for cell in cells]
            if not secret and any(map(is_card_number, parts)):  # joined it would not look like one
                raise Refused(f"`{field}` is a card number")
            return PLUS.join(parts) if any(parts) else None

        return texts


def unquoted(cell: Any) -> Any:
    """A text without the single quotes around it.

    >>> unquoted("'es_food'")
    'es_food'
    """
    if type(cell) is str and len(cell) > 2 and cell[0] == cell[-1] == "'":
        return cell[1:-1]
    return cell


def epoch(cell: int) -> int:
    """A time of Parquet, which is epoch ms already."""
    if not 0 <= cell <= MAX_MS:
        raise Refused("`at` is before 1970" if cell < 0 else "`at` is after the year 9999")
    return cell


def _wall(cell: Any, kind: str | None, seconds: bool) -> Any:
    """A part of a time as Python has it; a time of day as text where its format has no seconds."""
    if kind == "time" and type(cell) is int:
        return datetime.fromtimestamp(cell / 1000, UTC).replace(tzinfo=None)
    if isinstance(cell, time) and not seconds and not cell.second:
        return cell.strftime("%H:%M")
    return cell
