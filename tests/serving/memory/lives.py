"""Workers that live and end on one broker and a disk, all in memory."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache, partial
from typing import Any, NoReturn

import pytest
from aiokafka import ConsumerRecord
from faust.types.tuples import TP

from app.core.domain import Application
from app.core.entries import Unknown
from app.core.fold import LearningState
from app.core.folding import fold_entry
from app.runtime.guard import Exit
from app.runtime.held import Held
from app.runtime.step import Changes, Step
from app.runtime.topics.shapes import LABELS, Topics
from app.runtime.writer import Out
from app.serving.elsewhere import Origins, entered_again
from app.serving.learn import Learn
from app.serving.partition import Partition
from app.serving.score import Score
from app.serving.sensors import Sensors
from app.serving.setup import Setup
from app.serving.shared import Shared
from app.settings import read_settings
from app.streams.fraud.messages import Example, Feedback, Transaction, read_example
from app.wire import encode
from tests.cards import cards
from tests.serving.memory.broker import Aborted, Consumer, Logs, Outbox, Places
from tests.serving.memory.disk import Disk, Ledger, Table
from tests.serving.memory.inputs import NOW, PARTITION


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
            found = self.application.sift(record.value, record.offset, record.timestamp)
            assert not isinstance(found, Unknown), "it stops a worker"
            fold_entry(self.state, found, record.offset)

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
            origins=Origins(world.setup),
            aside=lambda step: None,
            leave=world.leave,
            topic_ids=world.ids,
        )
        self.held = Held(self.shared.records)
        self.positions = dict(world.committed)
        self.owns = True
        self.partition = Partition(self.shared, PARTITION, self)

    async def start(self) -> None:
        """Take the partition as a fence does, recover the tables, read back what was decided."""
        for last in self.world.log("predictions")[-1:]:
            self.places.reach("repeat the last decision")
            again = Out(last.key, last.value, last.headers, last.timestamp)
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
        """What no finished step has covered; a batch is where its last record would be."""
        log, position = self.world.logs.of[topic, PARTITION], self.position(topic)
        return [one for n, one in enumerate(log[position:], position) if one.offset == n]

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
        self.ids: dict[str, str] = {}  # of topics, where a test is about them

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
        return Ledger(self.disk, self.places, epoch)

    def begin_epoch(self, epoch: int, *recreated: str) -> None:
        """Raise WEIR_EPOCH; topics, by their field in `Topics`, were deleted and made again."""
        settings = self.setup.settings.model_dump(exclude_unset=True)
        self.setup, self.learning.empty = set_up(**{**settings, "epoch": epoch})
        for topic in recreated:
            name = getattr(self.setup.topics, topic)
            self.log(topic).clear()
            self.committed.pop(name, None)
            self.ids[name] = f"made for epoch {epoch}"

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

    def pay_elsewhere(self, one: Transaction) -> ConsumerRecord:
        """A transaction on the other partition, which is the wrong one."""
        out = Out(one.customer.encode(), encode(one), (("trace", b"1"),), one.at)
        self.logs.append(self.setup.topics.events, 1, out)
        return self.log("events", partition=1)[-1]

    def enter_again(self, record: ConsumerRecord) -> None:
        """What the worker of the other partition makes of it."""
        self.logs.append(self.setup.topics.events, PARTITION, entered_again(record, epoch=1))

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
    """Cards on two partitions, and a state that has learned nothing, for all that only read it.

    Maturity reads beside the steps, whenever it comes to it: tests that are about it turn it on.
    """
    both = {"partitions": 2, "maturity": 0.0, **settings}
    setup = Setup(read_settings(**both), cards(**both))
    return setup, setup.application.new_state()


async def turns() -> None:
    """Let everything run on until it waits for somebody."""
    for _ in range(50):
        await asyncio.sleep(0)


def examples(world: World) -> list[Example]:
    """What its log of examples holds."""
    return [read_example(raw) for raw in world.values("examples")]
