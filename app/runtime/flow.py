"""How records reach the agents: in chunks, lane by lane, with Weir's own commit positions.

Faust hands an agent one message at a time and commits what its streams acknowledge. That
costs eight times the work itself and loses events in some rebalances (docs/architecture.md).
Here the records that one fetch brought for a partition travel as one event. Every source
partition has a lane that runs one step at a time, and the commit position is a watermark
that each finished step moves.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, NoReturn, Protocol

from faust import Event
from faust.transport.consumer import Consumer
from faust.types.tuples import TP, ConsumerMessage

from app.errors import StateError
from app.runtime.delivery import Delivery
from app.runtime.guard import Exit, Guard
from app.runtime.lanes import Lane, Source
from app.runtime.rejoins import Rejoins
from app.runtime.rocks import cause
from app.runtime.step import Step
from app.runtime.topics.expiry import Expiry

log = logging.getLogger(__name__)

POLL = 0.005  # seconds between looks at the outstanding steps while partitions are revoked


class Owner(Protocol):
    """What a flow asks of the worker that it serves."""

    def new_step(self, tp: TP, assignment: int) -> Step:
        """The step of a chunk."""

    async def ready(self, partition: int, assignment: int) -> None:
        """Wait until steps of a partition may run, or until it is revoked."""

    async def take(self, tps: Collection[TP]) -> bool:
        """Shut out the former owners of these partitions; False when a stop has begun."""

    async def flush(self) -> None:
        """Wait until everything written so far is acknowledged."""

    async def rewind(self, consumer: Consumer) -> None:
        """Set committed positions back that mean nothing any more; the tables are recovered."""

    def wrote(self, table: str, change: ConsumerMessage) -> bool:
        """Whether a record of a table's changelog is Weir's; others are passed over."""

    def recovered(self) -> None:
        """The tables have been recovered from the changelogs of the partitions."""

    def expired(self, tp: TP, count: int) -> None:
        """So many offsets were deleted before they were read."""

    def closed(self) -> None:
        """Release what belongs to the revoked partitions."""


class Flow:
    """The lanes, positions and the gate of one worker.

    `assignment` counts assignments: what was read under an older one is dropped. The group's
    generation cannot serve for that, because a static member rejoins under the same one.
    """

    def __init__(self, app: Any, guard: Guard, chunk: int, limit: float, owner: "Owner") -> None:
        self.app, self.guard, self.owner = app, guard, owner
        self.chunk, self.limit = chunk, limit
        self.expiry = Expiry(self)
        self.rejoins = Rejoins(guard.session_timeout, guard.leave)
        self.sources: dict[str, Source] = {}
        self.lanes: dict[TP, Lane] = {}
        self.positions: dict[TP, int] = {}
        self.delivery = Delivery(self)
        self.assignment = 0
        self.open = False

    def add(self, source: Source) -> None:
        """Feed the chunks of a topic to its step function."""
        self.sources[source.topic] = source

    # -- steps

    def take(self, event: Event) -> None:
        """Move a chunk from its agent into its lane, and start the lane if it is idle."""
        lane: Lane = event.message.lane
        lane.chunks.append(event)
        if lane.task is None:
            lane.task = asyncio.ensure_future(self._run_lane(lane, event.message.tp))

    async def _run_lane(self, lane: Lane, tp: TP) -> None:
        while lane.chunks:
            try:
                await self.owner.ready(tp.partition, lane.chunks[0].message.assignment)
                await self._rest(lane)
                await self.guard.lease.wait()
                # What arrived in the meantime goes into one step: steps grow with the load.
                await self._run_step(lane, tp, lane.next(self.chunk))
            except StateError as error:
                self.guard.leave(Exit.STATE, str(error))
            except Exception as error:
                code = cause(error, Exit.STEP)
                if code == Exit.STEP:
                    log.exception("A step over %s failed", tp)
                self.guard.leave(code, f"a step over {tp.topic}[{tp.partition}] failed: {error!r}")
        lane.task = None

    async def _rest(self, lane: Lane) -> None:
        loop = asyncio.get_running_loop()
        if lane.pending < self.chunk and (ahead := lane.begun + lane.source.gap - loop.time()) > 0:
            await asyncio.sleep(ahead)
        lane.begun = loop.time()

    async def _run_step(self, lane: Lane, tp: TP, messages: list[Any]) -> None:
        source, base, assignment = lane.source, messages[0].base, messages[0].assignment
        done = False
        try:
            if self.mine(tp, assignment):
                position = self.position(tp)
                if base > position > 0:
                    where = f"{tp.topic}[{tp.partition}]"
                    self.guard.leave(
                        Exit.ORDER,
                        f"a bug: a step over {where} was to begin at offset {base}, but only "
                        f"those below {position} are done",
                    )
                records = [r for one in messages for r in one.records if r.offset >= position]
                source.outstanding += 1
                try:
                    step = self.owner.new_step(tp, assignment)
                    done = not records or await source.step(step, records)
                finally:
                    source.outstanding -= 1
            self._finish(messages, done and assignment == self.assignment)
        finally:
            lane.pending -= sum(len(message.records) for message in messages)
            lane.size -= sum(message.size for message in messages)

    def mine(self, tp: TP, assignment: int) -> bool:
        """Whether what was read from a partition under this assignment may still be processed."""
        self.guard.check()
        return self.open and assignment == self.assignment and tp in self.app.consumer.assignment()

    def position(self, tp: TP) -> int:
        """The next offset of a source partition that no finished step has covered."""
        position = self.positions.get(tp)
        return position if position is not None else self.app.consumer._committed_offset[tp] or 0

    def committed(self, tp: TP) -> int | None:
        """The committed position of a source partition."""
        offset: int | None = self.app.consumer._committed_offset[tp]
        return offset

    def holding(self, partition: int) -> "Holding":
        """A partition under the current assignment."""
        return Holding(self, partition, self.assignment)

    def _finish(self, messages: list[Any], done: bool) -> None:
        consumer, last = self.app.consumer, messages[-1]
        if done:
            self.positions[last.tp] = max(last.offset + 1, self.position(last.tp))
            consumer._acked[last.tp]  # the key alone makes Faust's commit look at it
        for message in messages:
            message.acked = True
            consumer._unacked_messages.discard(message)

    # -- rebalances and stops

    async def close(self, consumer: Consumer, commit: bool) -> None:
        """Close the gate, let running steps finish, commit their positions, and drop the lanes.

        Runs before Faust's own handler, which would drop the positions. If this does not finish
        in time, the process ends: going on would write to partitions of another worker.
        """
        self.open = False
        try:
            async with asyncio.timeout(self.limit):
                while any(source.outstanding for source in self.sources.values()):
                    await asyncio.sleep(POLL)
                if commit:
                    await self._commit(consumer)
                await self.owner.flush()
        except TimeoutError:
            self._give_up()
        self.assignment += 1
        self.positions.clear()
        self.lanes.clear()
        self.delivery.clear()
        self.owner.closed()

    def _give_up(self) -> NoReturn:
        late = f"steps and commit did not finish within {self.limit:.1f} s"
        if self.guard.end_by is not None:
            why = f"{late} of a stop; what was not committed is processed again"
            self.guard.leave(Exit.STOP, why)
        self.guard.leave(Exit.FENCE, f"{late} of a revoke")

    async def _commit(self, consumer: Consumer) -> None:
        """Commit the steps' positions. The group refuses once it has reassigned the partitions."""
        await consumer.force_commit()
        for tp, position in self.positions.items():
            if (consumer._committed_offset[tp] or 0) < position:
                where = f"{tp.topic}[{tp.partition}]"
                self.guard.leave(
                    Exit.COMMIT, f"the group did not accept the position {position} of {where}"
                )

    # -- what is in the lanes

    def idle(self, tp: TP) -> bool:
        """Whether nothing waits in the lane of a source partition."""
        lane = self.lanes.get(tp)
        return lane is None or not lane.pending

    def full(self, tp: TP) -> bool:
        """Whether a partition's lane is full, so that the next fetch leaves it out."""
        lane = self.lanes.get(tp)
        return lane is not None and lane.full(self.chunk)


class Holding:
    """A partition of a flow under one assignment."""

    def __init__(self, flow: Flow, partition: int, assignment: int) -> None:
        self.flow, self.partition, self.assignment = flow, partition, assignment
        self.topic = next(iter(flow.sources))

    def mine(self) -> bool:
        """Whether this worker may still process it."""
        return self.flow.mine(TP(self.topic, self.partition), self.assignment)

    def committed(self, topic: str) -> int | None:
        """The committed position in one of its topics."""
        return self.flow.committed(TP(topic, self.partition))

    def position(self, topic: str) -> int:
        """The next offset in one of its topics that no finished step has covered."""
        return self.flow.position(TP(topic, self.partition))


class WithRoom:
    """The active partitions whose lanes have room at the moment."""

    def __init__(self, flow: Flow, active: set[TP]) -> None:
        self.flow, self.active = flow, active

    def __contains__(self, tp: TP) -> bool:
        return tp in self.active and not self.flow.full(tp)

    def __iter__(self):
        return iter([tp for tp in tuple(self.active) if not self.flow.full(tp)])

    def __len__(self) -> int:
        return sum(1 for _ in self)
