"""Many customers: memory, disk, CPU of a transaction, and how long a worker takes to start.

The customers' packed records are written to the changelog of the table, as a worker writes
them, and one worker with an empty disk reads them back. Then random customers pay. The worker
is started again with its disk, and once more without it. Start is from the process's start to
ready; rate and CPU of what is restored are what such a start takes beyond one with the disk.
"""

import asyncio
import shutil
from collections.abc import Iterator
from itertools import chain, islice
from random import Random
from typing import NamedTuple

import msgspec

from app.core.hashing import cached_hash64, hash64
from app.core.partitioning import partition_of
from app.data.rows import Labelled
from app.runtime.writer import Out
from app.settings import Settings
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.history.ring import Event
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from benchmarks.scale.system import System, size_of, system
from benchmarks.scale.tables import Column
from benchmarks.scale.workers import decide

TITLE = "One worker, many customers"
COLUMNS = (
    Column("customers", "customers"),
    Column("record_bytes", "bytes a record"),
    Column("cpu_us", "CPU, µs a transaction"),
    Column("rss_mb", "memory, MB"),
    Column("disk_mb", "disk, MB"),
    Column("kept_s", "start with its disk, s", ".1f"),
    Column("wiped_s", "with an empty one, s", ".1f"),
    Column("restored", "records restored"),
    Column("restored_rate", "restored/s"),
    Column("restored_us", "CPU, µs a record restored"),
)
PARTITIONS = 4
WARM = 2_000  # transactions that do not count
POOL = 400  # customers whose records all others have
PAID = 30 * POOL  # transactions behind those records
EARLIER = 0  # an epoch before the workers': offsets of the records fence off no transaction
SLICE = 20_000  # records on their way at once
MB = 1e6


class Row(NamedTuple):
    """One number of customers."""

    customers: int
    record_bytes: float
    cpu_us: float
    rss_mb: float
    disk_mb: float
    kept_s: float
    wiped_s: float
    restored: int
    restored_rate: float | None
    restored_us: float


def measure(sizes: list[int], count: int) -> list[Row]:
    """A row for each number of customers, with so many transactions."""
    return [asyncio.run(live_through(size, count)) for size in sizes]


async def live_through(customers: int, count: int) -> Row:
    """Write the customers, start a worker on them, let them pay, start it again twice."""
    stream = chain.from_iterable(transactions(Traffic(seed=1, customers=POOL)))
    async with system(PARTITIONS) as running:
        pool = records(islice(stream, PAID), limits_of(running.settings))
        paying = list(of_random_customers(islice(stream, WARM + count), customers))
        await write(running, pool, customers)
        async with running.workers(1) as workers:  # its disk is empty
            await workers.ready()
            await decide(running, workers, paying[:WARM])
        async with running.workers(1) as workers:
            kept, kept_cpu = await workers.ready(), workers.cpu_seconds()
            cpu, _ = await decide(running, workers, paying[WARM:])
            rss, disk = workers.rss(), size_of(running.directory / "worker-1")
        shutil.rmtree(running.directory / "worker-1")
        restored = await running.length(running.names.changelogs["customers"])
        async with running.workers(1) as workers:
            wiped, wiped_cpu = await workers.ready(), workers.cpu_seconds()
    return Row(
        customers,
        sum(map(len, pool)) / len(pool),
        cpu * 1e6,
        rss / MB,
        disk / MB,
        kept,
        wiped,
        restored,
        restored / (wiped - kept) if wiped > kept else None,
        (wiped_cpu - kept_cpu) / restored * 1e6,
    )


def limits_of(settings: Settings) -> Limits:
    """How much a worker with these settings keeps of a customer."""
    return Limits(settings.history_events, settings.history_replay, settings.history_labels)


def records(rows: Iterator[Labelled], limits: Limits) -> list[bytes]:
    """The packed records of the customers of some transactions."""
    histories: dict[str, History] = {}
    for offset, (tx, *_) in enumerate(rows):
        history = histories.setdefault(tx.customer, History(EARLIER, limits))
        merchant = cached_hash64(tx.merchant)
        history.insert(Event(offset, hash64(tx.id), tx.at, tx.amount, merchant, tx.lat, tx.lon))
    return [history.encode() for history in histories.values()]


def name(number: int) -> str:
    """A customer's id."""
    return f"c{number:07d}"


def of_random_customers(rows: Iterator[Labelled], customers: int) -> Iterator[Labelled]:
    """The transactions, each paid by one of so many customers, all as likely."""
    random = Random(1)
    for row in rows:
        payer = name(random.randrange(customers))
        yield row._replace(event=msgspec.structs.replace(row.event, customer=payer))


async def write(running: System, pool: list[bytes], customers: int) -> None:
    """Write the customers' records to their table's changelog, from the pool in turn."""
    topic = running.names.changelogs["customers"]
    for begin in range(0, customers, SLICE):
        parts: list[list[Out]] = [[] for _ in range(PARTITIONS)]
        for number in range(begin, min(begin + SLICE, customers)):
            customer = name(number)
            out = Out(customer.encode(), pool[number % len(pool)])
            parts[partition_of(customer, PARTITIONS)].append(out)
        for partition, outs in enumerate(parts):
            running.writers(topic, partition).put(outs)
        await running.writers.flush()
