"""Facts and grids as tables for a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from app.core.labels import Labels
from app.figures import figure

WHOLE = ("record", "feature")  # columns that no line is broken in
Styles = Mapping[str, str]  # of single words

DECISIONS: Styles = {"block": "red", "review": "yellow", "approve": "green"}


def styles_of(labels: Labels) -> Styles:
    """The styles of decisions, and of the words of an application."""
    words = {word: "red" if y else "green" for word, y in labels.teaches.items()}
    return {**DECISIONS, **words}


def drawn(
    title: str, body: Mapping[str, object] | Sequence[Sequence[Any]], styles: Styles = DECISIONS
) -> Table:
    """Facts by name, or rows that follow a header, as a table."""
    if isinstance(body, Mapping):
        return facts(title, body, styles)
    header, *rows = body
    return grid(title, header, rows, styles)


def facts(title: str, rows: Mapping[str, object], styles: Styles = DECISIONS) -> Table:
    """Names and values, one pair a row."""
    table = Table(title=escape(title), title_justify="left", show_header=False, box=box.SIMPLE)
    for name, value in rows.items():
        table.add_row(escape(name), coloured(value, styles))
    return table


def grid(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    styles: Styles = DECISIONS,
) -> Table:
    """A table with a header."""
    table = Table(title=escape(title), title_justify="left", box=box.SIMPLE)
    for name in columns:
        table.add_column(name, no_wrap=name.endswith("(UTC)") or name in WHOLE)
    for row in rows:
        table.add_row(*(coloured(value, styles) for value in row))
    return table


def coloured(value: object, styles: Styles) -> str:
    """A value as rich's markup; what came from outside cannot add markup of its own."""
    text = figure(value) if isinstance(value, float) else "-" if value is None else str(value)
    style = styles.get(text)
    return f"[{style}]{text}[/]" if style else escape(text)
