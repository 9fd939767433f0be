"""The first cells of a file's columns, beside what they are compared with: labels, keys, times."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from app.data.cells import number_reader
from app.data.options import FileOptions
from app.data.readers.table import Table
from app.data.truths import Truths
from app.errors import Refused
from app.streams.fraud.columns import unquoted
from app.streams.fraud.evidence import MOST, share
from app.streams.fraud.messages import LABELS

LOOKED_AT, CELLS = 20_000, 400_000  # rows, fewer where there are many columns


class Sample(NamedTuple):
    """Cells of the first rows, row by row in each sequence.

    Parameters
    ----------
    cells
        By column, of the columns that are looked at.
    labels
        Whether each row is a fraud; None where nothing says so.
    keys
        By field, `customer` and `merchant`: whom each row is of; empty without such a column.
    times, amounts
        As they are in the file; empty where they are in no column, or in several.
    """

    cells: Mapping[str, Sequence[Any]]
    labels: Sequence[bool | None]
    keys: Mapping[str, Sequence[str]]
    times: Sequence[Any]
    amounts: Sequence[Any]


def sample_of(
    table: Table, free: Sequence[str], mapping: Mapping[str, Sequence[str]], options: FileOptions
) -> Sample:
    """The first cells of some columns.

    Parameters
    ----------
    free
        The columns that are looked at.
    mapping
        Columns by field, of what they are compared with.
    """
    fields = ("label", "customer", "merchant", "at", "amount")
    there = {f: [n for n in mapping.get(f, ()) if n in table.columns] for f in fields}
    columns = list(dict.fromkeys([*free, *(name for names in there.values() for name in names)]))
    most = min(LOOKED_AT, max(CELLS // len(columns), 1000)) if columns else 0
    rows = list(islice(table.rows(columns, lambda *_: None), most))
    cells = {name: [unquoted(row[place]) for row in rows] for place, name in enumerate(columns)}
    of = {field: [cells[name] for name in names] for field, names in there.items()}
    return Sample(
        {name: cells[name] for name in free},
        _labels(of["label"], options) or [None] * len(rows),
        {field: _joined(of[field]) for field in ("customer", "merchant")},
        of["at"][0] if len(mapping.get("at", ())) == len(of["at"]) == 1 else [],
        of["amount"][0] if of["amount"] else [],
    )


def _joined(columns: Sequence[Sequence[Any]]) -> list[str]:
    return ["|".join(map(str, parts)) for parts in zip(*columns, strict=True)]


def _labels(columns: Sequence[Sequence[Any]], options: FileOptions) -> list[bool | None]:
    says = Truths(LABELS, options.label_words)

    def label(parts: Sequence[Any]) -> bool | None:
        try:
            return next((says(cell) for cell in parts if cell not in options.missing), None)
        except (Refused, TypeError):  # TypeError: a list or an object
            return None

    return [label(parts) for parts in zip(*columns, strict=True)]


def present(values: Sequence[Any], options: FileOptions) -> list[Any]:
    """The values that are there; lists and objects always are."""
    return [one for one in values if isinstance(one, (list, dict)) or one not in options.missing]


def numeric(there: Sequence[Any]) -> bool:
    """Whether nearly all values can be read as numbers."""
    return share(there, number_reader("number")) >= MOST
