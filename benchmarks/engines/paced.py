"""Latency at a pace: transactions are sent one by one, and their outputs are waited for.

The harness sends and receives, in one process with one monotonic clock. The time of the send
travels in the transaction's id, so a latency is that from before the send to the arrival of
the output: two trips through the broker and the engine between them.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from app.core.partitioning import partition_of
from benchmarks.engines.log import PARTITIONS, partitions
from benchmarks.engines.process import Process, Stopwatch
from benchmarks.engines.rows import Measured

WARM = 2.0  # seconds at each pace that do not count
LOOK = 0.05  # seconds between two looks for the last ones
PATIENCE = 60.0  # seconds for its first output, and for the last ones at each pace
PREFIX = "ns-"  # of an id: digits alone may be taken for the number of a card
QUANTILES = (0.5, 0.99, 0.999)


class Payment(NamedTuple):
    """A transaction that has no id yet."""

    customer: str
    value: Callable[[str], bytes]  # its JSON, with this id


class Answer(msgspec.Struct):
    """What is read of an output."""

    id: str


answered = msgspec.json.Decoder(Answer).decode


class Arrivals:
    """The outputs' latencies in seconds, by the time of the send in ns of the monotonic clock."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.latencies: dict[int, float] = {}
        self.listening = asyncio.ensure_future(self._listen(consumer))

    async def _listen(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            now = time.monotonic_ns()
            for records in fetched.values():
                for record in records:
                    sent = int(answered(record.value).id.removeprefix(PREFIX))
                    self.latencies.setdefault(sent, (now - sent) / 1e9)

    async def of(self, sent: Sequence[int], process: Process) -> list[float]:
        """The latencies of all of these, in seconds, once they are there. Raises EngineError."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(one in self.latencies for one in sent):
                    process.check()
                    await asyncio.wait([self.listening], timeout=LOOK)
                    if self.listening.done():
                        self.listening.result()  # raises: it has no other end
        except TimeoutError:
            missing = sum(one not in self.latencies for one in sent)
            late = f"{missing} of {len(sent)} outputs did not come within {PATIENCE:.0f} s"
            raise process.error(late) from None
        return [self.latencies[one] for one in sent]


class Sender:
    """Sends payments at a pace. Their ids are the times of the sends, in ns."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, payments: Iterator[Payment]) -> None:
        self.producer, self.topic, self.payments = producer, topic, payments

    async def send(self) -> int:
        """Send one; when, in ns."""
        customer, value = next(self.payments)
        partition = partition_of(customer, PARTITIONS)
        now = time.monotonic_ns()
        await self.producer.send(
            self.topic, value(f"{PREFIX}{now}"), key=customer.encode(), partition=partition
        )
        return now

    async def keep(self, pace: float, seconds: float) -> list[int]:
        """Send so many a second for so long; when each was sent, in ns."""
        sent: list[int] = []
        begun = time.monotonic()
        for number in range(round(pace * seconds)):
            if (ahead := begun + number / pace - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            sent.append(await self.send())
        return sent


@asynccontextmanager
async def clients(brokers: str, predictions: str):
    """A producer that does not wait, and a consumer of the outputs."""
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", linger_ms=0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await producer.start()
        await consumer.start()
        consumer.assign(partitions(predictions))
        yield producer, consumer
    finally:
        await producer.stop()
        await consumer.stop()


async def latencies(
    process: Process,
    brokers: str,
    source: str,
    predictions: str,
    payments: Iterator[Payment],
    paces: Sequence[float],
    seconds: float,
) -> list[Measured]:
    """Send to a running engine at each of the paces, and measure it.

    Raises
    ------
    EngineError
        It ended, or does not keep up.
    """
    async with clients(brokers, predictions) as (producer, consumer):
        sender, arrivals = Sender(producer, source, payments), Arrivals(consumer)
        try:
            await wake(process, sender, arrivals)
            return [await at(process, sender, arrivals, pace, seconds) for pace in paces]
        finally:
            arrivals.listening.cancel()


async def wake(process: Process, sender: Sender, arrivals: Arrivals) -> None:
    """Wait until some transactions are answered: every partition is at work."""
    await arrivals.of([await sender.send() for _ in range(10 * PARTITIONS)], process)


async def at(
    process: Process, sender: Sender, arrivals: Arrivals, pace: float, seconds: float
) -> Measured:
    """Latencies and processor time at one pace."""
    await sender.keep(pace, WARM)
    stopwatch = Stopwatch(process)
    sent = await sender.keep(pace, seconds)
    stopwatch.look()
    used = stopwatch.use(len(sent))
    p50, p99, p999 = np.quantile(await arrivals.of(sent, process), QUANTILES) * 1000
    return Measured(*used, latencies=(float(p50), float(p99), float(p999)))
