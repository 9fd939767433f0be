"""CPU of a decision as its customer's history grows: flat once the record is full.

In this process, without a broker: `Account.decide` with the default settings, on models that
have learned. Each decision is timed by itself; the figure is the median of those in a band.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain, islice
from statistics import median
from time import process_time_ns
from typing import NamedTuple, TypeAlias

from app.data.simulator import transactions
from app.data.traffic import Traffic
from app.fraud.features import FULL
from app.messages import Source
from benchmarks.parts.world import World
from benchmarks.scale.tables import Column

TITLE = "One customer, a longer history"
COLUMNS = (
    Column("events", "earlier transactions"),
    Column("decisions", "decisions"),
    Column("cpu_us", "median CPU, µs a decision", ".1f"),
    Column("record_bytes", "bytes of the record"),
)
LEARNED = 3_000  # transactions of others with which the models are taught
CUSTOMERS = 40
A_DAY = 3.0  # transactions of a customer
# Where bands begin: the record's ring has 24 + 12 events, and then days fill up behind it.
BANDS = (0, 1, 8, 24, 36, 100, 200, 400, 700)


class Row(NamedTuple):
    """Decisions on customers who paid so often before."""

    events: str
    decisions: int
    cpu_us: float
    record_bytes: float


def measure(most: int, customers: int = CUSTOMERS, learned: int = LEARNED) -> list[Row]:
    """A row for each band below `most` transactions of a customer."""
    world = World(FULL.name)
    taught = chain.from_iterable(transactions(Traffic(seed=2)))
    for row in islice(taught, learned):
        world.play(row)
    starts = [start for start in BANDS if start < most]
    times, sizes = play(world, most, customers, starts)
    return [
        Row(
            words(start, stop),
            len(times[start]),
            median(times[start]) / 1e3,
            sum(sizes[start]) / len(sizes[start]),
        )
        for start, stop in zip(starts, [*starts[1:], most], strict=True)
    ]


Figures: TypeAlias = tuple[dict[int, list[int]], dict[int, list[int]]]


def play(world: World, most: int, customers: int, starts: Sequence[int]) -> Figures:
    """Nanoseconds and record bytes of decisions by the start of their band.

    It ends when every customer has paid `most` times; nobody counts beyond that.
    """
    times, sizes = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    records: dict[str, bytes] = {}
    paid = Counter[str]()
    traffic = Traffic(seed=1, customers=customers, rate=A_DAY)
    decide = world.account.decide
    for offset, (tx, *_) in enumerate(chain.from_iterable(transactions(traffic))):
        if (before := paid[tx.customer]) == most:
            continue
        record, source = records.get(tx.customer), Source(0, offset)
        since = process_time_ns()
        answer = decide(tx, source, record, None)
        took = process_time_ns() - since
        band = max(start for start in starts if start <= before)
        times[band].append(took)
        sizes[band].append(len(answer.history))
        records[tx.customer] = answer.history
        paid[tx.customer] += 1
        if before + 1 == most and sum(paid.values()) == most * customers:
            return times, sizes
    raise AssertionError("simulated traffic has no end")


def words(start: int, stop: int) -> str:
    """A band of counts.

    >>> words(8, 24), words(0, 1)
    ('8-23', '0')
    """
    return str(start) if stop == start + 1 else f"{start}-{stop - 1}"
