"""How a row of a file becomes a transaction: cell by cell, then as the wire checks it."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time
from typing import Any

from app.data.amounts import Amounts, Left, negative_reader
from app.data.bad_rows import JOINED, Problem
from app.data.cells import Missing, id_reader, number_reader, text_reader, utc, whole_reader
from app.data.options import PLUS, ROW, FileOptions
from app.data.readers.table import Row, Table
from app.data.rows import Labelled
from app.data.times import time_reader
from app.data.timespec import TimeSpec
from app.data.truths import Truths
from app.errors import Refused
from app.streams.fraud.known_sets import Shape
from app.streams.fraud.mapping import OWN, REQUIRED, constants_of, spec_of
from app.streams.fraud.messages import LABELS, Transaction, make_transaction
from app.units import MAX_MS

NAMIBIA = "NA"  # a country, though it is how files write that a value is missing
FIELDS = (re.compile(r"`\$\.(\w+)`"), re.compile(r"`(\w+)`"))
Cell = Callable[[Any], Any]


class Reading:
    """Reads the rows of a file, `columns` of each. It remembers what amounts and labels showed."""

    def __init__(self, table: Table, shape: Shape, options: FileOptions) -> None:
        self.table, self.shape, self.options = table, shape, options
        self.missing = options.missing
        self.amounts = Amounts("amount", options.decimal)
        single = {field: names[0] for field, names in shape.columns.items() if len(names) == 1}
        self._fields = [self._field(field, column) for field, column in single.items()]
        words = {spelling.lower() for spelling in options.label_words}
        self._unsaid = frozenset(one for one in self.missing if str(one or "").lower() not in words)
        self._whole = whole_reader("scenario")
        self._says = Truths(LABELS, options.label_words)
        self._constants = constants_of(shape)
        self._own = [field for field in OWN if shape.constants.get(field) == ROW]
        self.hidden = {name for field in options.hashed for name in shape.columns.get(field, ())}
        self._lay_out(single)
        self._more = bool(self._joined or self._constants or self._own or options.hashed)

    def _lay_out(self, single: dict[str, str]) -> None:
        """Which cell of a row is what."""
        shape, known = self.shape, self.options.known
        aside = [*shape.truth, shape.scenario]
        self.columns = [*single.values(), *aside]
        self._truth = slice(len(single), len(single) + len(shape.truth))
        if known is not None:
            self.columns.append(known)
            self._known_at = time_reader(self._known_spec(known), "known")
        self._known = len(self.columns) - 1
        self._joined = []
        for field, names in shape.columns.items():
            if len(names) > 1:
                begin = len(self.columns)
                self.columns += names
                self._joined.append(
                    (field, self._join(field, names), slice(begin, len(self.columns)))
                )

    def __call__(self, row: Row, number: int) -> Labelled:
        """One row as a transaction, with what is said of it. Raises Problem, or Left."""
        try:
            return self._read(row, number)
        except (Refused, TypeError) as error:
            raise self._problem(row, number, error) from None

    def _read(self, row: Row, number: int) -> Labelled:
        values = {
            field: value
            for (field, read, missing), cell in zip(self._fields, row, strict=False)
            if cell not in missing and (value := read(cell)) is not None
        }
        if self._more:
            self._complete(values, row, number)
        tx = make_transaction(values, self.options.card_fields)
        fraud = None
        for cell in row[self._truth]:
            if cell not in self._unsaid:
                fraud = self._says(cell)
                break
        kind = row[self._truth.stop] if fraud else None
        scenario = 0 if kind in self.missing else self._whole(kind)
        known = None if self.options.known is None or fraud is None else self._when(row, tx)
        return Labelled(tx, fraud, scenario, known, number)

    def _complete(self, values: dict[str, Any], row: Row, number: int) -> None:
        for field, join, cells in self._joined:
            if (value := join(row[cells])) is not None:
                values[field] = value
        values.update(self._constants)
        for field in self._own:
            values[field] = f"row-{number}"
        for field in self.options.hashed:
            if field in values and self.options.pseudonym is not None:
                values[field] = self.options.pseudonym(values[field])

    def _when(self, row: Row, tx: Transaction) -> int | None:
        """When a label became known."""
        cell = row[self._known]
        if cell in self.missing:
            return None
        at = self._known_at(cell)
        if at < tx.at:
            raise Refused(
                f"the label of transaction {tx.id} became known at {utc(at)}, before the "
                f"transaction itself, which is of {utc(tx.at)}"
            )
        return at

    # -- what reads a cell

    def _field(self, field: str, column: str) -> tuple[str, Cell, Missing]:
        missing = self.missing
        if field == "country":
            missing = frozenset(one for one in missing if one != NAMIBIA)
        return field, self._reader(field, column), missing

    def _reader(self, field: str, column: str) -> Cell:
        kind = self.table.kinds.get(column, "")
        if field == "at":
            return self._moment(column)
        if field == "amount":
            return self._unquoted(negative_reader(self.amounts, field, self.options.negative))
        if field in ("lat", "lon"):
            return number_reader(field)
        if kind == "whole":
            return str
        return self._unquoted(id_reader(field) if field in REQUIRED else text_reader(field))

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

    def _known_spec(self, column: str) -> TimeSpec:
        """How the times of labels are written: as those of events, unless several columns are."""
        spec = spec_of(self.shape, self.options.time)
        return self._spec(TimeSpec(zone=spec.zone) if spec.columns else spec, column)

    def _unquoted(self, read: Cell) -> Cell:
        """Reads what may stand in single quotes, in a set that writes its texts so."""
        if not self.shape.quoted:
            return read
        return lambda cell: read(unquoted(cell))

    def _join(self, field: str, names: Sequence[str]) -> Callable[[Row], Any]:
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
        text = text_reader(field)

        def texts(cells: Row) -> str | None:
            parts = ["" if cell in missing else text(cell) or "" for cell in cells]
            return PLUS.join(parts) if any(parts) else None

        return texts

    # -- why a row cannot be read

    def _problem(self, row: Row, number: int, error: Exception) -> Exception:
        """The reason with its column and value, found by reading the cells one by one."""
        for (field, read, missing), cell, column in zip(
            self._fields, row, self.columns, strict=False
        ):
            try:
                if (cell in missing or read(cell) is None) and field in REQUIRED:
                    return Problem(absent(field), column, cell)
            except Refused as reason:
                return reason if isinstance(reason, Left) else Problem(str(reason), column, cell)
            except TypeError:
                return Problem(f"`{field}` is a {type(cell).__name__}, not a value", column, cell)
        return self._later_problem(row, error)

    def _later_problem(self, row: Row, error: Exception) -> Exception:
        """A reason that the wire gave, or that is of several columns, or of the label."""
        reason = str(error)
        field = field_of(reason)
        columns = list(self.shape.columns.get(field, ()))
        if reason.startswith(("it is not a label", "the column has labels")):
            says = next((cell for cell in row[self._truth] if cell not in self._unsaid), None)
            column = self.columns[self._truth.start + list(row[self._truth]).index(says)]
            return Problem(f"`label`: {reason}", column, says)
        if field == "scenario":
            return Problem(reason, self.shape.scenario, row[self._truth.stop])
        if reason.startswith(("`known`", "the label of")):
            named = reason.replace("`known`", f"`{self.options.known}`")
            return Problem(named, str(self.options.known), row[self._known])
        if not columns:
            return Problem(reason)
        cells = [row[self.columns.index(column)] for column in columns]
        if all(cell in self.missing for cell in cells) or reason.startswith("Object missing"):
            reason = absent(field)
        if "card number" in reason:
            reason = f"`{field}` is a card number; --hash {field} replaces it by a keyed hash"
        return Problem(reason, JOINED.join(columns), cells[0] if len(cells) == 1 else tuple(cells))


def field_of(reason: str) -> str:
    """The field that a reason names.

    >>> field_of("Expected `str`, got `int` - at `$.id`"), field_of("`id` is a card number")
    ('id', 'id')
    """
    found = FIELDS[0].search(reason) or FIELDS[1].search(reason)
    return found.group(1) if found else ""


def absent(field: str) -> str:
    """Why a value that stands for none cannot be used."""
    own = "; --id row takes the row's number" if field == "id" else ""
    return f"`{field}` is missing; --missing says what stands for no value{own}"


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
