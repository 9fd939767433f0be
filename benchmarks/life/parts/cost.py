"""What the default settings cost: a worker's processor time and memory, and an example's.

Each figure is measured in a process of its own, and again on the commit before if one is named:
only ratios say something on a machine that does other work too.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.life.parts.chosen import Chosen
from benchmarks.life.rows import Found, Row

HERE = Path(__file__).parents[3]
CUSTOMERS = 100_000
ROUNDS = 4  # of each, in turn; the least counts
CATCH_UP = re.compile(r"CPU us a transaction: (\d+)")
FOLDED = re.compile(r"^\| fold[^|]*\| *([\d.]+)", re.MULTILINE)


class Cost(NamedTuple):
    """A figure: how it is measured in a checkout, what it was, and its limit as a text and test."""

    title: str
    today: str
    least: str
    measure: Callable[[Path], float]
    holds: Callable[[float, float | None], bool]
    digits: int = 0


def cost(chosen: Chosen) -> Found:
    """All of them, beside the commit before."""
    found: dict[str, list[float | None]] = {}
    with before(chosen.before) as earlier:
        for one in COSTS:
            now, then = [], []
            for _ in range(ROUNDS):
                now.append(one.measure(HERE))
                if earlier is not None:
                    then.append(one.measure(earlier))
            found[one.title] = [min(now), min(then, default=None)]
            print(f"  {one.title}: {found[one.title]}", flush=True)
    rows = [_row(one, *found[one.title]) for one in COSTS]
    return Found(rows, {"now_and_before": found})


@contextmanager
def before(revision: str) -> Iterator[Path | None]:
    """A checkout of an earlier commit, None without one."""
    if not revision:
        yield None
        return
    with TemporaryDirectory(prefix="weir-before-") as place:
        folder = Path(place) / "weir"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def run(folder: Path, *words: str) -> str:
    """What a module of a checkout prints."""
    command = [sys.executable, "-m", *words]
    paths = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=paths, check=True, text=True, capture_output=True
    )
    return done.stdout


def catch_up(folder: Path) -> float:
    """CPU microseconds of a transaction while a worker catches up on a broker."""
    return only(CATCH_UP, run(folder, "benchmarks.worker"))


def example(folder: Path) -> float:
    """CPU microseconds of folding an example."""
    return only(FOLDED, run(folder, "benchmarks.parts", "-k", "test_fold"))


def memory(folder: Path) -> float:
    """Megabytes of a worker with 4 partitions that knows CUSTOMERS."""
    with TemporaryDirectory() as place:
        path = Path(place) / "scale.json"
        asked = ["customers", "--customers", str(CUSTOMERS), "--json", str(path)]
        run(folder, "benchmarks.scale", *asked)
        (row,) = json.loads(path.read_text())["customers"]
    return float(row["rss_mb"])


def only(pattern: re.Pattern[str], text: str) -> float:
    """The one figure of a text.

    >>> only(CATCH_UP, "transactions a second: 9000; CPU us a transaction: 58")
    58.0
    """
    (found,) = pattern.findall(text)
    return float(found)


COSTS = (
    Cost(
        "CPU of a transaction at catch-up, us",
        "58",
        "1.15 x before",
        catch_up,
        lambda now, then: then is not None and now <= 1.15 * then,
    ),
    Cost("CPU of an example, us", "25", "at most 45", example, lambda now, _: now <= 45, 1),
    Cost(
        f"memory of a worker, 4 partitions, {CUSTOMERS:,} customers, MB",
        "255",
        "at most 300",
        memory,
        lambda now, _: now <= 300,
    ),
)


def _row(one: Cost, now: float, then: float | None) -> Row:
    """Now, the commit before, and their ratio."""
    text = f"{now:.{one.digits}f}"
    if then is not None:
        text += f", before {then:.{one.digits}f}: x{now / then:.2f}"
    met = None if then is None and "before" in one.least else one.holds(now, then)
    return Row(one.title, one.today, one.least, text, met)
