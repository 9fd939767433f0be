"""Plays the load to Kafka: paced, or a backlog first, with poison among it."""

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from app.apps import set_up
from app.core.partitioning import partition_of
from app.settings import Settings
from app.streams.fraud.messages import Feedback
from app.wire import encode
from tests.chaos.load import EARLIEST, Line, Load
from tests.chaos.poison import FEEDBACK, TRANSACTIONS

TICK = 0.05  # seconds
POISON_EVERY = 97  # transactions
PATIENCE_MS = 180_000  # a write outlives every fault of the broker


class Feeder:
    """Sends transactions and what is said of them until it is told to end.

    `count` transactions were sent in the end, all of them acknowledged; `poison` are the places
    (topic, partition, offset) of the records that nobody can use.
    """

    def __init__(self, settings: Settings, load: Load, rate: float, backlog: int, seed: int):
        self.settings, self.load, self.rate, self.backlog = settings, load, rate, backlog
        self.topics = set_up(settings).topics
        self.random = random.Random(seed)
        self.count = 0
        self.poison: set[tuple[str, int, int]] = set()
        self.ending = asyncio.Event()
        self._due: list[tuple[int, int, Line, Feedback]] = []
        self._order = itertools.count()
        self._sent: set[asyncio.Future] = set()

    async def run(self) -> None:
        """Send until `ending` is set, then what is still due; returns when all is acknowledged."""
        self.producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.brokers,
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=PATIENCE_MS,
        )
        await self.producer.start()
        try:
            await self._play(self.backlog)
            began = time.monotonic()
            while not self.ending.is_set():
                await asyncio.sleep(TICK)
                due = int((time.monotonic() - began) * self.rate) + self.backlog
                await self._play(max(due - self.count, 0))
            await self._finish()
            await self.producer.flush()
            await asyncio.gather(*self._sent)
        finally:
            await self.producer.stop()

    async def _play(self, transactions: int) -> None:
        for _ in range(transactions):
            n = self.count
            for line, said in self.load.said(n + EARLIEST):
                if line.after < 0:
                    self._schedule(n + EARLIEST, line, said)
            await self._transaction(n)
            self.count += 1
            await self._say(n)

    async def _finish(self) -> None:
        """Send every transaction that something was said of, and everything still to be said."""
        for n in range(self.count, self.count + EARLIEST):
            await self._transaction(n)
        self.count += EARLIEST
        await self._say(None)

    async def _transaction(self, n: int) -> None:
        tx = self.load.transaction(n)
        if n == 0:  # what is said early of the first ones has no earlier transaction to follow
            for first in range(EARLIEST):
                for line, said in self.load.said(first):
                    if line.after < 0:
                        self._schedule(first, line, said)
        for line, said in self.load.said(n):
            if line.after > 0:
                self._schedule(n, line, said)
        partition = self._partition(tx.customer, self.load.astray(n))
        await self._send(self.topics.events, tx.customer, encode(tx), partition)
        if self.random.randrange(POISON_EVERY) == 0:
            await self._poison(n)

    def _schedule(self, n: int, line: Line, said: Feedback) -> None:
        heapq.heappush(self._due, (n + line.after, next(self._order), line, said))

    async def _say(self, through: int | None) -> None:
        for line, said in self._take_due(through):
            partition = self._partition(said.key, line.astray)
            for _ in range(line.times):
                await self._send(self.topics.feedback, said.key, encode(said), partition)

    def _take_due(self, through: int | None) -> Iterator[tuple[Line, Feedback]]:
        while self._due and (through is None or self._due[0][0] <= through):
            _, _, line, said = heapq.heappop(self._due)
            yield line, said

    def _partition(self, customer: str, astray: bool) -> int:
        """A customer's partition, or a wrong one."""
        partitions = self.settings.partitions
        return (partition_of(customer, partitions) + astray) % partitions

    async def _poison(self, n: int) -> None:
        tx = self.load.transaction(n)
        tx.id += "-poison"
        if self.random.randrange(3):
            value = self.random.choice(list(TRANSACTIONS.values()))(tx)
            sent = await self._send(self.topics.events, tx.customer, value)
        else:
            value = self.random.choice(list(FEEDBACK.values()))
            sent = await self._send(self.topics.feedback, tx.customer, value)
        sent.add_done_callback(self._remember)

    def _remember(self, sent: asyncio.Future) -> None:
        placed: RecordMetadata = sent.result()
        self.poison.add((placed.topic, placed.partition, placed.offset))

    async def _send(
        self, topic: str, customer: str, value: bytes, partition: int | None = None
    ) -> asyncio.Future:
        if partition is None:
            partition = partition_of(customer, self.settings.partitions)
        sent = await self.producer.send(topic, value, key=customer.encode(), partition=partition)
        self._sent.add(sent)
        sent.add_done_callback(self._sent_done)
        return sent

    def _sent_done(self, sent: asyncio.Future) -> None:
        if sent.exception() is None:
            self._sent.discard(sent)
