"""Files as rows: column names first, then one row at a time.

A row has a value for each column that was asked for, None where the file has none: text from
CSV, JSON values from JSON lines, Python values from Parquet. Memory is bounded by one line,
or one batch of Parquet.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from app.errors import DataError

BATCH = 8192  # rows of Parquet in memory at a time

Row = Sequence[Any]


class Format(NamedTuple):
    """How a file is read: its column names, its number of rows where it says so, its rows."""

    columns: Callable[[Path], list[str]]
    size: Callable[[Path], int | None]
    rows: Callable[[Path, list[str]], Iterator[Row]]


def unknown(path: Path) -> int | None:
    """A text file does not say how many rows it has."""
    return None


def csv_columns(path: Path) -> list[str]:
    """The first line, which must name the columns."""
    return next(lines(path), [])


def csv_rows(path: Path, columns: list[str]) -> Iterator[Row]:
    """Rows of text; an empty field is a missing one."""
    table = lines(path)
    names = next(table)
    places = [names.index(name) if name in names else None for name in columns]
    for number, fields in enumerate(table, 1):
        if len(fields) != len(names):
            raise DataError(f"row {number} of {path} has {len(fields)} fields, not {len(names)}")
        yield [None if place is None else fields[place] for place in places]


def lines(path: Path) -> Iterator[list[str]]:
    """Fields of each line that is not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from filter(None, csv.reader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from None


def json_columns(path: Path) -> list[str]:
    """The fields of the first object. Later ones may have more, or leave optional ones out."""
    return list(next(json_objects(path), {}))


def json_rows(path: Path, columns: list[str]) -> Iterator[Row]:
    """One object a line; any of them may leave columns out."""
    for row in json_objects(path):
        yield [row.get(name) for name in columns]


def json_objects(path: Path) -> Iterator[dict[str, Any]]:
    """The object in each line that is not empty."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    number = 0
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                number += 1
                try:
                    yield decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise DataError(f"row {number} of {path} is not JSON: {error}") from None


def parquet(path: Path) -> Any:
    """The open file, a pyarrow.parquet.ParquetFile."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise DataError(
            "Parquet needs pyarrow; install it with: pip install 'weir[data]'"
        ) from None
    try:
        return ParquetFile(path)
    except ArrowException as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from None


def parquet_columns(path: Path) -> list[str]:
    """Names of the columns."""
    with parquet(path) as file:
        return list(file.schema_arrow.names)


def parquet_size(path: Path) -> int | None:
    """Number of rows as the file's footer says."""
    with parquet(path) as file:
        return int(file.metadata.num_rows)


def parquet_rows(path: Path, columns: list[str]) -> Iterator[Row]:
    """Rows from one batch at a time; only these columns are read."""
    from pyarrow import ArrowException

    with parquet(path) as file:
        present = [name for name in file.schema_arrow.names if name in columns]
        try:
            for batch in file.iter_batches(BATCH, columns=present):
                yield from rows_of(batch, columns)
        except (ArrowException, OSError) as error:
            raise DataError(f"{path} cannot be read as Parquet: {error}") from None


def rows_of(batch: Any, columns: list[str]) -> Iterator[Row]:
    """Rows of a record batch, with its timestamps as epoch ms: one without a zone is UTC."""
    from pyarrow import compute, timestamp, types

    values = dict.fromkeys(columns, [None] * batch.num_rows)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if types.is_timestamp(column.type):
            column = compute.cast(column, timestamp("ms", column.type.tz), safe=False)
            column = compute.cast(column, "int64")
        values[name] = column.to_pylist()
    yield from zip(*(values[name] for name in columns), strict=True)


FORMATS = {
    ".csv": Format(csv_columns, unknown, csv_rows),
    ".jsonl": Format(json_columns, unknown, json_rows),
    ".ndjson": Format(json_columns, unknown, json_rows),
    ".parquet": Format(parquet_columns, parquet_size, parquet_rows),
}


def format_of(path: Path) -> Format:
    """The format that a file's ending names.

    Raises
    ------
    DataError
        There is no such file, it cannot be opened, or nothing reads its ending.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path} ends in none of {', '.join(FORMATS)}, the formats that are read")
    return FORMATS[path.suffix.lower()]
