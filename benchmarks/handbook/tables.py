"""What was measured, as plain text, as Markdown and as JSON."""

from collections.abc import Sequence
from typing import Any

from benchmarks.handbook.baselines import Fold
from benchmarks.handbook.comparison import Difference, Row, differences
from benchmarks.handbook.weeks import CARDS, REVIEWED, Quality

Table = list[list[str]]  # the first line is the head

FIGURES = ["AUC", "AP", f"CP@{CARDS}"]
RECALL = f"recall at {REVIEWED:.1%}"


def chapter(fold: Fold, measured: dict[str, Quality]) -> Table:
    """A table of the Handbook's beside what is published."""
    head = ["model", *FIGURES, *(f"published {figure}" for figure in FIGURES)]
    return [
        head,
        *(
            [name, *digits(quality[:3]), *digits(fold.published[name])]
            for name, quality in measured.items()
        ),
    ]


def summary(rows: Sequence[Row]) -> Table:
    """Means over the weeks, and what the models took."""
    return [
        ["model", *FIGURES, RECALL, "processor time"],
        *([row.name, *digits(row.mean), row.cpu] for row in rows),
    ]


def by_week(rows: Sequence[Row], firsts: Sequence[str]) -> Table:
    """Average precision of each week."""
    return [
        ["AP, week from", *firsts],
        *([row.name, *digits([week.average_precision for week in row.weeks])] for row in rows),
    ]


def paired(rows: Sequence[Row], peers: Sequence[Row]) -> Table:
    """Differences in average precision to the peers: mean and standard error."""
    return [
        ["AP less that of", *(peer.name for peer in peers)],
        *(
            [row.name, *(signed(differences(row, peer)["average_precision"]) for peer in peers)]
            for row in rows
        ),
    ]


def tuning(found: Sequence[tuple[str, Quality]]) -> Table:
    """What each setting gives on average."""
    return [["settings", *FIGURES, RECALL], *([text, *digits(mean)] for text, mean in found)]


def as_json(rows: Sequence[Row], peers: Sequence[Row]) -> dict[str, Any]:
    """All figures of all models, by name: means, weeks, differences to the peers."""
    return {
        row.name: {
            "mean": row.mean._asdict(),
            "by_week": [week._asdict() for week in row.weeks],
            "processor_time": row.cpu,
            "less": {
                peer.name: {
                    figure: found._asdict() for figure, found in differences(row, peer).items()
                }
                for peer in peers
                if peer is not row
            },
        }
        for row in rows
    }


def text(table: Table) -> str:
    """The table in columns: names to the left, figures to the right.

    >>> print(text([["model", "AP"], ["a", ".5"]]))
    model  AP
    a      .5
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )


def markdown(table: Table) -> str:
    """The table as Markdown.

    >>> print(markdown([["model", "AP"], ["a", ".5"]]))
    | model | AP |
    |---|---:|
    | a | .5 |
    """
    rule = "|---" + "|---:" * (len(table[0]) - 1) + "|"
    lines = [f"| {' | '.join(line)} |" for line in table]
    return "\n".join([lines[0], rule, *lines[1:]])


def digits(figures: Sequence[float]) -> list[str]:
    """Three digits each.

    >>> digits([0.5, 1])
    ['0.500', '1.000']
    """
    return [f"{figure:.3f}" for figure in figures]


def signed(found: Difference) -> str:
    """Mean and standard error.

    >>> signed(Difference(0.01, 0.0021, []))
    '+0.010 ± 0.002'
    """
    return f"{found.mean:+.3f} ± {found.standard_error:.3f}"
