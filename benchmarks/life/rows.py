"""A line of the table: what was measured beside what it was and what it should be."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.handbook import tables

HEAD = ["", "today", "at least", "measured", "met"]


class Row(NamedTuple):
    """What is measured, in words; its figures before, the aim, now; whether the aim is met.

    `met` is None where there is no aim.
    """

    what: str
    today: str
    least: str
    measured: str
    met: bool | None = None


class Found(NamedTuple):
    """What a part has found: lines of the table, and figures for the file and the plots."""

    rows: list[Row]
    figures: dict[str, Any]


def figure(value: float | None) -> str:
    """A share of 1, such as an average precision; None where there is none.

    >>> figure(0.7684), figure(1.0), figure(None)
    ('.768', '1.000', '-')
    """
    return "-" if value is None else f"{value:.3f}".removeprefix("0")


def figures(values: Sequence[float | None]) -> str:
    """Several, one after the other.

    >>> figures([0.5, 0.25])
    '.500; .250'
    """
    return "; ".join(map(figure, values))


def reached(values: Sequence[float | None], least: Sequence[float]) -> bool:
    """Whether each is there and at least as large as its aim, as far as three digits tell.

    >>> reached([0.7696, 0.9], [0.77, 0.89])
    True
    """
    pairs = zip(values, least, strict=True)
    return all(value is not None and round(value, 3) >= round(aim, 3) for value, aim in pairs)


def table(rows: Sequence[Row]) -> tables.Table:
    """All lines, with their head."""
    words = {True: "yes", False: "no", None: "-"}
    return [HEAD, *([*row[:-1], words[row.met]] for row in rows)]
