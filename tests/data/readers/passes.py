"""Reading a table in one go."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.data.readers.opening import open_table
from app.data.readers.table import SHOWN, Layout


def rows_of(
    path: Path, layout: Layout = SHOWN, columns: Sequence[str] | None = None, zone: str = ""
) -> list[list[Any]]:
    """The rows of a file, all of which can be read."""
    table = open_table(path, layout, zone)

    def broken(reason: str, column: str, cells: Sequence[Any]) -> None:
        raise AssertionError((reason, column, cells))

    return [list(row) for row in table.rows(columns or table.columns, broken)]


def broken_rows(path: Path, layout: Layout = SHOWN) -> list[tuple[int | None, str, str]]:
    """Line, column and reason of each row that cannot be read."""
    table = open_table(path, layout)
    found: list[tuple[int | None, str, str]] = []

    def broken(reason: str, column: str, cells: Sequence[Any]) -> None:
        found.append((rows.line, column, reason))

    rows = table.rows(table.columns, broken)
    assert all(len(row) == len(table.columns) for row in rows)
    return found
