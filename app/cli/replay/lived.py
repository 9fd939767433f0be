"""The figures of a life that was played, in words."""

from collections.abc import Iterator
from typing import Any

DAYS = (
    ("days", "days"),
    ("average_precision", "AP"),
    ("mean_score_over_base", "score/base"),
    ("log_loss", "log loss"),
    ("value_caught", "value caught"),
)
MONTHS = (
    ("month", "month"),
    ("blocks", "blocked"),
    ("precision_of_blocks", "precision"),
    ("reviews", "flagged for review"),
    ("precision_of_reviews", "precision"),
)


Columns = tuple[tuple[str, str], ...]
Rows = list[dict[str, Any]]


def life_figures_told(name: str, life: dict[str, Any]) -> Iterator[tuple[str, Columns, Rows]]:
    """The tables of a model's life: a title, columns by figure and name, and rows of figures."""
    title = f"{name}, by days since the first event, against the truth of all decisions"
    yield title, DAYS, life["by_days"]
    yield f"{name}, what was flagged, by months of 30 days", MONTHS, life["blocks_by_month"]


def life_words(name: str, life: dict[str, Any]) -> Iterator[str]:
    """The life of a model as lines of text."""
    for title, columns, rows in life_figures_told(name, life):
        yield ""
        yield f"{title}:"
        yield from _table(columns, rows)
    yield ""
    caught = life["value_caught"]
    if caught is not None:
        yield f"Of all that was at stake {caught:.1%} was blocked or found by a review."
    sources = ", ".join(f"{source} {n:,}" for source, n in _by_source(life).items())
    yield f"Labels given: {sources or 'none'}."


def _by_source(life: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for told in life["labels_told"]:
        counts[told["source"]] = counts.get(told["source"], 0) + told["n"]
    return counts


def _table(columns: Columns, rows: Rows) -> Iterator[str]:
    titles = [title.rjust(max(12, len(title) + 2)) for _, title in columns]
    yield "".join(titles)
    for row in rows:
        cells = (_cell(row[name]) for name, _ in columns)
        yield "".join(cell.rjust(len(title)) for cell, title in zip(cells, titles, strict=True))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
