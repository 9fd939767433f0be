"""One partition of the events, for as long as it is assigned to this worker.

A partition is created on assignment, opened, and closed on revoke. It owns what its steps
read and write, and steps get it and nothing else.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka import ConsumerRecord, TopicPartition

from app.core.domain import Application
from app.core.fold import LearningState
from app.core.labels import decode_entry
from app.errors import Refused, StateError
from app.runtime.fetching.batches import UnreadableBatch
from app.runtime.foreign import PassedOver
from app.runtime.guard import Leave
from app.runtime.reading import reader
from app.runtime.step import Outbox, Step
from app.runtime.tables import Store, Table
from app.runtime.topics.shapes import Topics
from app.runtime.writer import Out
from app.serving.answers import reader_of
from app.serving.dead_letters.write import waiting_again
from app.serving.decisions import PATIENCE, Decisions
from app.serving.elsewhere import PARTITIONER, Origins, is_copy
from app.serving.generation import KEY, Mark, encode_mark, follow_up, read_mark
from app.serving.maturing import Maturing
from app.serving.sensors import Sensors
from app.serving.setup import Setup
from app.serving.sweep import Sweep
from app.serving.waiting import Waiting, left_over, overdue
from app.settings import Settings
from app.wire import check_timestamp

log = logging.getLogger(__name__)

PAGE = 1000  # waiting labels looked at without a pause
FOREVER = 2**63  # epoch ms


class Holding(Protocol):
    """A partition under one assignment, as the flow sees it: see `app.runtime.flow.Holding`."""

    def mine(self) -> bool:
        """Whether this worker may still process it."""

    def committed(self, topic: str) -> int | None:
        """The committed position in one of its topics."""

    def position(self, topic: str) -> int:
        """The next offset in one of its topics that no finished step has covered."""


class Learning(Protocol):
    """The learning state as steps see it: see `app.serving.learning.follow.Follower`."""

    state: LearningState

    def degraded(self) -> bool:
        """Whether the state is too far behind its log to decide as it should."""


@dataclass(frozen=True)
class Shared:
    """What the partitions of a worker share.

    Parameters
    ----------
    records, labels
        The tables of keyed records and of labels.
    origins
        Where copies of events came from that lay on a wrong partition.
    aside
        Stores in a step what does not belong to its partition: chunks of snapshots.
    topic_ids
        Of the topics as they are now, by name.
    foreign
        Told of records that Weir did not write.
    """

    setup: Setup
    records: Table
    labels: Table
    outbox: Outbox
    learning: Learning
    sensors: Sensors
    origins: Origins
    aside: Callable[[Step], None]
    leave: Leave
    topic_ids: Mapping[str, str]
    foreign: PassedOver = field(default_factory=PassedOver)


class Partition:
    """What a worker keeps for one partition.

    Parameters
    ----------
    number
        Of the partition, the same in all keyed topics.
    """

    def __init__(self, shared: Shared, number: int, holding: Holding) -> None:
        self.shared, self.number, self.holding = shared, number, holding
        settings = shared.setup.settings
        self.decisions = Decisions(
            settings.brokers,
            TopicPartition(shared.setup.topics.predictions, number),
            settings.data_dir / "scored" / str(number),
            settings.epoch,
            settings.horizon,
            self.enter_again,
            shared.leave,
            reader_of(shared.setup.application, settings.partitions),
            TopicPartition(shared.setup.topics.events, number),
            shared.foreign,
        )
        self.sweep = Sweep()
        self.warned = False  # of events that belong to another partition
        self.maturing: Maturing | None = None
        self.mark: Mark | None = None  # what the next step keeps of epoch and topics

    # -- what steps ask for

    @property
    def application(self) -> Application:
        return self.shared.setup.application

    @property
    def settings(self) -> Settings:
        return self.shared.setup.settings

    @property
    def topics(self) -> Topics:
        return self.shared.setup.topics

    @property
    def sensors(self) -> Sensors:
        return self.shared.sensors

    @property
    def origins(self) -> Origins:
        return self.shared.origins

    @property
    def learning(self) -> Learning:
        return self.shared.learning

    @property
    def labels(self) -> Store:
        """The labels of this partition, as they are on disk."""
        return self.shared.labels.store(self.number)

    def check(self, record: ConsumerRecord) -> None:
        """Refuse a batch that cannot be read, and a timestamp that is no time."""
        if type(record) is UnreadableBatch:
            self.sensors.unreadable.inc()
            raise Refused(f"a batch that cannot be read: {record.why}")
        check_timestamp(record.timestamp)

    def check_hops(self, record: ConsumerRecord, partition: int) -> None:
        """Refuse a copy that belongs to another partition too: it would be sent back and forth."""
        if is_copy(record):
            raise Refused(
                f"`{self.application.key}` belongs to partition {partition} of "
                f"{self.settings.partitions}, and this copy lies on {record.partition}: do all "
                f"workers have the same WEIR_PARTITIONS? Producers need {PARTITIONER}"
            )

    def astray(self, partition: int, copies: Sequence[Out]) -> None:
        """Count events that belong to another partition; the first ones are worth a warning."""
        if not self.warned:
            self.warned = True
            place = self.topics.events, self.number
            log.warning(
                "%s[%d] has events of partition %d: they are entered again there; "
                "producers need %s",
                *(*place, partition, PARTITIONER),
            )
        self.sensors.astray.inc(len(copies))

    def write_aside(self, step: Step) -> None:
        """Add what any step stores besides: snapshot chunks, mark, and position of maturity."""
        self.shared.aside(step)
        if self.mark is not None:
            step.table(self.shared.labels)[KEY], self.mark = encode_mark(self.mark), None
        if self.maturing is not None:
            self.maturing.write_into(step.table(self.shared.labels))

    def enter_again(self, id: str) -> None:
        """A decision became known late: publish the labels that waited for it."""
        raw = self.labels.get(id.encode())
        if raw is not None:
            again = waiting_again(self.application, id, decode_entry(raw, ""))
            self.shared.outbox(self.topics.feedback, self.number).put(again)

    # -- from its assignment to its first step

    async def open(self) -> None:
        """Read back what a replay may need; publish labels whose decisions are now known.

        Raises
        ------
        StateError
            Logs, settings and stored state do not fit.
        """
        self._begin_epoch()
        try:
            await self.decisions.recover(self.holding.committed(self.topics.events))
            await self._check_sources()
        except StateError:
            await self._keep_mark()  # so that raising the epoch means something
            raise
        await self._enter_decided_again()
        if self.settings.maturity:
            self.maturing = Maturing(
                self.shared.setup,
                self.number,
                self.labels,
                self.decisions,
                self.shared.outbox,
                self.holding,
                self.shared.leave,
            )

    def _begin_epoch(self) -> None:
        """Note of which epoch and which topics the state is, from its first step on."""
        before, ids = read_mark(self.labels.get(KEY)), self.shared.topic_ids
        unnamed, epoch = self.decisions.unnamed, self.settings.epoch
        mark = follow_up(before, epoch, self.topics, ids, unnamed).mark
        self.decisions.unnamed = mark.unnamed
        # Also where it stays as it is: of a step that a kill cut short only the disk may have it.
        self.mark = mark if ids else None

    async def _keep_mark(self) -> None:
        if self.mark is not None:
            await self._keep_first({KEY: encode_mark(self.mark)})

    async def _check_sources(self) -> None:
        """Raise StateError when a source's log ends below what was already read from it."""
        settings, names = self.settings, self.topics
        highest, epoch = self.learning.state.highest(self.number), settings.epoch
        if highest and highest.epoch > epoch:
            raise StateError(
                f"the learning state is of epoch {highest.epoch}, but this worker's is {epoch}: "
                "its labels would have no effect; raise WEIR_EPOCH"
            )
        settled = highest.offset if highest and highest.epoch == epoch else -1
        read = {names.events: self.decisions.confirmed, names.feedback: settled}
        tps = [TopicPartition(topic, self.number) for topic in read]
        async with reader(settings.brokers, *tps, patience=PATIENCE) as consumer:
            ends = await consumer.end_offsets(tps)
        for tp, end in ends.items():
            if end < max(read[tp.topic] + 1, self.holding.committed(tp.topic) or 0):
                raise StateError(
                    f"{tp.topic}[{self.number}] ends at {end}, but more of it was read before: "
                    "the topic was recreated or truncated; raise WEIR_EPOCH"
                )

    async def _enter_decided_again(self) -> None:
        """Publish waiting labels whose decisions are known by now: another worker knew fewer."""
        labels, last = self.labels, None
        while waiting := overdue(labels, FOREVER, PAGE, after=last):
            await self._take_off(labels, left_over(waiting, labels.get))
            for id in dict.fromkeys(label.id for label in waiting):
                if self.decisions.decision(id) is not None:
                    self.enter_again(id)
            last = waiting[-1]
            await asyncio.sleep(0)

    async def _take_off(self, labels: Store, left: Sequence[Waiting]) -> None:
        """Labels do not wait any more: in the changelog first, the next start may not find them."""
        await self._keep_first({label.key: None for label in left})

    async def _keep_first(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Change the labels table before the first step: the changelog, then the store."""
        changelog = self.shared.outbox(self.shared.labels.changelog, self.number)
        receipt = changelog.put(Out(*change) for change in changes.items())
        # A stop cancels whoever waits here, and then waits for the receipt itself.
        await asyncio.shield(receipt.acked)
        self.labels.write(changes)

    def close(self) -> None:
        """The partition has been revoked: stop its tasks and release its files."""
        if self.maturing is not None:
            self.maturing.close()
        self.decisions.close()
