"""What grows with workers, customers, merchants and history: CPU, memory, disk and starts.

    python -m benchmarks.scale [PART ...] [--json FILE]

Parts are workers, customers, merchants and history; all of them without a name. Each prints
one table. The defaults end within six minutes on two cores; a million customers do not.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.scale import customers, history, merchants, workers
from benchmarks.scale.tables import Column, show, table


class Part(NamedTuple):
    """Its title and columns, and how it is measured with the options given."""

    title: str
    columns: Sequence[Column]
    measure: Callable[[argparse.Namespace], list]


PARTS = {
    "workers": Part(
        workers.TITLE,
        workers.COLUMNS,
        lambda given: workers.measure(given.workers, given.partitions, given.transactions),
    ),
    "customers": Part(
        customers.TITLE,
        customers.COLUMNS,
        lambda given: customers.measure(given.customers, given.transactions),
    ),
    "merchants": Part(
        merchants.TITLE, merchants.COLUMNS, lambda given: merchants.measure(given.merchants)
    ),
    "history": Part(history.TITLE, history.COLUMNS, lambda given: history.measure(given.history)),
}


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line; exits with 2 and a sentence when it cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description="What grows with workers, customers, merchants and history.",
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all without a name")
    add("--json", type=Path, metavar="FILE", help="write all figures there as well")
    add("--workers", type=positive, nargs="+", default=[1, 2, 4], metavar="N")
    add("--partitions", type=positive, nargs="+", default=[4, 12], metavar="N")
    add("--customers", type=positive, nargs="+", default=[1_000, 100_000], metavar="N")
    add("--merchants", type=positive, nargs="+", default=[10_000, 1_000_000], metavar="N")
    add("--history", type=positive, default=1_000, metavar="N", help="transactions of a customer")
    add(
        "--transactions",
        type=positive,
        default=30_000,
        metavar="N",
        help="decided at each number of workers, and of customers",
    )
    chosen = parser.parse_args(given)
    if unknown := [name for name in chosen.parts if name not in PARTS]:
        parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    return chosen


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise ValueError(f"{text} is not above 0")
    return number


def main(given: Sequence[str]) -> int:
    """Measure the parts that are named, print their tables, and write the file."""
    chosen = arguments(given)
    figures: dict[str, list[dict[str, object]]] = {}
    for name in chosen.parts or PARTS:
        part = PARTS[name]
        rows = part.measure(chosen)
        show(table(part.title, part.columns, rows))
        figures[name] = [row._asdict() for row in rows]
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
