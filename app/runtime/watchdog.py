"""Ends a worker that is alive but makes no progress, so that a new one can try."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

import faust
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types.tuples import TP

from app.runtime.clock import now
from app.runtime.flow import Flow
from app.runtime.guard import Exit, Guard
from app.runtime.tasks import standing
from app.runtime.writer import Writers

log = logging.getLogger(__name__)

PATIENCE = 12  # session timeouts without any progress
REBALANCE = 60.0  # seconds that the slowest member may keep a rebalance waiting (Faust's default)


class Watched(Protocol):
    """What a watchdog looks at: see `app.runtime.worker.Worker`."""

    app: faust.App
    guard: Guard
    flow: Flow
    writers: Writers

    def assigned(self) -> Sequence[int]:
        """The partitions of this worker, none during a rebalance."""

    def progress(self) -> object:
        """Whatever moves, besides positions and recovery, in a worker that makes progress."""

    def unfinished(self) -> str:
        """What has to be done before steps can run, in words; empty when nothing has."""


class Stillness:
    """For how long something has been the same."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seen: object = None
        self.since = clock()

    def of(self, seen: object) -> float:
        """Seconds since this was seen for the first time in a row; 0 for None."""
        if seen is None or seen != self.seen:
            self.seen, self.since = seen, self.clock()
        return self.clock() - self.since


class Watchdog:
    """Looks at one worker's progress. A broker that does not answer stops its clocks.

    A worker without partitions is healthy: the group may have more workers than partitions, and
    it has been told so. A long recovery is healthy too, as long as anything moves.
    """

    def __init__(self, worker: Watched, clock: Callable[[], float] = now) -> None:
        self.worker, self.flow, self.leave = worker, worker.flow, worker.guard.leave
        session = worker.guard.session_timeout
        self.every = session / 2
        self.patience = PATIENCE * session
        self.rebalance = REBALANCE + 3 * session
        self.clock = clock
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was seen."""
        self.closed, self.idle, self.uncommitted = (Stillness(self.clock) for _ in range(3))

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(self.every)
            if await self.broker_answers():
                self.look()
            else:
                self.begin_anew()

    async def broker_answers(self) -> bool:
        """Whether any broker tells the cluster's metadata."""
        producer = self.worker.writers.producer
        assert producer is not None, "the worker has started"
        try:
            async with asyncio.timeout(self.every):
                await producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError):
            return False
        return True

    def look(self) -> None:
        """End the process when it has stood still for too long."""
        if self.closed.of(None if self.flow.open else self.flow.assignment) > self.rebalance:
            why = f"the group has not said for {self.rebalance:.0f} s which partitions to take"
            self.leave(Exit.UNASSIGNED, why)
        work = self.work()
        if self.idle.of(self.progress() if work else None) > self.patience:
            lease = "" if self.worker.guard.lease.valid else "; no heartbeat is acknowledged"
            self.stuck(f"nothing has moved for {self.patience:.0f} s, and {work}{lease}")
        if self.uncommitted.of(self.behind()) > self.patience:
            self.stuck(f"nothing could be committed for {self.patience:.0f} s")

    def stuck(self, why: str) -> NoReturn:
        """End the process; the log gets to know where its tasks stand."""
        loops = {
            "consumer": self.worker.app.consumer._thread.thread_loop,
            "worker": self.worker.app.loop,
        }
        for name, loop in loops.items():
            for line in standing(loop):
                log.error("A task of the %s stands at %s", name, line)
        self.leave(Exit.STUCK, why)

    def progress(self) -> object:
        """Whatever moves in a worker that makes progress."""
        recovery = self.worker.app.tables.recovery
        return (
            self.flow.assignment,
            dict(self.flow.positions),
            sum(offset or 0 for offset in recovery.active_offsets.values()),
            self.worker.progress(),
        )

    def work(self) -> str:
        """What there is to do, in words; empty when there is nothing."""
        worker, partitions = self.worker, self.worker.assigned()
        if not self.flow.open:
            return ""
        if not worker.app.tables.recovery.completed.is_set():
            return "the tables are not recovered"
        if unfinished := worker.unfinished():
            return unfinished
        sources = [TP(topic, p) for topic in self.flow.sources for p in partitions]
        waiting = [tp for tp in sources if self._waits(tp)]
        names = ", ".join(f"{tp.topic}[{tp.partition}]" for tp in waiting)
        return names and f"{names} wait"

    def _waits(self, tp: TP) -> bool:
        if (lane := self.flow.lanes.get(tp)) is not None and lane.pending:
            return True
        # Not our own position: the log may end with markers of transactions, which are no records.
        consumer = self.worker.app.consumer._thread._consumer
        assignment = consumer._subscription.subscription.assignment
        if assignment is None or tp not in assignment.tps:
            return False
        state = assignment.state_value(TopicPartition(*tp))
        # What lies behind an open transaction may not be read yet: it is not work.
        end = state.highwater or 0 if state.lso is None else state.lso
        return state.has_valid_position and end > state.position

    def behind(self) -> object:
        """What is committed, when steps have done more than that; None when they have not."""
        committed = self.worker.app.consumer._committed_offset
        late = {
            tp: committed[tp]
            for tp, position in self.flow.positions.items()
            if (committed[tp] or 0) < position
        }
        return tuple(sorted(late.items())) or None
