"""What many merchants cost the learning state: memory, a view, a label, a dump.

Without a broker. Every merchant gets one label, some of them fraud. Times
are CPU times; the longest are those of one call, in which nothing else runs on an event loop.
"""

import gc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random
from time import process_time_ns
from typing import NamedTuple

import psutil

from app.core.messages import Origin
from app.streams.fraud.merchants import Merchants
from app.streams.fraud.messages import Example
from app.units import DAY_MS
from benchmarks.scale.tables import Column

TITLE = "The learning state, many merchants"
COLUMNS = (
    Column("merchants", "merchants"),
    Column("bytes_each", "memory, bytes each"),
    Column("view_us", "view, µs", ".1f"),
    Column("learn_us", "learn, µs", ".1f"),
    Column("longest_learn_ms", "longest learn, ms", ".2f"),
    Column("dump_s", "dump, s", ".2f"),
    Column("dump_mb", "dump, MB", ",.1f"),
    Column("parts", "parts"),
    Column("largest_part_kb", "largest part, kB"),
    Column("longest_part_ms", "longest part, ms", ".2f"),
)
START = 20_000 * DAY_MS  # epoch ms
SPREAD = 30 * DAY_MS  # ms over which the labels become known
FRAUD = 0.01
CALLS = 20_000  # views and labels of merchants that are known
FEATURES = {"amount_log_ratio": 0.1, "amount_zscore": 0.5}


class Row(NamedTuple):
    """One number of merchants."""

    merchants: int
    bytes_each: float
    view_us: float
    learn_us: float
    longest_learn_ms: float
    dump_s: float
    dump_mb: float
    parts: int
    largest_part_kb: float
    longest_part_ms: float


class Times(NamedTuple):
    """CPU seconds of all calls together, and of the longest."""

    total: float
    longest: float


def measure(sizes: list[int]) -> list[Row]:
    """A row for each number of merchants, each measured in a process of its own."""
    # What an earlier one gave back to the allocator would hide how much the next one takes.
    fresh = get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh, max_tasks_per_child=1) as processes:
        return list(processes.map(measure_one, sizes))


def measure_one(count: int) -> Row:
    """Teach one label of each merchant, then view, teach and dump."""
    gc.collect()
    before, merchants, random = resident(), Merchants(), Random(1)
    taught = timed(merchants.learn, examples(count, range(count)))
    grown = resident() - before
    calls = min(CALLS, count)
    again = [random.randrange(count) for _ in range(calls)]
    learned = timed(merchants.learn, list(examples(count, again)))
    viewed = timed(lambda number: merchants.view(name(number), "GB", START + SPREAD), again)
    dump, sizes = timed_parts(merchants)
    return Row(
        len(merchants),
        grown / count,
        viewed.total / calls * 1e6,
        learned.total / calls * 1e6,
        max(taught.longest, learned.longest) * 1e3,
        dump.total,
        sum(sizes) / 1e6,
        len(sizes),
        max(sizes) / 1e3,
        dump.longest * 1e3,
    )


def name(number: int) -> str:
    """A merchant's id."""
    return f"m{number:07d}"


def examples(count: int, numbers: range | list[int]) -> Iterator[Example]:
    """A label of each of these merchants, in the order in which they became known."""
    random = Random(2)
    for place, number in enumerate(numbers):
        known = START + SPREAD * place // len(numbers)
        yield Example(
            id=f"t{place}",
            x=FEATURES,
            y=int(random.random() < FRAUD),
            w=1.0,
            previous=None,
            score=0.1,
            version=0,
            merchant=name(number),
            location="GB",
            at=known,
            known=known,
            origin=Origin(1, 0, place),
            end_of_step=False,
        )


def timed(call: Callable[..., object], given: Iterable[object]) -> Times:
    """CPU time of a call with each of the given; making them does not count."""
    total = longest = 0
    for one in given:
        since = process_time_ns()
        call(one)
        took = process_time_ns() - since
        total += took
        longest = max(longest, took)
    return Times(total / 1e9, longest / 1e9)


def timed_parts(merchants: Merchants) -> tuple[Times, list[int]]:
    """CPU time of a dump, part by part, and the size of each part in bytes."""
    parts, sizes, times = merchants.parts(), list[int](), list[int]()
    while not sizes or sizes[-1]:
        since = process_time_ns()
        part = next(parts, b"")
        times.append(process_time_ns() - since)
        sizes.append(len(part))
    return Times(sum(times) / 1e9, max(times) / 1e9), sizes[:-1]


def resident() -> int:
    """Memory of this process, bytes."""
    return psutil.Process().memory_info().rss
