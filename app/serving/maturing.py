"""The delayed reader: what nobody complained about for long enough enters as negative.

It reads the predictions of one assigned partition a second time, without a consumer group, once
they are as old in record time as `app.core.maturity` asks, and publishes feedback like any other
producer. So the agent `learn` alone decides what comes of it, and a complaint that arrives later
corrects it.
"""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from app.core.labels import decode_entry
from app.core.maturity import Maturity
from app.errors import Refused
from app.runtime.guard import Exit, Leave
from app.runtime.reading import reader
from app.runtime.step import Outbox, Overlay
from app.runtime.tables import Table
from app.runtime.writer import Out
from app.serving.beginning import begun
from app.serving.decisions import Decisions
from app.serving.hourly_shares import HourlyShares
from app.serving.prediction_log import PredictionLog
from app.serving.ripeness import Ripeness, read_ripeness
from app.serving.setup import Setup
from app.serving.shared import Holding
from app.serving.walks import Early, Late, Walk
from app.wire import encode

log = logging.getLogger(__name__)

BATCH = 25  # predictions looked at, and labels on their way to learn, at a time
REST = 1.0  # idle time for each unit of time that a batch took: score keeps half the worker
POLL = 0.01  # seconds between looks at learn's position
LOOKS = 100  # looks at the log's end in the time in which an event matures
LOOK_LIMITS = 0.1, 60.0  # seconds between them


def rule(setup: Setup) -> Maturity:
    """What matures in one partition, and when, by these settings."""
    settings = setup.settings
    return Maturity(
        setup.application,
        int(settings.maturity * 1000),
        int(settings.horizon * 1000),
        settings.maturity_share,
        settings.maturity_rate / settings.partitions,
    )


class Maturing:
    """The delayed reader of one partition, while it is assigned to this worker.

    A position moves when the labels up to it are acknowledged, and is stored in the next
    step of the partition. What a crash in between publishes again has no effect, because
    the label ids are the same. When the partition began is acknowledged before the first label.
    One batch is in flight at a time, and the next one waits until learn has settled it: a
    backlog lets score and other labels through.

    Parameters
    ----------
    setup, partition
        Settings and application, and which partition it is.
    labels
        The table of labels: what was said of each event, and how far maturity has come.
    decisions
        What was decided; nothing matures before all of it is known.
    outbox
        Where feedback, and changes of the table, are written to Kafka.
    holding
        Whether the partition is held, and how far its labels are settled.
    leave
        Called to end the worker when reading fails for good.
    """

    def __init__(
        self,
        setup: Setup,
        partition: int,
        labels: Table,
        decisions: Decisions,
        outbox: Outbox,
        holding: Holding,
        leave: Leave,
    ) -> None:
        settings = setup.settings
        self.setup, self.partition = setup, partition
        self.labels = labels.store(partition)
        self.decisions, self.holding, self.leave = decisions, holding, leave
        self.writer = outbox(setup.topics.feedback, partition)
        self.changelog = outbox(labels.changelog, partition)
        self.tp = TopicPartition(setup.topics.predictions, partition)
        self.rule = rule(setup)
        self.walks = Early(self.rule), Late(self.rule)
        self.pause = min(max(settings.maturity / LOOKS, LOOK_LIMITS[0]), LOOK_LIMITS[1])
        self.ripeness = self.stored = read_ripeness(self.labels.get, settings.epoch)
        self.checked = False  # whether what was kept can go on, see `begun`
        self.shares = HourlyShares(self.rule)
        self.task = asyncio.ensure_future(self._run())
        self.task.add_done_callback(self._ended)

    def write_into(self, labels: Overlay) -> None:
        """Store in a step of the partition how far it has come, if it has moved."""
        if self.ripeness == self.stored:
            return
        epoch = self.setup.settings.epoch
        before = {} if self.stored.raised else self.stored.changes(epoch)
        for key, value in self.ripeness.changes(epoch).items():
            if before.get(key) != value:
                labels[key] = value
        self.stored = self.ripeness

    def close(self) -> None:
        """Stop reading."""
        self.task.cancel()

    async def _run(self) -> None:
        await asyncio.sleep(self.pause)  # nothing is in a hurry: a start has other things to do
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
        log = PredictionLog(consumer, self.tp)
        offsets = await log.offsets()
        if not offsets:
            return
        newest = await log.written_at(offsets.stop - 1)
        start = await self._start(log, offsets, newest)
        for walk in self.walks:
            position = max(offsets.start, walk.position(self.ripeness))
            if position < offsets.stop and walk.next <= newest:
                await self._walk(log, walk, range(position, offsets.stop), newest, start)

    # -- where it begins

    async def _start(self, log: PredictionLog, offsets: range, newest: int) -> int:
        """When the partition began, acknowledged before anything is published."""
        if not self.checked:
            ripeness = await begun(self.rule, self.ripeness, log, offsets, newest)
            if ripeness != self.ripeness:
                await self._keep(ripeness)
            self.checked = True
        assert self.ripeness.start is not None
        return self.ripeness.start

    async def _keep(self, ripeness: Ripeness) -> None:
        """Acknowledge the start. The next step stores it too: the disk is then known to have it."""
        await self._mine()
        self.ripeness = ripeness  # in front of what steps write from here on, in the log too
        changes = ripeness.changes(self.setup.settings.epoch)
        await self.changelog.put([Out(*change) for change in changes.items()]).acked
        await self._mine()
        if self.stored != self.ripeness:
            self.labels.write(changes)

    # -- on its way

    async def _walk(
        self, log: PredictionLog, walk: Walk, offsets: range, newest: int, start: int
    ) -> None:
        async for records in log.records(offsets.start, offsets.stop):
            for first in range(0, len(records), BATCH):
                batch = records[first : first + BATCH]
                if not await self._take(log, walk, batch, newest, start):
                    return

    async def _take(
        self,
        log: PredictionLog,
        walk: Walk,
        records: Sequence[ConsumerRecord],
        newest: int,
        start: int,
    ) -> bool:
        """Publish labels for the predictions that are due; False when one is not."""
        began = asyncio.get_running_loop().time()
        due, labels = 0, list[Out]()
        while due < len(records) and walk.due_at(records[due].timestamp, start) <= newest:
            share = await self.shares.at(log, records[due].timestamp)
            labels += self._labels(walk, records[due], newest, start, share)
            due += 1
        if due:
            await self._publish(labels, walk, records[due - 1].offset + 1)
        walk.next = walk.due_at(records[due].timestamp, start) if due < len(records) else 0
        await asyncio.sleep(REST * (asyncio.get_running_loop().time() - began))
        return due == len(records)

    def _labels(
        self, walk: Walk, record: ConsumerRecord, newest: int, start: int, share: float
    ) -> list[Out]:
        """What is said of one prediction, if anything."""
        application, written = self.setup.application, int(record.timestamp)
        try:
            self.decisions.claims.read(record)
        except Refused:
            return []  # the decisions have counted it
        said = application.read_prediction(record.value)
        first = self.decisions.decision(said.id)
        decided = said if first is None else application.read_decision(first)
        if decided.key != said.key:
            return []  # an id of two keys: labels are of the one that was decided first
        if not self.rule.matures(decided.decision, written, start):
            return []
        if not walk.takes(decided.decision, written, start) or self.rule.forgotten(written, newest):
            return []
        raw = self.labels.get(said.id.encode())
        entry = None if raw is None else decode_entry(raw, said.key)
        if not self.rule.learns(said.id, entry, share):
            return []
        due = self.rule.due_at(written, start, decided.decision)
        return [Out(said.key.encode(), encode(self.rule.label(said.id, said.key, due, share)))]

    async def _publish(self, labels: list[Out], walk: Walk, offset: int) -> None:
        """Write labels, move the position, and wait until learn has settled them."""
        await self._mine()
        ends: list[int] = []
        await self.writer.put(labels, lambda base, count: ends.append(base + count)).acked
        self.ripeness = walk.moved(self.ripeness, offset)
        topic = self.setup.topics.feedback
        while ends and self.holding.position(topic) < max(ends):
            await asyncio.sleep(POLL)

    async def _mine(self) -> None:
        """Wait while this worker may not write: until `close`, if the gate is closed."""
        while not self.holding.mine():
            await asyncio.sleep(POLL)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.leave(Exit.STATE, f"maturity of partition {self.partition} failed: {error!r}")
