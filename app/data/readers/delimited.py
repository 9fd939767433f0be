"""CSV and its relatives: the first line names the columns, and shows what separates them."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from operator import itemgetter
from pathlib import Path
from typing import Any

from app.data.readers.source import codec_of, lines, opened_text
from app.data.readers.table import Broken, Layout, Row
from app.errors import DataError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "space": " "}
HEAD = 1 << 18  # characters in which the header ends
SAID = re.compile(r'"?sep=(.)"?\r?\n')  # how Excel names its delimiter
ODD = re.compile("[\ud800-\udfff]")  # a byte that is no text of the encoding


class Delimited:
    """A file of delimited text."""

    kinds: Mapping[str, str] = {}
    size = None

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.encoding = path, layout.encoding
        self.quote = layout.quote or '"'
        with opened_text(path, layout.encoding) as file:
            head = file.read(HEAD)
        said = SAID.match(head)
        self.skip = said is not None
        if said:
            head = head[said.end() :]
        given = WORDS.get(layout.delimiter, layout.delimiter) or (said.group(1) if said else "")
        self.delimiter = given or self._seen(head)
        self.columns = self._header(head, self.delimiter) or []

    @property
    def told(self) -> str:
        """The format in words."""
        name = DELIMITERS.get(self.delimiter, repr(self.delimiter))
        encoding = f", {self.encoding}" if self.encoding else ""
        return f"CSV, {name}{encoding}" + (f", {codec}" if (codec := codec_of(self.path)) else "")

    def rows(self, columns: Sequence[str], broken: Broken) -> "DelimitedRows":
        """A pass over the rows."""
        return DelimitedRows(self, columns, broken)

    def reader(self, text: Any, delimiter: str | None = None) -> Any:
        """The fields of each line of some text."""
        try:
            return csv.reader(
                text, delimiter=delimiter or self.delimiter, quotechar=self.quote, strict=True
            )
        except TypeError:
            raise DataError("--delimiter and --quote take one character each") from None

    def _seen(self, head: str) -> str:
        """The delimiter that the header shows; the next row where the header leaves it open."""
        widths = {one: len(fields) for one in DELIMITERS if (fields := self._header(head, one))}
        most = max(widths.values(), default=1)
        likely = [one for one, width in widths.items() if width == most]
        if most > 1 and len(likely) > 1:
            fits = [one for one in likely if self._width(head, one, 1) == most]
            if len(fits) != 1:
                raise DataError(
                    f"the header of {self.path} may be delimited by "
                    f"{' or '.join(DELIMITERS[one] for one in likely)}; --delimiter says which"
                )
            likely = fits
        return likely[0] if most > 1 else ","

    def _width(self, head: str, delimiter: str, row: int) -> int:
        """Fields of a row of the file's start."""
        reader = self.reader(StringIO(head, newline=""), delimiter)
        try:
            rows: list[list[str]] = [next(reader, []) for _ in range(row + 1)]
        except csv.Error:
            return 0
        return len(rows[row])

    def _header(self, head: str, delimiter: str) -> list[str] | None:
        """The names in the first line that is not empty, None where it is not CSV so."""
        reader = self.reader(StringIO(head, newline=""), delimiter)
        try:
            return [name.strip() for name in next(filter(None, reader), [])]
        except csv.Error as error:
            if delimiter == self.__dict__.get("delimiter"):
                raise DataError(f"{self.path} cannot be read as CSV: {error}") from None
            return None


class DelimitedRows:
    """One pass over delimited text."""

    def __init__(self, table: Delimited, columns: Sequence[str], broken: Broken) -> None:
        self.table, self.columns, self.broken = table, columns, broken
        self._reader: Any = None
        self._odd = False

    @property
    def line(self) -> int | None:
        """The line on which the latest row ends, 1 for the first."""
        return None if self._reader is None else self._reader.line_num + self.table.skip

    def __iter__(self) -> Iterator[Row]:
        table = self.table
        with opened_text(table.path, table.encoding) as file:
            if table.skip:
                file.readline()
            self._reader = reader = table.reader(self._watched(lines(file, table.path)))
            next(filter(None, reader))
            yield from self._rows(reader)

    def _rows(self, reader: Any) -> Iterator[Row]:
        names = self.table.columns
        pick, width = picker(names, self.columns), len(names)
        self._odd = False
        while True:
            try:
                for fields in reader:
                    if len(fields) == width and not self._odd:
                        yield pick(fields)
                    elif fields:
                        self._refuse(fields)
                return
            except csv.Error as error:
                self.broken(f"it is not CSV: {error}", "", [])

    def _refuse(self, fields: list[str]) -> None:
        """Say why a row cannot be read, unless what is odd is in columns that nobody reads."""
        width, names = len(fields), self.table.columns
        if width != len(names):
            self._odd = False
            self.broken(f"it has {width} fields, not {len(names)}", "", fields)
            return
        self._odd = False
        column = next(name for name, cell in zip(names, fields, strict=True) if ODD.search(cell))
        self.broken(not_text(self.table.encoding), column, fields)

    def _watched(self, texts: Iterator[str]) -> Iterator[str]:
        for text in texts:
            if not text.isascii() and ODD.search(text):
                self._odd = True
            yield text


def not_text(encoding: str) -> str:
    """Why a cell cannot be read, and what helps."""
    return (
        f"it is not {encoding or 'UTF-8'} text; --encoding names the file's encoding, such as "
        "latin-1 or cp1252"
    )


def picker(names: list[str], columns: Sequence[str]) -> Any:
    """What picks the cells of some columns out of a row; None stands for a column that is not."""
    places = [names.index(name) if name in names else None for name in columns]
    if len(places) > 1 and None not in places:
        return itemgetter(*places)
    return lambda fields: [None if place is None else fields[place] for place in places]
