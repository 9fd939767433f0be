"""A broker, a disk and a worker in memory: the two agents' steps without Kafka.

What a worker writes is counted, one place after the other: each write to its disk, each batch that
lands in its log, each acknowledgement that is heard, each commit. A worker that is to end in front
of a place loses there what it had in memory and what was on its way. The next one starts on what
is left: the logs, the committed positions, a disk.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from faust.types.tuples import TP

from app.core.domain import Application
from app.core.fold import LearningState
from app.runtime.guard import Exit
from app.runtime.held import Held
from app.runtime.step import Changes, Step
from app.runtime.topics import LABELS, Topics
from app.runtime.writer import OnAck, Out, Receipt
from app.serving.learn import Learn
from app.serving.ledger import Entry
from app.serving.partition import Partition, Shared
from app.serving.score import Score
from app.serving.sensors import Sensors
from app.serving.setup import Setup
from app.settings import read_settings
from app.streams.fraud.messages import Feedback, Transaction
from app.wire import encode
from tests.cards import cards

NOW = 1_700_000_000_000  # epoch ms
MINUTE = 60_000
PARTITION = 0  # the one of two that workers hold
OURS, THEIRS = ("ann", "bob", "cid"), "dan"  # customers by partition


def payment(n: int, customer: str = "ann", **more: Any) -> Transaction:
    """The n-th transaction, in its minute."""
    usual = {"id": f"t{n}", "at": NOW + n * MINUTE, "merchant": f"m{n % 3}", "amount": 20.0 + n % 7}
    return Transaction(**{**usual, **more}, customer=customer)


def said(n: int, label: str, source: str = "analyst", later: int = 0, **more: Any) -> Feedback:
    """A label of the n-th transaction, so many ms after it."""
    usual = {"id": f"t{n}", "key": "ann", "at": NOW + n * MINUTE + later}
    return Feedback(**{**usual, **more}, label=label, source=source)


class Aborted(Exception):
    """The worker has ended in front of this place."""


class Places:
    """The places that a worker has passed; in front of `end`, a number or a name, it ends."""

    def __init__(self, end: int | str | None = None) -> None:
        self.end = end
        self.names: list[str] = []
        self.ended = False

    def reach(self, name: str) -> None:
        """Pass a place, or end there."""
        self.ended = self.ended or self.end in (len(self.names), name)
        if self.ended:
            raise Aborted(name)
        self.names.append(name)


# -- the broker


class Logs:
    """The logs by topic and partition, and all of their records in the order of landing."""

    def __init__(self) -> None:
        self.of: defaultdict[tuple[str, int], list[ConsumerRecord]] = defaultdict(list)
        self.journal: list[ConsumerRecord] = []

    def append(self, topic: str, partition: int, out: Out) -> int:
        """Take in a record; returns its offset."""
        log = self.of[topic, partition]
        at = NOW if out.timestamp is None else out.timestamp
        place = (topic, partition, len(log), at, 0)
        record = ConsumerRecord(*place, out.key, out.value, None, -1, -1, tuple(out.headers))
        log.append(record)
        self.journal.append(record)
        return record.offset


class Consumer:
    """What Weir asks of aiokafka's consumer, of these logs."""

    def __init__(self, logs: Logs, **_: object) -> None:
        self.logs = logs
        self.positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Nothing has to be connected."""

    stop = start

    def assign(self, tps: Iterable[TopicPartition]) -> None:
        self.positions.update(dict.fromkeys(tps, 0))

    async def beginning_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, 0)

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: len(self.logs.of[tp]) for tp in tps}

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.positions[tp] = offset

    async def position(self, tp: TopicPartition) -> int:
        return self.positions[tp]

    async def getmany(
        self, tp: TopicPartition, timeout_ms: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        records = self.logs.of[tp][self.positions[tp] :]
        self.positions[tp] += len(records)
        return {tp: records}


class Batch(NamedTuple):
    """Records that land together."""

    records: list[Out]
    receipt: Receipt
    on_ack: OnAck | None


class Outbox:
    """Writers of so many records a batch: all land at once, those of `late` topics when told to."""

    def __init__(self, logs: Logs, places: Places, size: int) -> None:
        self.logs, self.places, self.size = logs, places, size
        self.late: Collection[str] = ()
        self.queues: dict[tuple[str, int], deque[Batch]] = {}

    def __call__(self, topic: str, partition: int) -> SimpleNamespace:
        return SimpleNamespace(put=partial(self.put, topic, partition))

    def put(
        self, topic: str, partition: int, records: Iterable[Out], on_ack: OnAck | None = None
    ) -> Receipt:
        """Hand records over."""
        records = list(records)
        parts = [records[n : n + self.size] for n in range(0, len(records), self.size)]
        receipt = Receipt(len(parts))
        if parts:
            receipt.handed.set_result(None)
        queue = self.queues.setdefault((topic, partition), deque())
        queue.extend(Batch(part, receipt, on_ack) for part in parts)
        while queue and topic not in self.late:
            self.land(topic, partition)
        return receipt

    def land(self, topic: str, partition: int = PARTITION) -> None:
        """The log takes the first batch that waits, and its acknowledgement is heard."""
        batch = self.queues[topic, partition].popleft()
        self.places.reach(f"land {topic}")
        base, *_ = [self.logs.append(topic, partition, out) for out in batch.records]
        self.places.reach(f"hear {topic}")
        if batch.on_ack is not None:
            batch.on_ack(base, len(batch.records))
        batch.receipt.one_acked()

    @property
    def waiting(self) -> list[tuple[str, int]]:
        """Topics and partitions of which something has yet to land."""
        return [tp for tp, queue in self.queues.items() if queue]

    async def flush(self) -> None:
        """Wait until all that was put before has landed."""
        for receipt in [self.queues[tp][-1].receipt for tp in self.waiting]:
            await receipt.acked


# -- the disk


@dataclass
class Disk:
    """Tables by name, through which offset of its changelog each goes, and what was decided."""

    tables: dict[str, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    through: dict[str, int] = field(default_factory=dict)
    decisions: dict[str, Entry] = field(default_factory=dict)
    mark: tuple[int, int] = (0, -1)


class Store:
    """The keys of a table on a disk, in their order."""

    def __init__(self, entries: dict[bytes, bytes], reach: Callable[[], None]) -> None:
        self.entries, self.reach, self.get = entries, reach, entries.get

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        if not changes:
            return
        self.reach()
        self.entries.update((key, value) for key, value in changes.items() if value is not None)
        for key in (key for key, value in changes.items() if value is None):
            self.entries.pop(key, None)

    def walk(self, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        yield from sorted((key, value) for key, value in self.entries.items() if key >= start)


class Table:
    """A table on a disk, with its changelog."""

    def __init__(self, name: str, changelog: str, disk: Disk, places: Places) -> None:
        self.name, self.changelog = name, changelog
        self.disk, self.places = disk, places

    def store(self, partition: int) -> Store:
        return Store(self.disk.tables[self.name], partial(self.places.reach, f"store {self.name}"))

    def persisted(self, partition: int, offset: int) -> None:
        self.places.reach(f"mark {self.name}")
        self.disk.through[self.name] = offset

    def recover(self, logs: Logs) -> None:
        """Take over what the changelog has got since."""
        log, store = logs.of[self.changelog, PARTITION], self.disk.tables[self.name]
        for record in log[self.disk.through.get(self.name, -1) + 1 :]:
            if record.value is None:
                store.pop(record.key, None)
            else:
                store[record.key] = record.value
        self.disk.through[self.name] = len(log) - 1


class Ledger:
    """The decisions on a disk: see `app.serving.ledger.Ledger`."""

    def __init__(self, disk: Disk, places: Places) -> None:
        self.disk, self.places = disk, places
        self.entry = disk.decisions.get

    def write(self, entries: dict[str, Entry]) -> None:
        if entries:
            self.places.reach("store decisions")
            self.disk.decisions.update(entries)

    def read_mark(self) -> tuple[int, int]:
        return self.disk.mark

    def save_mark(self, reached: int, confirmed: int) -> None:
        self.places.reach("mark decisions")
        self.disk.mark = reached, confirmed

    def start_over(self) -> None:
        self.disk.decisions.clear()
        self.disk.mark = 0, -1

    def close(self) -> None:
        """Nothing has to be released."""


# -- lives


class Learning:
    """The learning state, which takes in the examples log when it is told to."""

    def __init__(
        self, application: Application, log: list[ConsumerRecord], empty: LearningState
    ) -> None:
        self.application, self.log = application, log
        self.state = self.empty = empty
        self.late = False

    def fold(self) -> None:
        """Learn what has come since."""
        if self.state is self.empty:  # others begin with it too
            self.state = self.application.new_state()
        for record in self.log[self.state.version :]:
            self.state.fold(self.application.read_example(record.value), record.offset)

    def degraded(self) -> bool:
        return self.late


class Worker:
    """One life of a worker, which holds a partition until `owns` is taken from it."""

    def __init__(self, world: "World") -> None:
        self.world, self.places, setup = world, world.places, world.setup
        names, records = setup.topics.changelogs, setup.application.records
        self.tables = {
            name: Table(name, names[name], world.disk, self.places) for name in (records, LABELS)
        }
        self.outbox = Outbox(world.logs, self.places, world.batch)
        self.shared = Shared(
            setup=setup,
            records=self.tables[records],
            labels=self.tables[LABELS],
            outbox=self.outbox,
            learning=world.learning,
            sensors=world.sensors,
            aside=lambda step: None,
            leave=world.leave,
        )
        self.held = Held(self.shared.records)
        self.positions = dict(world.committed)
        self.owns = True
        self.partition = Partition(self.shared, PARTITION, self)

    async def start(self) -> None:
        """Take the partition as a fence does, recover the tables, read back what was decided."""
        for last in self.world.log("predictions")[-1:]:
            self.places.reach("repeat the last decision")
            again = Out(last.key, last.value, last.headers)
            self.world.logs.append(self.topics.predictions, PARTITION, again)
        for table in self.tables.values():
            table.recover(self.world.logs)
        await self.partition.open()

    @property
    def topics(self) -> Topics:
        return self.world.setup.topics

    # -- what its partition asks

    def mine(self) -> bool:
        return self.owns

    def committed(self, topic: str) -> int | None:
        return self.world.committed.get(topic)

    def position(self, topic: str) -> int:
        return self.positions.get(topic, 0)

    # -- work

    def unread(self, topic: str) -> list[ConsumerRecord]:
        """What no finished step has covered."""
        return self.world.logs.of[topic, PARTITION][self.position(topic) :]

    async def score(self, most: int | None = None) -> bool:
        """One step over the next events."""
        return await self._step(Score, self.topics.events, most)

    async def learn(self, most: int | None = None) -> bool:
        """One step over the next labels."""
        return await self._step(Learn, self.topics.feedback, most)

    async def _step(self, agent: type[Score] | type[Learn], topic: str, most: int | None) -> bool:
        records = self.unread(topic)[:most]
        held = self.held.of(PARTITION) if self.world.setup.settings.coalesce else None
        done = await agent(self.partition, self.new_step(topic, held)).run(records)
        if done:
            self.positions[topic] = records[-1].offset + 1
        return done

    def new_step(self, topic: str, held: Changes | None = None) -> Step:
        back = {} if held is None else {self.shared.records.name: held}
        return Step(TP(topic, PARTITION), self.outbox, self.mine, back)

    async def commit(self) -> None:
        """Commit the positions, once all that they stand for has landed."""
        positions = dict(self.positions)
        await self.held.write(lambda partition: self.new_step(self.topics.events))
        await self.outbox.flush()
        if positions != self.world.committed:
            self.places.reach("commit")
            self.world.committed = positions


class World:
    """What outlives a worker: the logs, the committed positions, a disk."""

    def __init__(self, batch: int, settings: Mapping[str, Any]) -> None:
        self.batch = batch
        self.setup, empty = set_up(**settings)
        self.logs, self.disk = Logs(), Disk()
        self.committed: dict[str, int] = {}
        self.learning = Learning(self.setup.application, self.log("examples"), empty)
        self.sensors = Sensors(self.setup.application)
        self.places = Places()
        self.left: list[str] = []

    @asynccontextmanager
    async def life(
        self, end: int | str | None = None, late: Collection[str] = ()
    ) -> AsyncIterator[Worker]:
        """A worker from its start on, until it is left or ends in front of a place.

        Once it has started, what it writes to the topics `late` lands when the test says so.
        """
        self.places = Places(end)
        worker = Worker(self)
        try:
            await worker.start()
            worker.outbox.late = late
            yield worker
        finally:
            worker.partition.close()
            assert self.left == [], "it has left by itself"

    def leave(self, code: Exit, why: str) -> NoReturn:
        """What a worker calls in place of going on."""
        if not self.places.ended:
            self.left.append(f"{code.name}: {why}")
        raise Aborted(why)

    def ledger(self, path: object, epoch: int, horizon: float) -> Ledger:
        return Ledger(self.disk, self.places)

    # -- what others write and read

    def send(
        self, topic: str, key: str | None, value: bytes | None, at: int = NOW, **more: Any
    ) -> int:
        """Write a record of somebody else's to a topic, which goes by its field in `Topics`."""
        out = Out(key and key.encode(), value, timestamp=at, **more)
        return self.logs.append(getattr(self.setup.topics, topic), PARTITION, out)

    def pay(self, *transactions: Transaction) -> None:
        for one in transactions:
            self.send("events", one.customer, encode(one), one.at)

    def say(self, *labels: Feedback) -> None:
        for one in labels:
            self.send("feedback", one.key, encode(one), NOW if one.at is None else one.at)

    def log(self, topic: str, partition: int = PARTITION) -> list[ConsumerRecord]:
        """A topic by its field in `Topics`."""
        return self.logs.of[getattr(self.setup.topics, topic), partition]

    def values(self, topic: str, partition: int = PARTITION) -> list[bytes]:
        return [record.value for record in self.log(topic, partition)]

    def changes(self, table: str) -> dict[bytes, bytes]:
        """What the changelog of a table holds."""
        kept = Disk()
        Table(table, self.setup.topics.changelogs[table], kept, Places()).recover(self.logs)
        return kept.tables[table]


@contextmanager
def world(batch: int = 1000, **settings: Any) -> Iterator[World]:
    """A world in which readers read its logs, and decisions are kept on its disk."""
    made = World(batch, settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.runtime.reading.AIOKafkaConsumer", partial(Consumer, made.logs))
        patch.setattr("app.serving.decisions.Ledger", made.ledger)
        yield made


@cache
def set_up(**settings: Any) -> tuple[Setup, LearningState]:
    """Cards on two partitions, and a state that has learned nothing, for all that only read it."""
    both = {"partitions": 2, **settings}
    setup = Setup(read_settings(**both), cards(**both))
    return setup, setup.application.new_state()


async def turns() -> None:
    """Let everything run on until it waits for somebody."""
    for _ in range(50):
        await asyncio.sleep(0)
