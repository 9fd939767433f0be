"""CPU of a decision as its customer's history grows: flat once the record is full.

In this process, without a broker: a batch of one with the default settings, on models that
have learned. Decisions of all bands are made in a random order, several times over, so that
what else the machine does meets all of them alike. The figure is the median over the
decisions of a band, of each the quickest time.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from random import Random
from statistics import mean, median
from time import process_time_ns
from typing import NamedTuple

from app.core.messages import Source
from app.streams.fraud.features import FULL
from app.streams.fraud.messages import Transaction
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from benchmarks.parts.world import World, decide
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
SAMPLES = 400  # decisions of a band, about
ROUNDS = 5


class Row(NamedTuple):
    """Decisions on customers who paid so often before."""

    events: str
    decisions: int
    cpu_us: float
    record_bytes: float


class Sample(NamedTuple):
    """A decision to make: the transaction, where it lies, and its customer's record."""

    tx: Transaction
    source: Source
    record: bytes | None


def measure(most: int, customers: int = CUSTOMERS, learned: int = LEARNED) -> list[Row]:
    """A row for each band below `most` transactions of a customer."""
    world = World(FULL.name)
    for row in islice(chain.from_iterable(transactions(Traffic(seed=2))), learned):
        world.play(row)
    starts = [start for start in BANDS if start < most]
    bands = [range(*ends) for ends in pairwise([*starts, most])]
    samples = sampled(play(world, most, customers), bands, customers)
    return [
        Row(words(band), len(found), times, mean(len(one.record or b"") for one in found))
        for band, found, times in zip(bands, samples, medians(world, samples), strict=True)
    ]


def play(world: World, most: int, customers: int) -> Iterator[tuple[int, Sample]]:
    """Every customer's first `most` transactions, and how many came before each."""
    records: dict[str, bytes] = {}
    paid = Counter[str]()
    traffic = Traffic(seed=1, customers=customers, rate=A_DAY)
    left = most * customers
    for offset, (tx, *_) in enumerate(chain.from_iterable(transactions(traffic))):
        if not left:
            return
        if (before := paid[tx.customer]) < most:
            sample = Sample(tx, Source(0, offset), records.get(tx.customer))
            yield before, sample
            records[tx.customer] = decide(world.application, world.state, *sample)[1]
            paid[tx.customer] += 1
            left -= 1


def sampled(
    played: Iterator[tuple[int, Sample]], bands: Sequence[range], customers: int
) -> list[list[Sample]]:
    """Some `SAMPLES` of each band, any as likely as the other; all where there are no more."""
    random = Random(1)
    found: list[list[Sample]] = [[] for _ in bands]
    for before, sample in played:
        place = next(place for place, band in enumerate(bands) if before in band)
        if random.random() * len(bands[place]) * customers < SAMPLES:
            found[place].append(sample)
    return found


def medians(world: World, samples: Sequence[Sequence[Sample]]) -> list[float]:
    """Microseconds of a decision of each band."""
    order = [(band, one) for band, some in enumerate(samples) for one in range(len(some))]
    least = {key: float("inf") for key in order}
    random = Random(1)
    for _ in range(ROUNDS):
        random.shuffle(order)
        for band, one in order:
            sample = samples[band][one]
            since = process_time_ns()
            decide(world.application, world.state, *sample)
            took = process_time_ns() - since
            least[band, one] = min(least[band, one], took)
    return [
        median(least[band, one] for one in range(len(some))) / 1e3
        for band, some in enumerate(samples)
    ]


def words(band: range) -> str:
    """A band of counts.

    >>> words(range(8, 24)), words(range(1))
    ('8-23', '0')
    """
    return str(band[0]) if len(band) == 1 else f"{band[0]}-{band[-1]}"
