"""CPU of a transaction by the number of workers and of partitions, in catch-up on a real broker.

All workers are ready before the transactions are published, at once. CPU is that of the
workers' processes together: on two cores their rate says little of their number.
"""

import asyncio
import time
from itertools import chain, islice
from typing import NamedTuple

from app.data.rows import Labelled
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from benchmarks.scale.system import System, Workers, system
from benchmarks.scale.tables import Column

TITLE = "One system, more workers"
COLUMNS = (
    Column("workers", "workers"),
    Column("partitions", "partitions"),
    Column("transactions", "transactions"),
    Column("cpu_us", "CPU of all workers, µs a transaction"),
    Column("rate", "transactions/s"),
)
WARM = 5_000  # transactions that do not count


class Row(NamedTuple):
    """One number of workers on one number of partitions."""

    workers: int
    partitions: int
    transactions: int
    cpu_us: float
    rate: float


def measure(workers: list[int], partitions: list[int], count: int) -> list[Row]:
    """A row for each combination in which every worker has a partition."""
    rows = list(islice(chain.from_iterable(transactions(Traffic(seed=1))), WARM + count))
    return [
        asyncio.run(catch_up(number, split, rows))
        for split in partitions
        for number in workers
        if number <= split
    ]


async def catch_up(count: int, partitions: int, rows: list[Labelled]) -> Row:
    """Decide all rows with so many workers; the first `WARM` do not count."""
    async with system(partitions) as running, running.workers(count) as workers:
        await workers.ready()
        await decide(running, workers, rows[:WARM])
        cpu, rate = await decide(running, workers, rows[WARM:])
    return Row(count, partitions, len(rows) - WARM, cpu * 1e6, rate)


async def decide(running: System, workers: Workers, rows: list[Labelled]) -> tuple[float, float]:
    """Publish transactions and wait for their decisions: CPU seconds of one, and one second's."""
    predictions = running.names.predictions
    before = await running.length(predictions)
    cpu, since = workers.cpu_seconds(), time.monotonic()
    running.publisher.events(row.event for row in rows)
    await workers.reach(predictions, before + len(rows))
    spent, took = workers.cpu_seconds() - cpu, time.monotonic() - since
    return spent / len(rows), len(rows) / took
