"""What others wrote into the topics that only Weir writes: found without folding or storing it."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from app.core import foreign, label_keys
from app.core.dump import NoStatistics
from app.core.fold import LearningState
from app.core.folding import fold_entry
from app.core.label_keys import EVICTED, OWN, TOPICS
from app.core.labels import decode_entry
from app.core.messages import Example, Restore
from app.core.model_set import ModelSet
from app.core.partitioning import partition_of
from app.core.threshold import KEY as THRESHOLD
from app.core.threshold import Budget, Threshold
from app.errors import Refused, StateError
from app.runtime.reading import bounds, reader, stretch
from app.runtime.topics.shapes import LABELS, MODELS
from app.serving.answers import EPOCH_HEADER, answers, reader_of
from app.serving.evicted import decode_evicted
from app.serving.generation import read_mark
from app.serving.learning.skips import Skips
from app.serving.setup import Setup

ANY = Budget(alerts=1.0, start=0.5, floor=0.5, ceiling=0.5)  # opens any threshold


class Stranger(NamedTuple):
    """A record that workers pass over, or that stops them, and why."""

    topic: str
    partition: int
    offset: int
    why: str


Look = Callable[[Sequence[ConsumerRecord]], AsyncIterator[Stranger]]
Advanced = Callable[[int, int], None]  # records looked at, of how many


class _Unlearned(LearningState):
    """A state that takes note of origins and learns nothing."""

    def _learn(self, example: Example, models: ModelSet, cells: Sequence[int] | None) -> None:
        pass


class Audit:
    """Looks through predictions, examples and changelogs; what it finds is not kept.

    Parameters
    ----------
    advanced
        Called after each fetch.
    """

    def __init__(self, setup: Setup, advanced: Advanced = lambda now, end: None) -> None:
        self.setup, self.advanced = setup, advanced
        self.looked_at = self.total = 0

    async def strangers(self) -> AsyncIterator[Stranger]:
        """Every foreign record, topic by topic.

        Raises
        ------
        TopicsError, BrokerError
            The topics are missing, or no broker answers.
        """
        await self.setup.check_topics()
        tps = list(self._partitions())
        async with reader(self.setup.settings.brokers, *tps) as consumer:
            consumer.pause(*tps)
            ends = {tp: await bounds(consumer, tp) for tp in tps}
            self.total = sum(end - begin for begin, end in ends.values())
            for tp, (begin, end) in ends.items():
                consumer.resume(tp)
                look = await self._look(consumer, tp)
                async for records in stretch(consumer, tp, begin, end):
                    async for found in look(records):
                        yield found
                    self.looked_at += len(records)
                    self.advanced(self.looked_at, self.total)
                consumer.pause(tp)

    def _partitions(self) -> Iterator[TopicPartition]:
        topics, many = self.setup.topics, range(self.setup.settings.partitions)
        yield from (TopicPartition(topics.predictions, partition) for partition in many)
        yield TopicPartition(topics.examples, 0)
        for changelog in topics.changelogs.values():
            yield from (TopicPartition(changelog, partition) for partition in many)

    async def _look(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> Look:
        """How the records of a partition are looked at."""
        topics = self.setup.topics
        if tp.topic == topics.examples:
            return self._examples()
        if tp.topic == topics.predictions:
            events = TopicPartition(topics.events, tp.partition)
            return self._each(self._decision((await consumer.end_offsets([events]))[events]))
        (table,) = (name for name, topic in topics.changelogs.items() if topic == tp.topic)
        return self._each(self._change(table))

    def _each(self, why: Callable[[ConsumerRecord], str]) -> Look:
        async def look(records: Sequence[ConsumerRecord]) -> AsyncIterator[Stranger]:
            for record in records:
                if words := why(record):
                    yield Stranger(record.topic, record.partition, record.offset, words)

        return look

    def _decision(self, events_end: int) -> Callable[[ConsumerRecord], str]:
        epoch = self.setup.settings.epoch
        read = reader_of(self.setup.application, self.setup.settings.partitions)

        def why(record: ConsumerRecord) -> str:
            try:
                read(record)
                reach = answers(record, epoch, epoch).reach
            except (Refused, StateError) as error:
                return str(error)
            # Those of earlier releases may be of an earlier epoch without saying so.
            named = epoch == 1 or any(name == EPOCH_HEADER for name, _ in record.headers)
            if named and reach >= events_end:
                return f"it answers offset {reach}, which the events do not reach"
            return ""

        return why

    def _change(self, table: str) -> Callable[[ConsumerRecord], str]:
        records, partitions = self.setup.application.records, self.setup.settings.partitions
        rule = foreign.rules(records, LABELS, MODELS)[table]

        def why(record: ConsumerRecord) -> str:
            if words := rule(record.key, record.value):
                return words
            if words := self._unread(table, record.key, record.value):
                return words
            own = table != records or record.key.startswith(OWN)
            if own or partition_of(record.key.decode(), partitions) == record.partition:
                return ""
            return "its key belongs to another partition"

        return why

    def _unread(self, table: str, key: bytes, value: bytes | None) -> str:
        """Why a worker would stop where it opens a change that is Weir's; '' when it would not."""
        try:
            if value is None:
                return ""
            if key.startswith(OWN):
                return self._unread_own(table, key, value)
            if table == self.setup.application.records:
                self.setup.application.open(value)
            elif table == LABELS:
                decode_entry(value, "")
        except (StateError, msgspec.DecodeError, UnicodeDecodeError) as error:
            return f"a worker that opens it stops: {error}"
        return ""

    def _unread_own(self, table: str, key: bytes, value: bytes) -> str:
        """The same of a key that is no id. Raises StateError where a worker does."""
        if key.startswith(EVICTED):
            decode_evicted(value)
        elif key == TOPICS:
            read_mark(value)
        elif key == THRESHOLD and table != LABELS:
            Threshold.decode(value, ANY, self.setup.settings.epoch)
        if label_keys.known(key) if table == LABELS else key == THRESHOLD:
            return ""
        return "its key begins as Weir's own do, but this release writes none like it"

    def _examples(self) -> Look:
        application, skips, found = self.setup.application, Skips(self.setup), list[Stranger]()
        state = _Unlearned(
            application.model,
            application.partitions,
            application.grids,
            NoStatistics(),
            application.heads,
        )
        topic = self.setup.topics.examples

        def note(offset: int, why: str) -> None:
            found.append(Stranger(topic, 0, offset, why))

        async def take(record: ConsumerRecord) -> None:
            entry = application.sift(record.value, record.offset, record.timestamp)
            try:
                settled = await skips.settle(entry, record.offset)
            except StateError as error:
                note(record.offset, str(error))
            else:
                if not isinstance(settled, Restore):
                    fold_entry(state, settled, record.offset, foreign=note)

        async def look(records: Sequence[ConsumerRecord]) -> AsyncIterator[Stranger]:
            for record in records:
                await take(record)
                while found:
                    yield found.pop()

        return look
