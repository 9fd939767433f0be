"""Files of transactions: CSV, JSON lines and Parquet, whole and changed."""

import csv
import io
import json
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from app.apps import load
from app.data.files import open_dataset
from app.errors import DataError
from app.settings import read_settings
from app.wire import encode
from tests.fuzz import mutate
from tests.fuzz.engine import Disagreement
from tests.fuzz.oracle import ANY_TIME, AT_THE_START, judge

SUFFIXES = ("csv", "jsonl", "parquet")
PLAIN = ("id", "at", "customer", "merchant", "amount")


class Files:
    """The content of a file after its ending and a line break; with `rows N` what it must hold.

    Content of `csv 3` was written by a common library from three valid rows and left as it is.
    """

    name = "files"

    def __init__(self) -> None:
        self.application = load(read_settings())
        self.folder = tempfile.TemporaryDirectory(prefix="weir-fuzz-")

    def make(self, chance: Random) -> bytes:
        """A file that is left whole, or changed in rows, in cells or in bytes."""
        suffix = chance.choice(SUFFIXES)
        rows = [mutate.transaction(chance, n) for n in range(chance.randint(1, 6))]
        for row in rows:
            row.pop("fields", None)  # files have columns instead
        names = [*PLAIN, *chance.sample(mutate.TEXTS, k=2), "lat", "lon"]
        rows = [{name: row[name] for name in names if name in row} for row in rows]
        way = chance.random()
        if way < 0.3:
            content = _written(suffix, names, rows, chance)
            return b"%s %d\n%s" % (suffix.encode(), len(rows), content)
        if way < 0.7:
            row = chance.choice(rows)
            row[chance.choice(names)] = chance.choice(
                [*mutate.ODD_TEXTS, *mutate.ODD_NUMBERS, *mutate.ODD_TIMES, -1, 0, 1e300, None]
            )
        content = _written(suffix, names, rows, chance)
        if suffix == "parquet" and chance.random() < 0.2:
            content = _odd_times(names, rows, chance)
        if way > 0.6:
            change = mutate.in_place if chance.random() < 0.5 else mutate.by_byte
            content = change(chance, content)
        return suffix.encode() + b"\n" + content

    def open(self, case: bytes) -> bytes:
        """The file without the promise that it is valid."""
        head, _, content = case.partition(b"\n")
        return head.split(b" ")[0] + b"\n" + content

    def check(self, case: bytes) -> None:
        """Rows that Weir could take from the wire as well, or a sentence."""
        head, _, content = case.partition(b"\n")
        suffix, _, promised = head.decode(errors="replace").partition(" ")
        if suffix not in SUFFIXES or not (promised + "0").isdigit():
            return
        path = Path(self.folder.name) / f"case.{suffix}"
        path.write_bytes(content)
        found = 0
        try:
            for row in open_dataset(self.application, path):
                found += 1
                verdict = judge("transaction", encode(row.event), AT_THE_START, ANY_TIME)
                if verdict.valid is False:
                    raise Disagreement(f"a row is taken that no record may be\n{verdict.why}")
        except DataError as refused:
            if not str(refused):
                raise Disagreement("a refusal without a reason") from None
            if promised:
                raise Disagreement(f"a valid file is refused\n{refused}") from None
            return
        if promised and str(found) != promised:
            raise Disagreement(f"a file of {promised} rows has {found}")


def _written(suffix: str, names: list[str], rows: list[dict[str, Any]], chance: Random) -> bytes:
    if suffix == "jsonl":
        lines = (json.dumps(row, ensure_ascii=chance.random() < 0.5) for row in rows)
        return "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"
    if suffix == "parquet":
        return _parquet(names, rows)
    text = io.StringIO()
    quoting = chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    writer = csv.DictWriter(
        text, names, quoting=quoting, lineterminator=chance.choice(("\n", "\r\n"))
    )
    writer.writeheader()
    writer.writerows(rows)
    mark = b"\xef\xbb\xbf" if chance.random() < 0.3 else b""
    return mark + text.getvalue().encode("utf-8", "surrogatepass")


def _parquet(names: list[str], rows: list[dict[str, Any]]) -> bytes:
    from pyarrow import ArrowException, BufferOutputStream, Table, parquet

    try:
        table = Table.from_pydict({name: [row.get(name) for row in rows] for name in names})
    except (ArrowException, OverflowError):  # cells of several kinds: a column has one
        texts = {
            name: [None if row.get(name) is None else str(row[name]) for row in rows]
            for name in names
        }
        table = Table.from_pydict(texts)
    sink = BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _odd_times(names: list[str], rows: list[dict[str, Any]], chance: Random) -> bytes:
    """A column of a type that holds more times than a calendar has."""
    import pyarrow as pa
    from pyarrow import parquet

    types = (pa.date32(), pa.date64(), pa.time32("ms"), pa.time64("ns"), pa.duration("s"))
    zoned = [pa.timestamp(unit, zone) for unit in ("ms", "us", "ns") for zone in (None, "UTC")]
    kind = chance.choice([*types, *zoned])
    whole = pa.int32() if kind.bit_width == 32 else pa.int64()
    top = 1 << kind.bit_width - 1
    numbers = [chance.choice((0, 1, -1, 20_000, top - 1, -top)) for _ in rows]
    name = chance.choice(names)
    texts = {one: [str(row.get(one)) for row in rows] for one in names}
    table = pa.Table.from_pydict({**texts, name: pa.array(numbers, whole).view(kind)})
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())
