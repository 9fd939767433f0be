"""How soon a score knows of a label, and what learning costs the scores beside it.

    python -m benchmarks.freshness [--seconds 20] [--labels 0 50 1000] [--json FILE]

One worker on a real broker decides a steady stream of transactions while labels of earlier
ones come at several rates. The harness sends and receives on one monotonic clock, so each
delay holds both trips through the broker; how long one of them takes stands beside it. Then
folding is timed by itself.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.freshness import folding, system
from benchmarks.scale.tables import show, table


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line; exits with 2 and a sentence when it cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.freshness",
        description="How soon a score knows of a label, and what learning costs the scores.",
    )
    add = parser.add_argument
    add("--rate", type=rate, default=500.0, metavar="N", help="transactions a second")
    add("--labels", type=rate, nargs="+", default=[0.0, 50.0, 1000.0], metavar="N", help="a second")
    add("--seconds", type=rate, default=20.0, metavar="S", help="at each rate of labels")
    add("--examples", type=int, default=10_000, metavar="N", help="folded by themselves")
    add("--json", type=Path, metavar="FILE", help="write all figures there as well")
    chosen = parser.parse_args(given)
    if not chosen.rate or not chosen.seconds or chosen.examples < 1:
        parser.error("--rate, --seconds and --examples must be above 0")
    return chosen


def rate(text: str) -> float:
    """A finite number that is not negative."""
    number = float(text)
    if not 0 <= number < 1e9:
        raise ValueError(f"{text} is negative or too large")
    return number


def main(given: Sequence[str]) -> int:
    """Measure, print both tables, and write the file."""
    chosen = arguments(given)
    loads = system.measure(chosen.rate, chosen.labels, chosen.seconds)
    show(table(system.TITLE, system.COLUMNS, loads))
    folds = folding.measure(chosen.examples)
    show(table(folding.TITLE, folding.COLUMNS, folds))
    if chosen.json:
        found = {
            "loads": [row._asdict() for row in loads],
            "folding": [row._asdict() for row in folds],
        }
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
