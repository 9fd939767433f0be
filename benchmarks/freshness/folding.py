"""How long folding examples keeps an event loop, by itself: one example, and one slice.

In this process, without a broker. The follower folds the records of one fetch in slices and
lets the loop go on in between. Times are CPU times of this process, so that what else runs on
the machine does not count.
"""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from time import process_time
from typing import NamedTuple

from aiokafka import ConsumerRecord

from app.apps import set_up
from app.runtime.guard import leave
from app.runtime.worker import relieve_collector
from app.serving.learning.follow import SLICE, Follower
from app.settings import read_settings
from app.streams.fraud.features import FULL
from app.streams.fraud.messages import Example
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.wire import encode
from benchmarks.freshness.delays import quantiles
from benchmarks.parts.world import World
from benchmarks.scale.tables import Column

TITLE = f"Folding by itself; a slice ends after {SLICE * 1e3:.0f} ms"
COLUMNS = (
    Column("what", "CPU time of"),
    Column("number", "number"),
    Column("p50_us", "p50, µs"),
    Column("p99_us", "p99, µs"),
    Column("max_us", "longest, µs"),
)


class Row(NamedTuple):
    """Microseconds of one thing that is done without a pause."""

    what: str
    number: int
    p50_us: float | None
    p99_us: float | None
    max_us: float | None


def measure(count: int) -> list[Row]:
    """Fold so many examples one by one, then again in slices."""
    records = examples(count)
    with relieved_collector():
        return [
            row("an example", asyncio.run(one_by_one(records))),
            row("a slice", asyncio.run(in_slices(records))),
        ]


@contextmanager
def relieved_collector() -> Iterator[None]:
    """Garbage collection as in a worker, until the end of the block."""
    thresholds = gc.get_threshold()
    relieve_collector()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def examples(count: int) -> list[ConsumerRecord]:
    """The log that so many simulated transactions and their truth leave."""
    world = World(FULL.name)
    rows = islice(chain.from_iterable(transactions(Traffic(seed=1))), count)
    return [record(offset, world.play(row).example) for offset, row in enumerate(rows)]


def record(offset: int, example: Example) -> ConsumerRecord:
    """An entry of the examples log as a consumer gets it."""
    value = encode(example)
    return ConsumerRecord(
        "examples", 0, offset, example.known, 0, None, value, None, 0, len(value), ()
    )


def follower() -> Follower:
    """A follower that has folded nothing; it is not connected."""
    return Follower(set_up(read_settings()), lambda example: None, leave)


async def one_by_one(records: Sequence[ConsumerRecord]) -> list[float]:
    """Seconds of each example: read, and learned."""
    following, times = follower(), []
    for one in records:
        since = process_time()
        await following._fold([one])
        times.append(process_time() - since)
    return times


async def in_slices(records: Sequence[ConsumerRecord]) -> list[float]:
    """Seconds for which the loop was kept between two of its turns."""
    folding = asyncio.ensure_future(follower()._fold(records))
    times = []
    while not folding.done():
        since = process_time()
        await asyncio.sleep(0)
        times.append(process_time() - since)
    folding.result()
    return times


def row(what: str, seconds: Sequence[float]) -> Row:
    """The quantiles of some times."""
    p50, p99, _, longest = (ms and ms * 1e3 for ms in quantiles(seconds))
    return Row(what, len(seconds), p50, p99, longest)
