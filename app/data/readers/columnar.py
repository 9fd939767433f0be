"""Parquet: columns with types, read one batch at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Any

from app.data.cells import Beyond
from app.data.readers.source import codec_of, opened
from app.data.readers.table import Broken, Row
from app.errors import DataError

BATCH = 8192  # rows in memory at a time


class Parquet:
    """A Parquet file.

    Its timestamps are read as epoch ms: one without a zone is UTC, or a datetime where `zone` is
    given, whose clocks it is on.
    """

    def __init__(self, path: Path, zone: str = "") -> None:
        self.path, self.zone = path, zone
        with Opened(path) as file:
            schema = file.schema_arrow
            try:
                self.columns = list(schema.names)
            except UnicodeDecodeError as error:
                raise damaged(path, error) from None
            self.kinds: Mapping[str, str] = {field.name: kind_of(field.type) for field in schema}
            self.size = int(file.metadata.num_rows)

    @property
    def told(self) -> str:
        """The format in words."""
        return "Parquet" + (f", {codec}" if (codec := codec_of(self.path)) else "")

    def rows(self, columns: Sequence[str], broken: Broken) -> "ParquetRows":
        """A pass over the rows."""
        return ParquetRows(self, columns)


class ParquetRows:
    """One pass over a Parquet file; only the columns that were asked for are read."""

    line = None

    def __init__(self, table: Parquet, columns: Sequence[str]) -> None:
        self.table, self.columns = table, columns

    def __iter__(self) -> Iterator[Row]:
        from pyarrow import ArrowException

        table = self.table
        with Opened(table.path) as file:
            present = [name for name in table.columns if name in self.columns]
            try:
                for batch in file.iter_batches(BATCH, columns=present):
                    yield from rows_of(batch, self.columns, table.zone)
            except (ArrowException, OSError, UnicodeDecodeError) as error:
                raise damaged(table.path, error) from None


class Opened:
    """An open pyarrow.parquet.ParquetFile; what is compressed as a whole is unpacked to a file."""

    def __init__(self, path: Path) -> None:
        self.path, self._stack = path, ExitStack()

    def __enter__(self) -> Any:
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise DataError(
                "Parquet needs pyarrow; install it with: pip install 'weir[data]'"
            ) from None
        source: Any = self.path
        if codec_of(self.path):
            source = self._stack.enter_context(TemporaryFile())
            with opened(self.path) as packed:
                copyfileobj(packed, source)
            source.seek(0)
        try:
            return self._stack.enter_context(ParquetFile(source))
        except (ArrowException, OSError, UnicodeDecodeError) as error:
            raise damaged(self.path, error) from None

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def damaged(path: Path, error: Exception) -> DataError:
    """What is said of a file that is no Parquet, or no longer."""
    return DataError(f"{path} cannot be read as Parquet: {' '.join(str(error).split())}")


def kind_of(type: Any) -> str:
    """What a column of an Arrow type holds, in the words of `Table.kinds`."""
    from pyarrow import types

    if types.is_dictionary(type):
        return kind_of(type.value_type)
    if types.is_timestamp(type):
        return "time"
    if types.is_date(type):
        return "date"
    if types.is_boolean(type):
        return "truth"
    if types.is_integer(type):
        return "whole"
    if types.is_floating(type) or types.is_decimal(type):
        return "float"
    return "other" if types.is_nested(type) or types.is_duration(type) else ""


def rows_of(batch: Any, columns: Sequence[str], zone: str) -> Iterator[Row]:
    """Rows of a record batch."""
    values = dict.fromkeys(columns, [None] * batch.num_rows)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values[name] = cells_of(column, zone)
    yield from zip(*(values[name] for name in columns), strict=True)


def cells_of(column: Any, zone: str) -> list[Any]:
    """The values of a column: NaN as None, binary as UTF-8 text, times as epoch ms."""
    from pyarrow import ArrowInvalid, compute, scalar, string, time64, timestamp, types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_timestamp(column.type):
        column = compute.cast(column, timestamp("ms", column.type.tz), safe=False)
        if zone and column.type.tz is None:
            return _plain(column)
        column = compute.cast(column, "int64")
    elif types.is_time64(column.type):
        column = compute.cast(column, time64("us"), safe=False)
    elif types.is_floating(column.type):
        nan = compute.is_nan(column)
        if compute.any(nan).as_py():
            column = compute.if_else(nan, scalar(None, column.type), column)
    elif types.is_binary(column.type) or types.is_large_binary(column.type):
        try:
            column = compute.cast(column, string())
        except ArrowInvalid:  # bytes that are no text: each is refused, or read, for itself
            return [_text(cell) for cell in column.to_pylist()]
    elif types.is_fixed_size_binary(column.type):
        return [_text(cell) for cell in column.to_pylist()]
    return _plain(column)


def _plain(column: Any) -> list[Any]:
    from pyarrow import compute, large_binary

    try:
        cells: list[Any] = column.to_pylist()
    except UnicodeDecodeError:  # what says that it is text, and is not
        return [_text(cell) for cell in compute.cast(column, large_binary()).to_pylist()]
    except (OverflowError, ValueError):  # a date that Python has none for: each for itself
        return [_cell(cell) for cell in column]
    return cells


def _cell(cell: Any) -> Any:
    try:
        return cell.as_py()
    except (OverflowError, ValueError):
        return Beyond(f"a {cell.type} out of range")


def _text(cell: Any) -> Any:
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:
            return cell
    return cell
