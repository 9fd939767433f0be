"""Files of transactions, read as a stream.

Two shapes are recognised by their columns: the Fraud Detection Handbook's data set (Le
Borgne, Siblini, Lebichot, Bontempi, 2022), and any file whose columns are named as the
fields of `Transaction`, with the truth in `label` or `is_fraud`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from app.data.readers import Format, Row, format_of
from app.data.rows import Labelled
from app.errors import DataError, Refused
from app.messages import Transaction, encode, epoch_ms, read_transaction

NUMBERS = frozenset({"amount", "lat", "lon"})
MISSING = (None, "")
TRUTH = {
    **dict.fromkeys(("fraud", "true", "1", "1.0"), True),
    **dict.fromkeys(("legit", "false", "0", "0.0"), False),
    **dict.fromkeys(("", "unsure", "none", "nan"), None),
}


class Shape(NamedTuple):
    """Which columns hold what; `fields` is transaction field by column.

    The truth is in the first column of `truth` that has a value.
    """

    name: str
    needed: tuple[str, ...]
    fields: Mapping[str, str]
    truth: tuple[str, ...]
    scenario: str

    @property
    def columns(self) -> list[str]:
        """All columns that are read, where a file has them."""
        return [*self.fields, *self.truth, self.scenario]


HANDBOOK = Shape(
    "Fraud Detection Handbook",
    ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"),
    {
        "TRANSACTION_ID": "id",
        "TX_DATETIME": "at",
        "CUSTOMER_ID": "customer",
        "TERMINAL_ID": "merchant",
        "TX_AMOUNT": "amount",
    },
    ("TX_FRAUD",),
    "TX_FRAUD_SCENARIO",
)
PLAIN = Shape(
    "",
    ("id", "at", "customer", "merchant", "amount"),
    {name: name for name in Transaction.__struct_fields__ if name != "label"},
    ("label", "is_fraud"),
    "scenario",
)


@dataclass(frozen=True)
class Dataset:
    """A file of transactions. Each iteration reads it from its start, in the file's order.

    Iterating raises DataError at a row that is not a transaction, naming row and field.
    """

    path: Path
    shape: Shape
    format: Format
    rows: int | None  # None when only reading it to the end would tell

    @property
    def name(self) -> str:
        """What the file is: the known data set's name, else the file's."""
        return self.shape.name or self.path.name

    def __iter__(self) -> Iterator[Labelled]:
        for number, row in enumerate(self.format.rows(self.path, self.shape.columns), 1):
            try:
                yield labelled(row, self.shape)
            except Refused as reason:
                raise DataError(f"row {number} of {self.path}: {reason}") from None


def open_dataset(path: str | Path) -> Dataset:
    """Recognise a file of transactions.

    Parameters
    ----------
    path
        A file that ends in .csv (first line: column names), .jsonl, .ndjson or .parquet.

    Raises
    ------
    DataError
        No such file, no rows, a format that is not read, columns that are missing.
    """
    path = Path(path)
    format = format_of(path)
    columns = format.columns(path)
    if not columns:
        raise DataError(f"{path} is empty")
    shape = recognise(columns, path)
    if next(format.rows(path, shape.columns), None) is None:
        raise DataError(f"{path} has columns but no rows")
    return Dataset(path, shape, format, format.size(path))


def recognise(columns: list[str], path: Path) -> Shape:
    """The shape of a file with these columns. Raises DataError naming the missing ones."""
    if set(HANDBOOK.needed) <= set(columns):
        return HANDBOOK
    missing = ", ".join(name for name in PLAIN.needed if name not in columns)
    if missing:
        raise DataError(f"{path} lacks the columns {missing}; it has {', '.join(columns)}")
    return PLAIN


def labelled(row: Row, shape: Shape) -> Labelled:
    """One row, checked as a message is checked on the wire. Raises Refused."""
    values = {
        field: value(field, row[column])
        for column, field in shape.fields.items()
        if row.get(column) not in MISSING
    }
    tx = read_transaction(encode(values))
    says = (row[column] for column in shape.truth if row.get(column) not in MISSING)
    fraud = truth(next(says, None))
    kind = row.get(shape.scenario)
    return Labelled(tx, fraud, scenario(kind) if fraud and kind not in MISSING else 0)


def value(field: str, raw: Any) -> Any:
    """A cell as its field wants it: numbers from text, times as epoch ms, ids as text."""
    if field == "at":
        return instant(raw)
    if field not in NUMBERS:
        return str(raw)
    try:
        return float(raw)
    except (TypeError, ValueError):
        raise Refused(f"`{field}` is {raw!r}, not a number") from None


def instant(raw: Any) -> Any:
    """Epoch ms of a time as files have it; text without an offset is UTC.

    >>> instant("1970-01-01 00:00:01"), instant("1000"), instant("1970-01-01T01:00:01+01:00")
    (1000, 1000, 1000)
    """
    if not isinstance(raw, str):
        return raw
    if raw.isdecimal():
        return int(raw)
    try:
        at = datetime.fromisoformat(raw)
    except ValueError:
        raise Refused(f"`at` is {raw!r}, neither epoch ms nor a date and time") from None
    return epoch_ms(at if at.tzinfo else at.replace(tzinfo=UTC))


def truth(raw: Any) -> bool | None:
    """Whether a label says fraud; None when it says nothing.

    >>> truth("fraud"), truth(0), truth("unsure")
    (True, False, None)
    """
    try:
        return TRUTH["" if raw is None else str(raw).strip().lower()]
    except KeyError:
        raise Refused(f"{raw!r} is not a label; write fraud or legit, or 1 or 0") from None


def scenario(raw: Any) -> int:
    """The number of a kind of fraud."""
    try:
        return int(float(raw))
    except (TypeError, ValueError, OverflowError):
        raise Refused(f"`scenario` is {raw!r}, not a number") from None
