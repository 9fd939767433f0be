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
        """What changes, besides positions and recovery, while a worker makes progress."""

    def unfinished(self) -> str:
        """What remains to be done before steps can run, in words; empty when nothing does."""


class Stillness:
    """How long a value has been the same."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seen: object = None
        self.since = clock()

    def of(self, seen: object) -> float:
        """Seconds for which this value has been seen without a change; 0 for None."""
        if seen is None or seen != self.seen:
            self.seen, self.since = seen, self.clock()
        return self.clock() - self.since


class Watchdog:
    """Checks one worker's progress. While no broker answers, its clocks are reset.

    A worker without partitions is healthy: the group may have more workers than partitions, and
    its assignment is then empty. A long recovery is healthy too, as long as it makes progress.
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
        """Look at regular intervals."""
        while True:
            await asyncio.sleep(self.every)
            if await self.broker_answers():
                self.look()
            else:
                self.begin_anew()

    async def broker_answers(self) -> bool:
        """Whether any broker returns the cluster's metadata."""
        producer = self.worker.writers.producer
        assert producer is not None, "the worker has started"
        try:
            async with asyncio.timeout(self.every):
                await producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError):
            return False
        return True

    def look(self) -> None:
        """End the process when it has made no progress for too long."""
        if self.closed.of(None if self.flow.open else self.flow.assignment) > self.rebalance:
            why = f"the group has sent no assignment for {self.rebalance:.0f} s"
            self.leave(Exit.UNASSIGNED, why)
        work = self.work()
        if self.idle.of(self.progress() if work else None) > self.patience:
            lease = "" if self.worker.guard.lease.valid else "; heartbeats are not acknowledged"
            self.stuck(f"no progress for {self.patience:.0f} s, and {work}{lease}")
        if self.uncommitted.of(self.behind()) > self.patience:
            self.stuck(f"nothing could be committed for {self.patience:.0f} s")

    def stuck(self, why: str) -> NoReturn:
        """Log where the tasks are suspended, then end the process."""
        loops = {
            "consumer": self.worker.app.consumer._thread.thread_loop,
            "worker": self.worker.app.loop,
        }
        for name, loop in loops.items():
            for line in standing(loop):
                log.error("A task of the %s is suspended at %s", name, line)
        self.leave(Exit.STUCK, why)

    def progress(self) -> object:
        """What changes while the worker makes progress."""
        recovery = self.worker.app.tables.recovery
        return (
            self.flow.assignment,
            dict(self.flow.positions),
            sum(offset or 0 for offset in recovery.active_offsets.values()),
            self.worker.progress(),
        )

    def work(self) -> str:
        """The work that is waiting, in words; empty when there is none."""
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
        return names and f"records wait in {names}"

    def _waits(self, tp: TP) -> bool:
        if (lane := self.flow.lanes.get(tp)) is not None and lane.pending:
            return True
        # Not our own position: the log may end with transaction markers, which are not records.
        consumer = self.worker.app.consumer._thread._consumer
        assignment = consumer._subscription.subscription.assignment
        if assignment is None or tp not in assignment.tps:
            return False
        state = assignment.state_value(TopicPartition(*tp))
        # Records after an open transaction may not be read yet, so they are not work.
        end = state.highwater or 0 if state.lso is None else state.lso
        return state.has_valid_position and end > state.position

    def behind(self) -> object:
        """Committed offsets that finished steps are ahead of; None when there are none."""
        committed = self.worker.app.consumer._committed_offset
        late = {
            tp: committed[tp]
            for tp, position in self.flow.positions.items()
            if (committed[tp] or 0) < position
        }
        return tuple(sorted(late.items())) or None
