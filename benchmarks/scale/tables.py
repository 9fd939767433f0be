"""What was measured as a table for the screen."""

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

NONE = "-"
WIDTH = 150  # of a table that goes into a file


class Column(NamedTuple):
    """A field of the rows, its head, and how its values are written."""

    field: str
    head: str
    form: str = ",.0f"


def text(value: object, form: str) -> str:
    """A cell.

    >>> text(1234.5, ",.1f"), text("few", ",.1f"), text(None, ",.1f")
    ('1,234.5', 'few', '-')
    """
    if value is None:
        return NONE
    return value if isinstance(value, str) else format(value, form)


def table(title: str, columns: Sequence[Column], rows: Iterable[Any]) -> Table:
    """One line for each row; below it how busy the machine is."""
    made = Table(title=title, caption=busy(), box=box.MARKDOWN, title_justify="left")
    made.caption_justify = "left"
    for column in columns:
        made.add_column(column.head, justify="right", overflow="fold")
    for row in rows:
        made.add_row(*(text(getattr(row, column.field), column.form) for column in columns))
    return made


def busy() -> str:
    """The load of the last minute: figures are comparable where it is."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def show(made: Table) -> None:
    """Print a table, as wide as it needs to be where no terminal limits it."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(made)
