"""A worker that predicts, then learns: the two agents of an application on the runtime."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

import faust
from aiokafka import ConsumerRecord
from faust.transport.consumer import Consumer
from faust.types.tuples import TP, ConsumerMessage

from app.core import foreign
from app.errors import StateError, WeirError
from app.runtime.foreign import PassedOver
from app.runtime.guard import Exit
from app.runtime.held import Held
from app.runtime.lanes import Source
from app.runtime.rocks import cause
from app.runtime.step import Changes, Step
from app.runtime.topics import group
from app.runtime.topics.shapes import LABELS, MODELS
from app.runtime.topics.watch import TopicWatch
from app.runtime.worker import Worker as Runtime
from app.serving.answers import decides
from app.serving.elsewhere import Origins
from app.serving.learn import Learn
from app.serving.learning.follow import Follower
from app.serving.learning.snapshots import Snapshots
from app.serving.partition import Partition
from app.serving.rewind import rewind
from app.serving.score import Score
from app.serving.sensors import Sensors
from app.serving.setup import Setup
from app.serving.shared import Shared

log = logging.getLogger(__name__)

LEARN_GAP = 0.05  # seconds between steps: labels are then cheaper and delay decisions less


class Worker(Runtime):
    """One worker of an application: its learning state and its assigned partitions."""

    def __init__(self, setup: Setup, app: faust.App) -> None:
        names, records = setup.topics, setup.application.records
        # A late example, label, review item, letter or snapshot can be recognized as late.
        fenced = records, LABELS
        super().__init__(setup.settings, app, names.changelogs, fenced, names.predictions, decides)
        self.setup, self.topics = setup, names
        self.records, self.labels = self.tables[records], self.tables[LABELS]
        self.sensors = Sensors(setup.application)
        self.origins = Origins(setup)
        self.held = Held(self.records)
        client, pass_expired = (lambda: self.writers.client), self.flow.expiry.pass_over
        self.watch = TopicWatch(setup.settings, names, client, pass_expired, self.guard.leave)
        self.foreign = PassedOver(self.sensors.passed_over)
        self.rules = foreign.rules(records, LABELS, MODELS)
        self.follower = Follower(setup, self.sensors.folded, self.guard.leave, self.foreign)
        self.snapshots = Snapshots(setup, self.follower, self.tables[MODELS], self.guard.leave)
        self.shared = Shared(
            setup=setup,
            records=self.records,
            labels=self.labels,
            outbox=self.writers,
            learning=self.follower,
            sensors=self.sensors,
            origins=self.origins,
            aside=self.snapshots.write_into,
            leave=self.guard.leave,
            topic_ids=self.watch.ids,
            foreign=self.foreign,
        )
        self.partitions: dict[int, Partition] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._early: list[asyncio.Task[None]] = []
        for warning in setup.application.warnings:
            log.warning("%s", warning)
        self.flow.add(Source(names.events, self.score))
        self.flow.add(Source(names.feedback, self.learn, LEARN_GAP))

    # -- the two agents' steps

    async def score(self, step: Step, records: Sequence[ConsumerRecord]) -> bool:
        """Judge a chunk of events."""
        return await Score(self.partitions[step.partition], step).run(records)

    async def learn(self, step: Step, records: Sequence[ConsumerRecord]) -> bool:
        """Settle a chunk of labels."""
        return await Learn(self.partitions[step.partition], step).run(records)

    # -- what the flow asks of its worker

    def new_step(self, tp: TP, assignment: int) -> Step:
        """The step of a chunk."""
        held = self.held.of(tp.partition) if self.settings.coalesce else None
        return self._step(tp, assignment, held)

    def _step(self, tp: TP, assignment: int, held: Changes | None = None) -> Step:
        mine = partial(self.flow.mine, tp, assignment)
        return Step(tp, self.writers, mine, {} if held is None else {self.records.name: held})

    async def ready(self, partition: int, assignment: int) -> None:
        """Wait until steps of a partition may run: learning state level, decisions read back."""
        await self.follower.caught_up.wait()
        if assignment != self.flow.assignment or partition not in self.assigned():
            return  # revoked in the meantime; once reassigned, its tables are recovered first
        if partition not in self._opening:
            self._open(partition)
        # Not its outcome: `_leave_if_not_opened` handles that, and a revoked one does not matter.
        await asyncio.wait([self._opening[partition]])

    def _open(self, number: int) -> None:
        partition = Partition(self.shared, number, self.flow.holding(number))
        self.partitions[number] = partition
        opening = asyncio.ensure_future(partition.open())
        opening.add_done_callback(partial(self._leave_if_not_opened, number))
        self._opening[number] = opening

    def _leave_if_not_opened(self, number: int, opening: asyncio.Task[None]) -> None:
        if opening.cancelled() or self._opening.get(number) is not opening:
            return  # revoked in the meantime: its files were closed
        if (error := opening.exception()) is not None:
            code = cause(error, Exit.STATE)
            self.guard.leave(code, f"a partition's decisions could not be read back: {error}")

    def wrote(self, table: str, change: ConsumerMessage) -> bool:
        """Whether a record of a table's changelog is Weir's; others are counted and passed over."""
        why = self.rules[table](change.key, change.value)
        if why:
            self.foreign(change.topic, change.partition, change.offset, why)
        return not why

    async def flush(self) -> None:
        """Write what is held back; wait until everything is acknowledged."""
        await self._write_held()
        await super().flush()

    async def _write_held(self) -> None:
        assignment, topic = self.flow.assignment, self.topics.events
        await self.held.write(lambda partition: self._step(TP(topic, partition), assignment))

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(self.settings.coalesce)
            await self._write_held()

    async def rewind(self, consumer: Consumer) -> None:
        """Read a log from its start whose committed position is of an earlier epoch."""
        try:
            refused = await rewind(self.setup, self.labels, self.watch.ids, consumer)
        except StateError as error:
            self.guard.leave(Exit.STATE, str(error))
        if refused:
            self.guard.leave(Exit.COMMIT, f"the group did not accept the positions {refused}")

    def recovered(self) -> None:
        """Open the partitions before their first record arrives: a worker is ready without one."""
        assignment = self.flow.assignment
        self._early = [asyncio.ensure_future(self.ready(p, assignment)) for p in self.assigned()]

    def opened(self, partition: int) -> bool:
        """Whether a partition's decisions have been read back, so that its steps may run."""
        task = self._opening.get(partition)
        return task is not None and task.done() and not task.cancelled() and not task.exception()

    def expired(self, tp: TP, count: int) -> None:
        """Count what was deleted before it was read."""
        self.sensors.expired.labels(*tp).inc(count)

    def closed(self) -> None:
        """Release what belongs to the revoked partitions."""
        self.snapshots.clear()
        self.held.clear()
        self.sensors.closed()
        for task in self._opening.values():
            task.cancel()
        self._opening.clear()
        for partition in self.partitions.values():
            partition.close()
        self.partitions.clear()

    def delayed(self, what: str) -> None:
        """Something begins to take too long: count it, for whoever scrapes later."""
        self.sensors.delays.labels(what).inc()

    # -- what the watchdog asks

    def progress(self) -> object:
        """The version of the learning state, and what was decided."""
        decided = {number: one.decisions.highest for number, one in self.partitions.items()}
        return self.follower.state.version, decided

    def unfinished(self) -> str:
        """Examples to learn, or partitions to open."""
        if self.follower.lag:
            return f"{self.follower.lag} examples have yet to be learned"
        if closed := [number for number in self.assigned() if not self.opened(number)]:
            return f"the partitions {closed} have yet to be opened"
        return ""

    # -- start and stop

    async def connect(self) -> None:
        """Connect and load the learning state; ends the process when that fails."""
        try:
            self.watch.ids.update(await self.setup.check_topics())
            await group.check(self.settings, self.topics)
            await super().connect()
            await self.follower.start()
        except WeirError as error:
            self.guard.leave(Exit.STATE, str(error))

    async def start(self) -> None:
        """Connect, and start to work."""
        await super().start()
        self.keep_up("the watch of topics", self.watch.run())
        if self.settings.coalesce:
            self.keep_up("writing what is held back", self._keep_writing())

    def stop_opening(self) -> None:
        """The tables are about to be closed: stop reading for partitions that are being opened."""
        super().stop_opening()
        for task in (*self._early, *self._opening.values()):
            task.cancel()

    async def stop(self) -> None:
        """Write out what is queued and disconnect."""
        await self.follower.stop()
        await self.origins.stop()
        await super().stop()
