"""Files of transactions, read as a stream.

Two shapes are recognised by their columns: the Fraud Detection Handbook's data set (Le
Borgne, Siblini, Lebichot, Bontempi, 2022), and any file whose columns are named as the
fields of `Transaction`, with the truth in `label` or `is_fraud`. Columns of other names are
read where a mapping names them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from app.data.cells import MISSING, instant, number, truth_reader, utc, whole
from app.data.readers import Format, Row, format_of
from app.data.rows import Labelled
from app.errors import DataError, Refused
from app.streams.fraud.messages import LABELS, Transaction, make_transaction

REQUIRED = ("id", "at", "customer", "merchant", "amount")
READ: dict[str, Callable[[Any], Any]] = {
    "at": partial(instant, "at"),
    **{name: partial(number, name) for name in ("amount", "lat", "lon")},
}  # how a cell becomes the value of a field; any other is text
truth = truth_reader(LABELS)


class Shape(NamedTuple):
    """Which columns hold what; `columns` is column by transaction field.

    The truth is in the first column of `truth` that has a value. `known` is the column with
    the time at which a label became known, if there is one.
    """

    name: str
    columns: Mapping[str, str]
    truth: tuple[str, ...]
    scenario: str
    known: str | None = None

    @property
    def needed(self) -> list[str]:
        """The columns without which there is no transaction."""
        return [self.columns[field] for field in REQUIRED]


HANDBOOK = Shape(
    "Fraud Detection Handbook",
    {
        "id": "TRANSACTION_ID",
        "at": "TX_DATETIME",
        "customer": "CUSTOMER_ID",
        "merchant": "TERMINAL_ID",
        "amount": "TX_AMOUNT",
    },
    ("TX_FRAUD",),
    "TX_FRAUD_SCENARIO",
)
PLAIN = Shape(
    "",
    {name: name for name in Transaction.__struct_fields__ if name != "label"},
    ("label", "is_fraud"),
    "scenario",
)
FIELDS = (*PLAIN.columns, "label", "scenario")  # what a mapping may name


@dataclass(frozen=True)
class Dataset:
    """A file of transactions. Each iteration reads it from its start, in the file's order.

    Iterating raises DataError at a row that is not a transaction, naming row and field.
    """

    path: Path
    shape: Shape
    format: Format
    rows: int | None  # None when counting them takes reading it to the end

    @property
    def name(self) -> str:
        """What the file is: the known data set's name, else the file's."""
        return self.shape.name or self.path.name

    @property
    def known(self) -> str | None:
        """The column with the time at which each label became known, if there is one."""
        return self.shape.known

    def __iter__(self) -> Iterator[Labelled]:
        read = Reading(self.shape)
        for place, row in enumerate(self.format.rows(self.path, read.columns), 1):
            try:
                yield read(row)
            except Refused as reason:
                raise DataError(f"row {place} of {self.path}: {reason}") from None


class Reading:
    """How the rows of a shape become transactions. `columns` is what a row must hold."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._fields = [(field, READ.get(field, str)) for field in shape.columns]
        self._truth = slice(len(self._fields), len(self._fields) + len(shape.truth))
        aside = [*shape.truth, shape.scenario, *([shape.known] if shape.known else [])]
        self.columns = [*shape.columns.values(), *aside]

    def __call__(self, row: Row) -> Labelled:
        """One row, checked as a message is checked on the wire. Raises Refused."""
        values = {
            field: read(cell)
            for (field, read), cell in zip(self._fields, row, strict=False)
            if cell not in MISSING
        }
        tx = make_transaction(values)
        says = next((cell for cell in row[self._truth] if cell not in MISSING), None)
        fraud = None if says is None else truth(says)
        kind = row[self._truth.stop] if fraud else None
        known = None if self.shape.known is None or fraud is None else self._known(row[-1], tx)
        return Labelled(tx, fraud, 0 if kind in MISSING else whole("scenario", kind), known)

    def _known(self, cell: Any, tx: Transaction) -> int | None:
        if cell in MISSING:
            return None
        at: int = instant(str(self.shape.known), cell)
        if at < tx.at:
            raise Refused(
                f"the label of transaction {tx.id} became known at {utc(at)}, before the "
                f"transaction itself, which is of {utc(tx.at)}"
            )
        return at


def open_dataset(
    path: str | Path, mapping: Mapping[str, str] | None = None, known: str | None = None
) -> Dataset:
    """Recognise a file of transactions.

    Parameters
    ----------
    path
        A file that ends in .csv (first line: column names), .jsonl, .ndjson or .parquet.
    mapping
        Column by field, for fields whose columns have other names: those of `Transaction`,
        `label` and `scenario`.
    known
        The column with the time at which each label became known.

    Raises
    ------
    DataError
        No such file, no rows, a format that is not read, columns that are missing, a mapping
        of what is no field.
    """
    path = Path(path)
    format = format_of(path)
    columns = format.columns(path)
    if not columns:
        raise DataError(f"{path} is empty")
    shape = recognise(columns, path, mapping or {})._replace(known=known)
    if known is not None and known not in columns:
        raise DataError(f"{path} lacks the column {known}; it has {', '.join(columns)}")
    if next(format.rows(path, Reading(shape).columns), None) is None:
        raise DataError(f"{path} has columns but no rows")
    return Dataset(path, shape, format, format.size(path))


def recognise(columns: list[str], path: Path, mapping: Mapping[str, str]) -> Shape:
    """The shape of a file with these columns. Raises DataError naming the missing ones."""
    for field, column in mapping.items():
        if field not in FIELDS:
            raise DataError(f"{field} is no field of a transaction; those are {', '.join(FIELDS)}")
        if column not in columns:
            raise DataError(f"{path} lacks the column {column}; it has {', '.join(columns)}")
    known = {*HANDBOOK.needed, *HANDBOOK.truth} <= set(columns)
    shape = mapped(HANDBOOK if known else PLAIN, mapping)
    missing = ", ".join(name for name in shape.needed if name not in columns)
    if missing:
        raise DataError(f"{path} lacks the columns {missing}; it has {', '.join(columns)}")
    return shape


def mapped(shape: Shape, mapping: Mapping[str, str]) -> Shape:
    """The shape with other columns for some fields.

    >>> mapped(HANDBOOK, {"amount": "EUR", "label": "SAYS"}).needed[-1]
    'EUR'
    """
    aside = {"label": shape.truth[0], "scenario": shape.scenario, **mapping}
    fields = {field: column for field, column in mapping.items() if field in PLAIN.columns}
    return shape._replace(
        columns={**shape.columns, **fields},
        truth=(aside["label"],) if "label" in mapping else shape.truth,
        scenario=aside["scenario"],
    )
