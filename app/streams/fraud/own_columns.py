"""The declared fields in a file: which columns hold those words and numbers, and their values."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from app.data.cells import number_reader, text_reader
from app.data.options import PLUS, FileOptions
from app.data.readers.table import Row
from app.data.shown import masked
from app.errors import Refused
from app.streams.fraud.own_fields import LARGEST

Read = Callable[[Any], str | float | None]
NESTED = "fields"  # the column of JSON, or Parquet, that holds them as a topic's transactions do


class Source(NamedTuple):
    """Where a field comes from: cells of a row, or the nested object where there are none."""

    name: str
    read: Read
    cells: slice


class OwnColumns:
    """Reads the declared fields of rows. What is not of its field's kind is missing, and counted.

    Parameters
    ----------
    columns
        Columns by field; several of a word are joined.
    nested
        Whether the file has a column with an object of fields.
    unquoted
        What wraps a reader in a set whose texts are in quotes.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[str]],
        options: FileOptions,
        nested: bool,
        unquoted: Callable[[Read], Read],
    ) -> None:
        self.names = [*chain.from_iterable(columns.values()), *([NESTED] if nested else [])]
        self.unusable: dict[str, int] = {}
        self._first: dict[str, str] = {}
        self._hidden = options.hashed
        self._missing = options.missing
        readers = {
            name: unquoted(truth_or(number(name) if kind is float else text_reader(name)))
            for name, kind in options.declared.items()
        }
        self._sources, begin = list[Source](), 0
        for name, names in columns.items():
            cells = slice(begin, begin + len(names))
            self._sources.append(Source(name, readers[name], cells))
            begin = cells.stop
        self._nested = {n: r for n, r in readers.items() if nested and n not in columns}
        self.nested = self._nested.keys()  # the fields that are read of that object
        # Nothing to look at in most files: then a row costs no call.
        self.any = bool(self._sources or self._nested)

    def __call__(self, cells: Row) -> dict[str, str | float]:
        """The fields in a row's cells, which are those of `names`."""
        found: dict[str, str | float] = {}
        for name, read, place in self._sources:
            parts = [self._value(name, read, cell) for cell in cells[place]]
            self._put(found, name, parts)
        if self._nested and isinstance(cells[-1], dict):
            for name, read in self._nested.items():
                self._put(found, name, [self._value(name, read, cells[-1].get(name))])
        return found

    def notes(self) -> Iterator[str]:
        """What was left out, in sentences."""
        for name, count in self.unusable.items():
            shown = "" if name in self._hidden else f", such as {self._first[name]}"
            values = "a value" if count == 1 else f"{count:,} values"
            yield f"Left out of `{name}` because they cannot be read: {values}{shown}."

    def _put(
        self, found: dict[str, str | float], name: str, parts: Sequence[str | float | None]
    ) -> None:
        if len(parts) == 1:
            (value,) = parts
            if value is not None and value != "":
                found[name] = value
        elif any(parts):
            found[name] = PLUS.join("" if part is None else str(part) for part in parts)

    def _value(self, name: str, read: Read, cell: Any) -> str | float | None:
        try:
            return None if cell in self._missing else read(cell)
        except (Refused, TypeError):  # TypeError: a list or an object
            self.unusable[name] = self.unusable.get(name, 0) + 1
            self._first.setdefault(name, masked(cell))
            return None


def number(name: str) -> Read:
    """A reader of numbers within the bounds of a transaction's fields; it raises Refused."""
    read = number_reader(name)

    def bounded(cell: Any) -> float | None:
        value = read(cell)
        if value is not None and not -LARGEST <= value <= LARGEST:
            raise Refused(f"`{name}` is too large")
        return value

    return bounded


def truth_or(read: Read) -> Read:
    """A reader that takes truth values too: as the number 1 or 0, or the word true or false."""

    def with_truths(cell: Any) -> str | float | None:
        if type(cell) is not bool:
            return read(cell)
        try:
            return read(int(cell)) if isinstance(read(1), float) else str(cell).lower()
        except Refused:
            return None

    return with_truths


def plain_name(column: str) -> str:
    """A column's name as a field's: small letters, digits and _.

    >>> plain_name("Use Chip"), plain_name("DeviceType"), plain_name("P_emaildomain")
    ('use_chip', 'device_type', 'p_emaildomain')
    """
    apart = re.sub("([a-z0-9])([A-Z])", r"\1_\2", column)
    return re.sub("[^a-z0-9]+", "_", apart.lower()).strip("_")


def column_of(field: str, columns: Sequence[str]) -> str | None:
    """The column that is named as a field, or the only one that is so in other letters.

    >>> column_of("age", ["Age", "AGE "]), column_of("use_chip", ["User", "Use Chip"])
    (None, 'Use Chip')
    """
    if field in columns:
        return field
    alike = [one for one in columns if field in (one.lower(), plain_name(one))]
    return alike[0] if len(alike) == 1 else None
