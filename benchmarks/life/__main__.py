"""How well Weir learns in real life, line by line beside what it should reach.

    python -m benchmarks.life --data DIR [--part NAME ...] [--weeks validation|test]
        [--json FILE] [--plots DIR] [--cache DIR] [--before REV] [--cores N]

DIR holds the Handbook's files. Parts are whole, few, loop, word, noise, partitions, unreported
and cost; all of them if none is named. Settings are chosen on the validation weeks alone. Plays of
a stream are kept in the cache for as long as the code is the same.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.handbook import tables
from benchmarks.handbook.report import Report
from benchmarks.handbook.transactions import FILE
from benchmarks.life import plot
from benchmarks.life.parts.chosen import Chosen
from benchmarks.life.parts.cost import cost
from benchmarks.life.parts.few import few
from benchmarks.life.parts.loop import loop
from benchmarks.life.parts.partitions import partitions
from benchmarks.life.parts.whole import unreported, whole
from benchmarks.life.parts.word import noise, word
from benchmarks.life.rows import Found, Row, table
from benchmarks.life.streams import WEEKS

PARTS: dict[str, Callable[[Chosen], Found]] = {
    "whole": whole,
    "few": few,
    "loop": loop,
    "word": word,
    "noise": noise,
    "partitions": partitions,
    "unreported": unreported,
    "cost": cost,
}


def main(options: argparse.Namespace) -> None:
    """One part after another, then the table of all."""
    report, rows, figures = Report(), list[Row](), dict[str, Any]()
    with TemporaryDirectory(prefix="weir-life-") as place:
        cache = options.cache or Path(place)
        cache.mkdir(parents=True, exist_ok=True)
        chosen = Chosen(options.data, WEEKS[options.weeks], cache, options.before, options.cores)
        for name in options.part or PARTS:
            with report.part(name):
                found = PARTS[name](chosen)
            print(f"{tables.text(table(found.rows))}\n", flush=True)
            rows += found.rows
            figures[name] = found.figures
    print(tables.markdown(table(rows)))
    if options.json:
        lines = [row._asdict() for row in rows]
        seconds = report.values["seconds"]
        written = {"weeks": options.weeks, "rows": lines, "figures": figures, "seconds": seconds}
        options.json.write_text(json.dumps(written, indent=1) + "\n")
    if options.plots:
        for path in plot.draw(figures, options.plots):
            print(f"wrote {path}")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Those given, else the command line's; ends the process at one that makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.life",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    beside = os.environ.get("WEIR_TEST_DATA")
    add("--data", type=Path, metavar="DIR", default=beside, help="else WEIR_TEST_DATA")
    add("--part", nargs="+", choices=PARTS, metavar="NAME", help=f"{', '.join(PARTS)}")
    add("--weeks", choices=WEEKS, default="validation")
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    add("--plots", type=Path, metavar="DIR", help="write plots there")
    add("--cache", type=Path, metavar="DIR", help="keep the plays of streams there")
    add("--before", default="", metavar="REV", help="an earlier commit to compare costs with")
    add("--cores", type=int, default=2, metavar="N", help="how many plays go on at a time")
    options = parser.parse_args(given)
    if options.data is None or not (options.data / FILE).is_file():
        parser.error(f"--data or WEIR_TEST_DATA must name the folder with {FILE}")
    return options


if __name__ == "__main__":
    with threadpool_limits(1):  # several plays at a time, each on one core
        main(arguments())
