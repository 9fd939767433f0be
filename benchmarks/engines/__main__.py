"""Weir beside Faust, Quix Streams, Bytewax and two bare loops: the same work on one broker.

    python -m benchmarks.engines [--quick] [--json FILE] [--docs]

Every engine does the work of `work.py`, one worker for four partitions, in a process of its
own: first all transactions lie in the log before it starts, then they come at a pace. What
each wrote is compared with what the work comes to by itself. Weir's whole default path is
measured beside them. Engines come in random order. `make bench` installs the peers; one that
is missing is a row that says so.
"""

import argparse
import asyncio
import logging
import os
import random
import secrets
import tempfile
import time
from pathlib import Path

import msgspec
from rich.console import Console

from app.broker.broker import Broker
from benchmarks.engines import document, plot, tables
from benchmarks.engines.bench import FULL, SHORT, Bench
from benchmarks.engines.log import Log
from benchmarks.engines.rows import Row

WIDTH = 180  # columns of the table, also where the output is no terminal


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """What to measure, and where to put it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines")
    parser.add_argument("--quick", action="store_true", help="fewer engines, once")
    parser.add_argument("--json", type=Path, help="a file for the rows")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md anew")
    parser.add_argument("--seed", type=int, default=None, help="of the order of the engines")
    return parser.parse_args(given)


async def main(options: argparse.Namespace) -> int:
    """Measure, print, write; 1 if an engine failed."""
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    plan = SHORT if options.quick else FULL
    # It complains of every new topic until the broker has told it of its leader.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    print(f"order of the engines: --seed {seed}", flush=True)
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as place:
        async with Broker(Path(place) / "kafka") as broker, Log(broker) as log:
            bench = Bench(plan, log, Path(place), random.Random(seed))
            await bench.run()
    rows = bench.rows()
    show(rows)
    print(f"{time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    if options.docs:
        document.write(rows, seed, load)
        plot.draw(rows)
    return 1 if bench.failed else 0


def show(rows: list[Row]) -> None:
    """The table and its notes on the screen."""
    console = Console(width=WIDTH)
    console.print(tables.screen(rows))
    for note in tables.notes(rows):
        print(note)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(arguments())))
