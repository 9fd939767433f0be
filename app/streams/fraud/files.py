"""Files of transactions, read as a stream.

Public data sets are recognised by their columns (see `known_sets`), and so is any file whose
columns are named as the fields of `Transaction`, with the truth in `label` or `is_fraud`.
Columns of other names are read where options name them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from app.data.amounts import Amounts, Left
from app.data.bad_rows import BadRows, Problem
from app.data.files import Assignment
from app.data.options import AS_IT_IS, FileOptions
from app.data.overflow import Later
from app.data.readers.opening import open_table
from app.data.readers.table import Row, Table
from app.data.rows import Labelled
from app.errors import DataError
from app.streams.fraud.described import assignments
from app.streams.fraud.known_sets import Shape
from app.streams.fraud.mapping import mapped, resolved
from app.streams.fraud.messages import Transaction
from app.streams.fraud.proposal import propose as propose
from app.streams.fraud.reading import Reading

LOOKED_AT = 10_000  # rows in which the decimal sign may show itself


class Sorted(NamedTuple):
    """A row that waits for its turn."""

    event: Transaction
    positive: bool | None
    kind: int
    known: int | None
    row: int


@dataclass
class Dataset:
    """A file of transactions. Each iteration reads it from its start.

    Rows come in the file's order, or sorted by time. Iterating raises DataError at a row that
    is not a transaction, naming row, column and value, unless such rows are left out.
    """

    path: Path
    table: Table
    shape: Shape
    options: FileOptions
    decimal: str = ""  # of amounts, as the file's start shows it
    bad: BadRows = field(init=False)

    def __post_init__(self) -> None:
        self.bad = BadRows(self.path, None, [])
        self._reading: Reading | None = None

    @property
    def name(self) -> str:
        """What the file is: the known data set's name, else the file's."""
        return self.shape.name or self.path.name

    @property
    def told(self) -> str:
        """Its format in words."""
        return self.table.told

    @property
    def rows(self) -> int | None:
        """How many there are, None when counting them takes reading it to the end."""
        return self.table.size

    @property
    def known(self) -> str | None:
        """The column with the time at which each label became known, if there is one."""
        return self.options.known

    @property
    def sorts(self) -> bool:
        """Whether the rows are sorted before they are yielded."""
        return not self.shape.ordered if self.options.sort is None else self.options.sort

    def __iter__(self) -> Iterator[Labelled]:
        rows = self._rows()
        return by_time(rows) if self.sorts else rows

    def mapping(self) -> list[Assignment]:
        """Which columns are read as which fields."""
        return assignments(self.shape, self.table, self.options)

    def sample(self, count: int) -> list[Labelled]:
        """The first transactions, in the file's order."""
        return list(islice(self._rows(), count))

    def notes(self) -> list[str]:
        """What the latest iteration left out, in sentences."""
        return [*self.bad.notes(), *(self._reading.own.notes() if self._reading else ())]

    def _rows(self) -> Iterator[Labelled]:
        read = self._reading = Reading(self.table, self.shape, self.options)
        read.amounts.decimal = self.decimal
        self.bad = bad = BadRows(self.path, self._bad_path(), read.columns, read.hidden)
        number = 0

        def broken(reason: str, column: str, cells: Row) -> None:
            nonlocal number
            number += 1
            bad.broken(number, rows.line, reason, column, cells)

        rows = self.table.rows(read.columns, broken)
        for row in rows:
            number += 1
            try:
                labelled = read(row, number)
            except Problem as problem:
                bad.refuse(number, rows.line, problem, row)
            except Left:
                bad.left += 1
            else:
                yield labelled
        if bad.bad == number:
            raise DataError(f"no row of {self.path} can be used; the first: {bad.first}")

    def _bad_path(self) -> Path | None:
        if not self.options.skip_bad:
            return None
        return self.options.bad_rows or self.path.with_name(f"{self.path.name}.bad.csv")


def by_time(rows: Iterator[Labelled]) -> Iterator[Labelled]:
    """Rows in order of time; those of the same time in the file's order."""
    waiting = Later(Sorted)
    for row in rows:
        waiting.add(row.event.at, Sorted(*row))  # type: ignore[arg-type]
    for _, kept in waiting.rest():
        yield Labelled(*kept)


def open_dataset(path: str | Path, options: FileOptions = AS_IT_IS) -> Dataset:
    """Recognise a file of transactions.

    Raises
    ------
    DataError
        No such file, no rows, a format that is not read, columns that are missing, an option
        that names what is no field or no column.
    """
    path = Path(path)
    table = open_table(path, options.layout, zone_of(options))
    options = resolved(options, table)
    shape = mapped(table, path, options)
    column = shape.columns.get("amount", ("",))[0]
    some, decimal = look(table, column, options.decimal)
    if not some:
        raise DataError(f"{path} has columns but no rows")
    return Dataset(path, table, shape, options, decimal)


def look(table: Table, column: str, decimal: str) -> tuple[bool, str]:
    """Whether a table has rows, and the decimal sign that its amounts show at its start."""
    amounts, broken = Amounts("amount", decimal), 0

    def note(*_: object) -> None:
        nonlocal broken
        broken += 1

    number = 0
    typed = table.kinds.get(column) in ("whole", "float")
    for number, (cell, *_) in enumerate(table.rows([column], note), 1):
        amounts.learn([cell])
        if amounts.decimal or typed or number + broken >= LOOKED_AT:
            break
    return number + broken > 0, amounts.decimal


def zone_of(options: FileOptions) -> str:
    """The zone of timestamps of Parquet that have none; "" for UTC, or where parts are joined."""
    times = options.time
    return "" if times.columns or times.zone in (None, "UTC") else str(times.zone)
