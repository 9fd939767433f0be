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


def life_words(name: str, life: dict[str, Any]) -> Iterator[str]:
    """The life of a model as lines of text."""
    yield ""
    yield f"{name}, by days since the first event, against the truth of all decisions:"
    yield from _table(DAYS, life["by_days"])
    yield f"{name}, what was flagged by months of 30 days:"
    yield from _table(MONTHS, life["blocks_by_month"])
    caught = life["value_caught"]
    if caught is not None:
        yield f"Of all that was at stake {caught:.1%} was blocked, or found by a review."
    for source, n in _by_source(life).items():
        yield f"Labels from {source}: {n:,}."


def _by_source(life: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for told in life["labels_told"]:
        counts[told["source"]] = counts.get(told["source"], 0) + told["n"]
    return counts


def _table(columns: tuple[tuple[str, str], ...], rows: list[dict[str, Any]]) -> Iterator[str]:
    titles = [title.rjust(max(12, len(title) + 2)) for _, title in columns]
    yield "".join(titles)
    for row in rows:
        cells = (_cell(row[name]) for name, _ in columns)
        yield "".join(cell.rjust(len(title)) for cell, title in zip(cells, titles, strict=True))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
