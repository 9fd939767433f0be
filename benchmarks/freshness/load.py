"""A paced load of transactions and labels, and what comes of it, on one monotonic clock."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer

from app.apps import set_up
from app.core.partitioning import partition_of
from app.data.rows import Labelled
from app.runtime.topics.shapes import Topics
from app.serving.observe import Observer
from app.settings import Settings
from app.streams.fraud.messages import Example, Feedback, Label, Transaction, read_entry
from app.wire import encode


class Scored(NamedTuple):
    """A prediction that has arrived, and the version of the models that made it."""

    at: float
    version: int


class _Model(msgspec.Struct):
    version: int


class _Prediction(msgspec.Struct):
    id: str
    model: _Model


class _Transaction(msgspec.Struct):
    id: str


_read_transaction = msgspec.json.Decoder(_Transaction).decode
_read_prediction = msgspec.json.Decoder(_Prediction).decode


class Arrivals:
    """What a consumer receives, from now until `stop`. Times are seconds of the monotonic clock.

    Attributes
    ----------
    transactions
        When each transaction itself came back from the broker.
    predictions
        When the prediction of each transaction arrived.
    scored
        All predictions, in the order of their arrival.
    examples
        Offset in the examples log of each transaction's label.
    """

    def __init__(self, observer: Observer, names: Topics) -> None:
        self.takers = {
            names.events: self._returned,
            names.predictions: self._predicted,
            names.examples: self._learned,
        }
        self.transactions: dict[str, float] = {}
        self.predictions: dict[str, float] = {}
        self.scored: list[Scored] = []
        self.examples: dict[str, int] = {}
        self._listening = asyncio.ensure_future(self._listen(observer))

    def check(self) -> None:
        """Raise what ended the listening, if anything did."""
        if self._listening.done():
            self._listening.result()

    async def stop(self) -> None:
        """Take in nothing more."""
        self._listening.cancel()
        await asyncio.wait([self._listening])

    async def _listen(self, observer: Observer) -> None:
        async for topic, records in observer:
            now, take = time.monotonic(), self.takers[topic]
            for record in records:
                take(now, record.offset, record.value)

    def _returned(self, now: float, offset: int, value: bytes) -> None:
        self.transactions.setdefault(_read_transaction(value).id, now)

    def _predicted(self, now: float, offset: int, value: bytes) -> None:
        prediction = _read_prediction(value)
        self.predictions.setdefault(prediction.id, now)
        self.scored.append(Scored(now, prediction.model.version))

    def _learned(self, now: float, offset: int, value: bytes) -> None:
        entry = read_entry(value)
        if isinstance(entry, Example):
            self.examples.setdefault(entry.id, offset)


class Sent(NamedTuple):
    """When each id was handed to the producer, seconds of the monotonic clock."""

    transactions: dict[str, float]
    labels: dict[str, float]


class Load:
    """Publishes transactions, and labels of transactions that were decided before.

    Parameters
    ----------
    producer
        It must put together what comes while a batch is on its way, as `send` does; else a
        slow broker would hold up the load itself.
    rows
        Transactions to come, endless.
    decided
        What can be labelled; each once.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        settings: Settings,
        rows: Iterator[Labelled],
        decided: Iterable[Labelled],
    ) -> None:
        self.producer, self.rows, self.decided = producer, rows, deque(decided)
        self.names, self.partitions = set_up(settings).topics, settings.partitions

    async def keep(self, rate: float, labels: float, seconds: float) -> Sent:
        """So many transactions and labels a second, for so long."""
        sent = Sent({}, {})
        await asyncio.gather(
            paced(rate, seconds, lambda: self._pay(sent)),
            paced(labels, seconds, lambda: self._label(sent)),
        )
        return sent

    async def _pay(self, sent: Sent) -> None:
        row = next(self.rows)
        sent.transactions[row.event.id] = time.monotonic()
        await self._send(self.names.events, row.event)
        self.decided.append(row)

    async def _label(self, sent: Sent) -> None:
        row = self.decided.popleft()
        sent.labels[row.event.id] = time.monotonic()
        await self._send(self.names.feedback, answer(row))

    async def _send(self, topic: str, message: Transaction | Feedback) -> None:
        customer = message.key
        partition = partition_of(customer, self.partitions)
        value = encode(message)
        await self.producer.send(topic, value, key=customer.encode(), partition=partition)


async def paced(rate: float, seconds: float, call: Callable[[], Awaitable[None]]) -> None:
    """Call so many times a second, for so long; what is late is made up for at once."""
    begun = time.monotonic()
    for number in range(round(rate * seconds)):
        if (ahead := begun + number / rate - time.monotonic()) > 0:
            await asyncio.sleep(ahead)
        await call()


def answer(row: Labelled) -> Feedback:
    """The truth, as an analyst would say it."""
    tx = row.event
    says: Label = "fraud" if row.positive else "legit"
    return Feedback(id=tx.id, key=tx.customer, label=says, source="analyst", at=tx.at)
