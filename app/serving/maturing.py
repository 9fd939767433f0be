"""The delayed reader: what nobody complained about for WEIR_MATURITY enters as negative.

It follows the predictions of one assigned partition, without a consumer group, that much
later in record time, and publishes feedback like any other producer. So learn alone decides
what comes of it, and a complaint that arrives later corrects it.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from app.core.label_keys import MATURED, POSITION
from app.core.labels import decode_entry
from app.core.maturity import Maturity
from app.errors import Refused
from app.runtime.guard import Exit, Leave
from app.runtime.reading import bounds, reader, stretch
from app.runtime.step import Outbox, Overlay
from app.runtime.tables import Store
from app.runtime.writer import Out
from app.serving.decisions import Decisions
from app.serving.setup import Setup
from app.wire import encode

log = logging.getLogger(__name__)

KEY = MATURED  # in the labels table
BATCH = 25  # predictions looked at, and labels on their way to learn, at a time
REST = 1.0  # idle time for each unit of time that a batch took: score keeps half the worker
POLL = 0.01  # seconds between looks at learn's position
LOOKS = 100  # looks at the log's end in the time in which an event matures
LOOK_LIMITS = 0.1, 60.0  # seconds between them


def rule(setup: Setup) -> Maturity:
    """The rule of these settings, its times in ms."""
    settings = setup.settings
    return Maturity(
        setup.application,
        int(settings.maturity * 1000),
        int(settings.horizon * 1000),
        settings.maturity_share,
    )


def read_mark(raw: bytes | None, epoch: int) -> int:
    """The predictions offset through which maturity was published; 0 in a new epoch.

    >>> read_mark(POSITION.pack(2, 7), 2), read_mark(POSITION.pack(2, 7), 3), read_mark(None, 2)
    (7, 0, 0)
    """
    # A release that took any value from the changelog may have left one: the labels that it
    # publishes again have no effect.
    stored, through = POSITION.unpack(raw) if raw and len(raw) == POSITION.size else (epoch, 0)
    return int(through) if stored == epoch else 0


class Holding(Protocol):
    """What it asks the flow about its partition."""

    def mine(self) -> bool:
        """Whether this worker may still write for it."""

    def position(self, topic: str) -> int:
        """The next offset of a source that no finished step has covered."""


class Maturing:
    """The delayed reader of one partition, while it is assigned to this worker.

    The position moves when the labels up to it are acknowledged, and is stored in the next
    step of the partition. What a crash in between publishes again has no effect, because
    the label ids are the same. One batch is in flight at a time, and the next one waits
    until learn has settled it: a backlog lets score and other labels through.

    Parameters
    ----------
    labels
        The partition's labels, as they are on disk.
    decisions
        What was decided; nothing matures before all of it is known.
    """

    def __init__(
        self,
        setup: Setup,
        partition: int,
        labels: Store,
        decisions: Decisions,
        outbox: Outbox,
        holding: Holding,
        leave: Leave,
    ) -> None:
        settings = setup.settings
        self.setup, self.partition, self.labels = setup, partition, labels
        self.decisions, self.holding, self.leave = decisions, holding, leave
        self.writer = outbox(setup.topics.feedback, partition)
        self.tp = TopicPartition(setup.topics.predictions, partition)
        self.rule = rule(setup)
        self.pause = min(max(settings.maturity / LOOKS, LOOK_LIMITS[0]), LOOK_LIMITS[1])
        self.through = self.stored = read_mark(labels.get(KEY), settings.epoch)
        self.next = 0  # when the prediction at the position was written, once that is known
        self.task = asyncio.ensure_future(self._run())
        self.task.add_done_callback(self._ended)

    def write_into(self, labels: Overlay) -> None:
        """Store the position in a step of the partition, if it has moved."""
        if self.through > self.stored:
            labels[KEY] = POSITION.pack(self.setup.settings.epoch, self.through)
            self.stored = self.through

    def close(self) -> None:
        """Stop reading."""
        self.task.cancel()

    async def _run(self) -> None:
        while not self.decisions.whole:
            await asyncio.sleep(self.pause)  # labels would only wait for their decisions
        while True:
            try:
                async with reader(self.setup.settings.brokers, self.tp) as consumer:
                    while True:
                        await self._look(consumer)
                        await asyncio.sleep(self.pause)
            except KafkaError as error:
                log.warning("Maturity of partition %d waits for Kafka: %r", self.partition, error)
                await asyncio.sleep(self.pause)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """Publish what has become due since the last look."""
        begin, end = await bounds(consumer, self.tp)
        start = max(begin, self.through)
        if start >= end:
            return
        newest = await self._written(consumer, end - 1)
        if not self.rule.due(self.next, newest):
            return
        async for records in stretch(consumer, self.tp, start, end):
            for first in range(0, len(records), BATCH):
                if not await self._take(records[first : first + BATCH], newest):
                    return

    async def _written(self, consumer: AIOKafkaConsumer, offset: int) -> int:
        """The timestamp of one prediction."""
        async for records in stretch(consumer, self.tp, offset, offset + 1):
            return int(records[0].timestamp)
        return 0

    async def _take(self, records: Sequence[ConsumerRecord], newest: int) -> bool:
        """Publish labels for the predictions that are due; False when one is not."""
        began = asyncio.get_running_loop().time()
        due = 0
        while due < len(records) and self.rule.due(records[due].timestamp, newest):
            due += 1
        decisions = filter(self._decides, records[:due])
        labels = [out for record in decisions for out in self._labels(record, newest)]
        if due:
            await self._publish(labels, records[due - 1].offset + 1)
        self.next = records[due].timestamp if due < len(records) else 0
        await asyncio.sleep(REST * (asyncio.get_running_loop().time() - began))
        return due == len(records)

    def _decides(self, record: ConsumerRecord) -> bool:
        try:
            self.decisions.claims.read(record)
        except Refused:
            return False  # the decisions have counted it
        return True

    def _labels(self, record: ConsumerRecord, newest: int) -> list[Out]:
        prediction = self.setup.application.read_prediction(record.value)
        id, key, written = prediction.id, prediction.key, int(record.timestamp)
        raw = self.labels.get(id.encode())
        entry = None if raw is None else decode_entry(raw, key)
        if self.rule.forgotten(written, newest) or not self.rule.learns(id, entry):
            return []
        first = self.decisions.decision(id)
        if first is not None and self.setup.application.read_decision(first).key != key:
            return []  # an id of two keys: labels are of the one that was decided first
        return [Out(key.encode(), encode(self.rule.label(id, key, written)))]

    async def _publish(self, labels: list[Out], through: int) -> None:
        """Write labels, move the position, and wait until learn has settled them."""
        while not self.holding.mine():
            await asyncio.sleep(POLL)  # until `close`: the gate is closed
        ends: list[int] = []
        await self.writer.put(labels, lambda base, count: ends.append(base + count)).acked
        self.through = through
        topic = self.setup.topics.feedback
        while ends and self.holding.position(topic) < max(ends):
            await asyncio.sleep(POLL)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.leave(Exit.STATE, f"maturity of partition {self.partition} failed: {error!r}")
