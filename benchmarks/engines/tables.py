"""Rows as a table: on the screen, and in Markdown."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.engines.rows import Range, Row

HEADS = (
    "engine",
    "work",
    "load",
    "CPU, µs",
    "events/s",
    "memory, MB",
    "disk, B",
    "wire, B",
    "p50 / p99 / p99.9, ms",
    "equal",
)
TEXT = 3  # the first columns are words, the others figures
NONE = "-"


def number(value: float | None, form: str, span: Range | None = None) -> str:
    """A figure, with the range of the repeats if there were several.

    >>> number(24.0, ".0f", (23.0, 25.4)), number(24.0, ".0f", (24.0, 24.0)), number(None, ".0f")
    ('24 (23-25)', '24', '-')
    """
    if value is None:
        return NONE
    text = format(value, form)
    if span is None or span[0] == span[1]:
        return text
    return f"{text} ({span[0]:{form}}-{span[1]:{form}})"


def share(total: int | None, events: int) -> str:
    """Bytes an event."""
    return number(None if total is None else total / events, ".0f")


def latency(row: Row) -> str:
    """The three quantiles."""
    if row.p50_ms is None:
        return NONE
    return f"{row.p50_ms:.1f} / {row.p99_ms:.0f} / {row.p999_ms:.0f}"


def equal(row: Row) -> str:
    """Whether outputs and states are those of the work itself."""
    if row.outputs_equal is None:
        return NONE
    answers = {"outputs": row.outputs_equal, "states": row.state_equal}
    wrong = [name for name, answer in answers.items() if not answer]
    return "no: " + ", ".join(wrong) if wrong else "yes"


def cells(row: Row) -> list[str]:
    """A row's cells, in the order of `HEADS`."""
    return [
        row.engine,
        row.work,
        row.load,
        number(row.cpu_us, ".0f", row.cpu_us_range),
        number(row.events_per_s, ",.0f", row.events_per_s_range),
        number(row.rss_mb, ".0f"),
        share(row.disk_bytes, row.events),
        share(row.wire_bytes, row.events),
        latency(row),
        equal(row),
    ]


def notes(rows: Sequence[Row]) -> list[str]:
    """What a reader has to know, once for each engine and work."""
    said = {f"{row.engine}, {row.work}: {row.note}": None for row in rows if row.note}
    return list(said)


def screen(rows: Sequence[Row]) -> Table:
    """The table for a terminal."""
    table = Table()
    for column, head in enumerate(HEADS):
        table.add_column(head, justify="left" if column < TEXT else "right")
    for row in rows:
        table.add_row(*cells(row))
    return table


def line(texts: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(texts)} |"


def markdown(rows: Sequence[Row]) -> str:
    """The table, and the notes below it."""
    rule = ["---" if column < TEXT else "---:" for column in range(len(HEADS))]
    lines = [line(HEADS), line(rule), *(line(cells(row)) for row in rows)]
    said = [f"- {note}" for note in notes(rows)]
    return "\n".join([*lines, "", *said] if said else lines) + "\n"
