"""JSON: an object a line, or one array of objects, or one object after the other."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from app.data.readers.delimited import ODD, not_text
from app.data.readers.source import LONGEST, codec_of, encoding_of, lines, opened, opened_text
from app.data.readers.table import Broken, Layout, Row
from app.errors import DataError

LOOKED_AT = 1000  # rows whose fields are the columns
CHUNK = 1 << 16
BLANK = " \t\r\n"

Object = dict[str, Any]


class Json:
    """A file of JSON objects; any of them may leave columns out.

    Parameters
    ----------
    by_line
        Whether each object has a line of its own, unless the file is an array.
    """

    kinds: Mapping[str, str] = {}
    size = None

    def __init__(self, path: Path, layout: Layout, by_line: bool) -> None:
        self.path, self.encoding = path, layout.encoding
        with opened_text(path, layout.encoding) as file:
            start = file.read(CHUNK).lstrip("\ufeff" + BLANK)
        self.array = start.startswith("[") and not (by_line and one_line(start))
        self.by_line = by_line and not self.array
        names: dict[str, None] = {}
        reasons: list[str] = []
        looking = JsonRows(self, [], lambda reason, *_: reasons.append(reason))
        for row in islice(looking.objects(), LOOKED_AT):
            names.update(dict.fromkeys(row))
        if reasons and not names:
            raise DataError(f"row 1 of {path}: {reasons[0]}")
        self.columns = list(names)

    @property
    def told(self) -> str:
        """The format in words."""
        shape = "JSON lines" if self.by_line else "JSON, an array" if self.array else "JSON objects"
        return shape + (f", {codec}" if (codec := codec_of(self.path)) else "")

    def rows(self, columns: Sequence[str], broken: Broken) -> "JsonRows":
        """A pass over the rows."""
        return JsonRows(self, columns, broken)


def one_line(start: str) -> bool:
    """Whether a text begins with a line that is whole, though no object."""
    first, _, rest = start.partition("\n")
    try:
        json.loads(first)
    except ValueError:
        return False
    return bool(rest.strip())


class JsonRows:
    """One pass over JSON."""

    line: int | None = None

    def __init__(self, table: Json, columns: Sequence[str], broken: Broken) -> None:
        self.table, self.columns, self.broken = table, columns, broken

    def __iter__(self) -> Iterator[Row]:
        columns = self.columns
        for row in self.objects():
            yield [row.get(name) for name in columns]

    def objects(self) -> Iterator[Object]:
        """The objects of the file, in its order."""
        return self._lines() if self.table.by_line else self._stream()

    def _lines(self) -> Iterator[Object]:
        decode = msgspec.json.Decoder(Object).decode
        path, encoding = self.table.path, self.table.encoding
        with opened(path) as file:
            self.line = 0
            for line in lines(file, path):
                if not self.line:
                    encoding = encoding_of(line, encoding).removesuffix("-sig")
                    line = line.removeprefix(b"\xef\xbb\xbf")
                self.line += 1
                if encoding != "utf-8":
                    line = _as_utf8(line, encoding, path)
                try:
                    yield decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    if line.strip() and (row := self._again(line, error)) is not None:
                        yield row

    def _again(self, line: bytes, error: Exception) -> Object | None:
        """The object of a line with NaN in it, as Python and pandas write it; else it is told."""
        text = line.decode("utf-8", "surrogateescape")
        try:
            row = json.loads(text, parse_constant=constant)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            self.broken(f"it is not JSON: {error}" if row is None else _no_object(row), "", [])
            return None
        odd = [name for name, cell in row.items() if ODD.search(f"{name}{cell!s}")]
        if odd and ODD.search(text):
            shown = odd[0].encode("utf-8", "backslashreplace").decode()
            self.broken(f"it is not JSON: {not_text('')}", shown, list(row.values()))
            return None
        if odd:  # an escaped half of a surrogate pair
            self.broken(f"it is not JSON: {error}", odd[0], [])
            return None
        return row

    def _stream(self) -> Iterator[Object]:
        """Objects that need not end with a line: read chunk by chunk."""
        table, decode = self.table, json.JSONDecoder(parse_constant=constant).raw_decode
        with opened_text(table.path, table.encoding) as file:
            text = file.read(CHUNK).lstrip("\ufeff" + BLANK)
            at, number, more = int(table.array), 1, True
            while True:
                while at < len(text) and text[at] in BLANK + ",":
                    at += 1
                try:
                    row, end = decode(text, at)
                except (ValueError, RecursionError) as error:
                    if table.array and text[at:].rstrip(BLANK) == "]":
                        return
                    if not more and not text[at:].strip(BLANK) and not table.array:
                        return
                    if not more or len(text) - at > LONGEST:
                        raise self._ended(number, error) from None
                    chunk = file.read(CHUNK)
                    text, at, more = text[at:] + chunk, 0, bool(chunk)
                    continue
                if end == len(text) and more:  # the chunk's end may cut a number, or an object
                    chunk = file.read(CHUNK)
                    text, at, more = text[at:] + chunk, 0, bool(chunk)
                    continue
                at, number = end, number + 1
                if isinstance(row, dict) and not ODD.search(str(row)):
                    yield row
                elif isinstance(row, dict):
                    self.broken(not_text(table.encoding), "", [])
                else:
                    self.broken(_no_object(row), "", [])

    def _ended(self, number: int, error: Exception) -> DataError:
        return DataError(f"row {number} of {self.table.path}: it is not JSON: {error}")


def constant(name: str) -> float | None:
    """NaN stands for no value; infinities are numbers."""
    return None if name == "NaN" else float(name)


def _as_utf8(line: bytes, encoding: str, path: Path) -> bytes:
    if encoding.startswith("utf-16"):
        raise DataError(f"{path} is UTF-16; convert it: iconv -f UTF-16 -t UTF-8")
    return line.decode(encoding, "surrogateescape").encode("utf-8", "surrogateescape")


def _no_object(value: object) -> str:
    """Why a value is no row."""
    return (
        f"it is not JSON of a row, but a {type(value).__name__}; pandas writes rows with "
        "to_json(orient='records', lines=True)"
    )
