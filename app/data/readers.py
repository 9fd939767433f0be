"""Files as rows: column names first, then one mapping of column to value at a time.

Values are text from CSV, JSON values from JSON lines, and Python values from Parquet.
Memory is bounded by one line, or one batch of Parquet.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from app.errors import DataError

BATCH = 8192  # rows of Parquet in memory at a time

Row = Mapping[str, Any]


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
    """Rows of text; an empty field is a missing one. All columns are read."""
    table = lines(path)
    names = next(table)
    for number, fields in enumerate(table, 1):
        if len(fields) != len(names):
            raise DataError(f"row {number} of {path} has {len(fields)} fields, not {len(names)}")
        yield dict(zip(names, fields, strict=True))


def lines(path: Path) -> Iterator[list[str]]:
    """Fields of each line that is not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from filter(None, csv.reader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from None


def json_columns(path: Path) -> list[str]:
    """The fields of the first object. Later ones may have more, or leave optional ones out."""
    return list(next(json_rows(path, []), {}))


def json_rows(path: Path, columns: list[str]) -> Iterator[Row]:
    """One object a line. All fields are read."""
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
    """Rows of those of the given columns that the file has, from one batch at a time."""
    from pyarrow import ArrowException

    with parquet(path) as file:
        present = [name for name in file.schema_arrow.names if name in columns]
        try:
            for batch in file.iter_batches(BATCH, columns=present):
                yield from rows_of(batch)
        except (ArrowException, OSError) as error:
            raise DataError(f"{path} cannot be read as Parquet: {error}") from None


def rows_of(batch: Any) -> Iterator[Row]:
    """Rows of a record batch, with its timestamps as epoch ms: one without a zone is UTC."""
    from pyarrow import compute, timestamp, types

    columns = []
    for column in batch.columns:
        if types.is_timestamp(column.type):
            column = compute.cast(column, timestamp("ms", column.type.tz), safe=False)
            column = compute.cast(column, "int64")
        columns.append(column.to_pylist())
    names = batch.schema.names
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


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
