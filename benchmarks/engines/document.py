"""Puts the table into docs/performance.md, between two marks, with what it was measured on."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.engines.peers import ENGINES
from benchmarks.engines.rows import Row
from benchmarks.engines.tables import markdown

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- engines:begin -->", "<!-- engines:end -->"
LIBRARIES = ("river", "rocksdict")  # that all engines share
QUIET = 0.5  # load average of a machine that does nothing else


def write(rows: Sequence[Row], seed: int, load: float) -> None:
    """Replace what stands between the marks in the page."""
    PAGE.write_text(between(PAGE.read_text(), section(rows, machine(load), seed)))


def between(page: str, text: str) -> str:
    """The page with this text between its marks.

    Raises
    ------
    ValueError
        The page does not have each mark once, in this order.

    >>> between(f"a {BEGIN} old {END} z", "new")
    'a <!-- engines:begin -->\\nnew<!-- engines:end --> z'
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page must have {BEGIN} and {END} once, in this order")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{text}{END}{rest.split(END)[1]}"


def section(rows: Sequence[Row], machine: str, seed: int) -> str:
    """The table below a line that says what it was measured on."""
    return f"{machine} `--seed {seed}`.\n\n{markdown(rows)}"


def machine(load: float) -> str:
    """Cores, processor, load average before the run, versions and date, as sentences."""
    found = {engine.package: engine.version for engine in ENGINES if engine.version}
    found |= {library: version(library) for library in LIBRARIES}
    versions = ", ".join(f"{name} {number}" for name, number in sorted(found.items()))
    busy = " Other work kept them busy, which latencies show most." if load > QUIET else ""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({processor()}), load average"
        f" {load:.1f} before the run.{busy} CPython {platform.python_version()}, {versions}."
    )


def processor() -> str:
    """Its name where /proc tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
