"""One worker under a paced load: latency of scores, and how soon they know of a label."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain, islice
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from app.apps import set_up
from app.serving.observe import observing
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from benchmarks.freshness.delays import freshness, latencies, quantiles
from benchmarks.freshness.load import Arrivals, Load, answer
from benchmarks.scale.system import System, Workers, system
from benchmarks.scale.tables import Column

TITLE = "One worker, transactions and labels at a pace"
COLUMNS = (
    Column("rate", "transactions/s"),
    Column("labels", "labels/s"),
    Column("broker_p50_ms", "broker alone p50, ms", ".1f"),
    Column("broker_p99_ms", "p99", ".1f"),
    Column("p50_ms", "score p50, ms", ".1f"),
    Column("p99_ms", "p99", ".1f"),
    Column("p999_ms", "p99.9", ".1f"),
    Column("fresh_p50_ms", "label to score p50, ms", ".1f"),
    Column("fresh_p99_ms", "p99", ".1f"),
    Column("fresh_max_ms", "longest", ".1f"),
    Column("cpu_share", "worker's CPU", ".0%"),
    Column("waited_share", "it waited for CPU", ".0%"),
)
PARTITIONS = 4
LEARNED = 2_000  # labels before the measurement: the models are no beginners
WARM = 3.0  # seconds of each load that do not count
SPARE = 2_000  # decided transactions more than there will be labels


class Row(NamedTuple):
    """A load: milliseconds from sending a transaction, and a label, to a prediction.

    Those of the broker are from sending a transaction to its own coming back. Shares are of wall
    time: what the worker used of one processor, and for how long it had work and got none.
    """

    rate: float
    labels: float
    broker_p50_ms: float | None
    broker_p99_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    fresh_p50_ms: float | None
    fresh_p99_ms: float | None
    fresh_max_ms: float | None
    cpu_share: float
    waited_share: float


def measure(rate: float, labels: Sequence[float], seconds: float) -> list[Row]:
    """A row for each rate of labels, all on the same worker."""
    return asyncio.run(_measure(rate, labels, seconds))


async def _measure(rate: float, labels: Sequence[float], seconds: float) -> list[Row]:
    rows = chain.from_iterable(transactions(Traffic(seed=1)))
    async with system(PARTITIONS) as running, running.workers(1) as workers:
        await workers.ready()
        stock = round(sum(labels) * (seconds + WARM)) + LEARNED + SPARE
        known = list(islice(rows, stock))
        await prepare(running, workers, known)
        async with AIOKafkaProducer(
            bootstrap_servers=running.settings.brokers, acks="all", linger_ms=0
        ) as producer:
            load = Load(producer, running.settings, rows, known[LEARNED:])
            return [await under(running, workers, load, rate, one, seconds) for one in labels]


async def prepare(running: System, workers: Workers, known: list) -> None:
    """Have the transactions decided that can be labelled later, and some of them learned."""
    running.publisher.events(row.event for row in known)
    await workers.reach(running.names.predictions, len(known))
    running.publisher.labels(map(answer, known[:LEARNED]))
    await workers.reach(running.names.examples, LEARNED)
    await workers.fleet.reaches(LEARNED)


async def under(
    running: System, workers: Workers, load: Load, rate: float, labels: float, seconds: float
) -> Row:
    """One load: warm up, measure, and go on until every label has been followed by a score."""
    await load.keep(rate, labels, WARM)
    async with listening(running) as arrivals:
        cpu, waited = workers.cpu_seconds(), workers.waited_seconds()
        since = time.monotonic()
        sent = await load.keep(rate, labels, seconds)
        took = time.monotonic() - since
        cpu, waited = workers.cpu_seconds() - cpu, workers.waited_seconds() - waited

        async def all_are_there() -> bool:
            arrivals.check()
            await load.keep(rate, 0, 0.1)
            return (
                sent.transactions.keys() <= arrivals.transactions.keys()
                and sent.transactions.keys() <= arrivals.predictions.keys()
                and sent.labels.keys() <= arrivals.examples.keys()
                and None not in freshness(sent.labels, arrivals.examples, arrivals.scored)
            )

        await workers.until(all_are_there, "every label was to be followed by a score")
        fresh = freshness(sent.labels, arrivals.examples, arrivals.scored)
        broker = quantiles(latencies(sent.transactions, arrivals.transactions))
        scores = quantiles(latencies(sent.transactions, arrivals.predictions))
    known = quantiles([delay for delay in fresh if delay is not None])
    return Row(
        rate,
        labels,
        broker.p50,
        broker.p99,
        scores.p50,
        scores.p99,
        scores.p999,
        known.p50,
        known.p99,
        known.longest,
        cpu / took,
        waited / took,
    )


@asynccontextmanager
async def listening(running: System) -> AsyncIterator[Arrivals]:
    """What arrives from now on."""
    names = running.names
    topics = names.events, names.predictions, names.examples
    async with observing(set_up(running.settings), *topics) as observer:
        arrivals = Arrivals(observer, names)
        try:
            yield arrivals
        finally:
            await arrivals.stop()
