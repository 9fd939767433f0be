"""How a row of a file becomes a transaction: cell by cell, then as the wire checks it."""

from typing import Any

from app.data.amounts import Amounts
from app.data.cells import utc, whole_reader
from app.data.options import ROW, FileOptions
from app.data.readers.table import Row, Table
from app.data.rows import Labelled
from app.data.truths import Truths
from app.errors import Refused
from app.streams.fraud.columns import Cells
from app.streams.fraud.fields import FIELDS, OWN
from app.streams.fraud.known_sets import Shape
from app.streams.fraud.mapping import constants_of
from app.streams.fraud.messages import LABELS, Transaction, make_transaction
from app.streams.fraud.own_columns import NESTED, OwnColumns
from app.streams.fraud.reasons import why


class Reading:
    """Reads the rows of a file, `columns` of each. It remembers what amounts and labels showed."""

    def __init__(self, table: Table, shape: Shape, options: FileOptions) -> None:
        self.table, self.shape, self.options = table, shape, options
        self.missing = options.missing
        self.amounts = Amounts("amount", options.decimal)
        usual = {field: names for field, names in shape.columns.items() if field in FIELDS}
        single = {field: names[0] for field, names in usual.items() if len(names) == 1}
        self.cells = Cells(table, shape, options, self.amounts)
        self.fields = [self.cells.field(field, column) for field, column in single.items()]
        words = {spelling.lower() for spelling in options.label_words}
        self.unsaid = frozenset(one for one in self.missing if str(one or "").lower() not in words)
        self._whole = whole_reader("scenario")
        self._says = Truths(LABELS, options.label_words)
        constants = constants_of(shape)
        self._constants = {name: one for name, one in constants.items() if name in FIELDS}
        self._fields = {name: one for name, one in constants.items() if name not in FIELDS}
        self._own = [field for field in OWN if shape.constants.get(field) == ROW]
        self.own = OwnColumns(
            {field: names for field, names in shape.columns.items() if field not in FIELDS},
            options,
            NESTED in table.columns and bool(options.declared),
            self.cells.unquoted,
        )
        self.hidden = {name for field in options.hashed for name in shape.columns.get(field, ())}
        if options.hashed & self.own.nested:
            self.hidden.add(NESTED)
        self._lay_out(single, usual)
        others = self._constants or self._own or self._fields or self.own.any
        self._more = bool(self._joined or others or options.hashed)

    def _lay_out(self, single: dict[str, str], usual: dict[str, tuple[str, ...]]) -> None:
        """Which cell of a row is what."""
        shape, known = self.shape, self.options.known
        aside = [*shape.truth, shape.scenario]
        self.columns = [*single.values(), *aside]
        self.truth = slice(len(single), len(single) + len(shape.truth))
        if known is not None:
            self.columns.append(known)
            self._known_at = self.cells.known(known)
        self.known = len(self.columns) - 1
        self._joined = []
        for field, names in usual.items():
            if len(names) > 1:
                begin = len(self.columns)
                self.columns += names
                self._joined.append(
                    (field, self.cells.join(field, names), slice(begin, len(self.columns)))
                )
        self._own_at = len(self.columns)
        self.columns += self.own.names

    def __call__(self, row: Row, number: int) -> Labelled:
        """One row as a transaction, with what is said of it. Raises Problem, or Left."""
        try:
            return self._read(row, number)
        except (Refused, TypeError) as error:
            raise why(self, row, error) from None

    def _read(self, row: Row, number: int) -> Labelled:
        values = {
            field: value
            for (field, read, missing), cell in zip(self.fields, row, strict=False)
            if cell not in missing and (value := read(cell)) is not None
        }
        if self._more:
            self._complete(values, row, number)
        tx = make_transaction(values, self.options.card_fields)
        fraud = None
        for cell in row[self.truth]:
            if cell not in self.unsaid:
                fraud = self._says(cell)
                break
        kind = row[self.truth.stop] if fraud else None
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
        if self.own.any or self._fields:
            own = {**self.own(row[self._own_at :]), **self._fields}
            if own:
                values["fields"] = own
        for field in self.options.hashed:
            found = values if field in FIELDS else values.get("fields", {})
            if field in found and self.options.pseudonym is not None:
                found[field] = self.options.pseudonym(found[field])

    def _when(self, row: Row, tx: Transaction) -> int | None:
        """When a label became known."""
        cell = row[self.known]
        if cell in self.missing:
            return None
        at: int = self._known_at(cell)
        if at < tx.at:
            raise Refused(
                f"the label of transaction {tx.id} became known at {utc(at)}, before the "
                f"transaction itself, which is of {utc(tx.at)}"
            )
        return at
