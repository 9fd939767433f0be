"""What every worker has, whatever its steps do: connections, tables, lanes, the fence."""

import asyncio
import gc
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial

import faust
from aiokafka import ConsumerRecord
from faust.transport.consumer import Consumer
from faust.types.tuples import TP, ConsumerMessage

from app.runtime.delays import Delays
from app.runtime.disk import DiskPulse
from app.runtime.fence import Fence
from app.runtime.flow import Flow
from app.runtime.guard import Exit, Guard
from app.runtime.lanes import Source
from app.runtime.rocks import cause
from app.runtime.step import Step
from app.runtime.tables import FaustTable
from app.runtime.watchdog import Watchdog
from app.runtime.writer import Writers
from app.settings import Settings

log = logging.getLogger(__name__)

CLOSE_SHARE = 0.5  # of the session timeout: the longest that a revoke may take
YOUNG = 10_000  # new objects that start a collection of the youngest generation; Python's is 700


class Worker:
    """The runtime of one process, for subclasses that add sources and what their steps need.

    Parameters
    ----------
    changelogs
        The topic of each table, by name.
    fenced
        Tables that only the owner of a partition may write.
    repeated
        A topic in which every record counts: see `Fence`.
    counts
        Whether a record of that topic is one of the application's own.
    """

    def __init__(
        self,
        settings: Settings,
        app: faust.App,
        changelogs: Mapping[str, str],
        fenced: Collection[str],
        repeated: str,
        counts: Callable[[ConsumerRecord], bool] = lambda record: True,
    ) -> None:
        self.settings, self.app = settings, app
        self.guard = Guard(settings.session_timeout, settings.data_dir)
        self.writers = Writers(settings.brokers, self.guard.lease, self.guard.leave)
        self.fence = Fence(
            settings,
            self.writers,
            [changelogs[name] for name in fenced],
            repeated,
            counts,
            self.guard.leave,
        )
        self.tables = {
            name: FaustTable(app, name, changelog, settings.partitions)
            for name, changelog in changelogs.items()
        }
        limit = CLOSE_SHARE * settings.session_timeout
        self.flow = Flow(app, self.guard, settings.chunk, limit, self)
        self.delays = Delays(
            self.guard.lease,
            self.writers,
            DiskPulse(settings.data_dir),
            settings.session_timeout,
            self.delayed,
        )
        self._taking: asyncio.Task[None] | None = None
        self._background: list[asyncio.Task[None]] = []

    @property
    def sources(self) -> Sequence[Source]:
        """The topics that steps read; the first one determines which partitions are assigned."""
        return list(self.flow.sources.values())

    def assigned(self) -> list[int]:
        """The partitions of this worker, ascending; none during a rebalance."""
        if not self.flow.open:
            return []
        topic = self.sources[0].topic
        return sorted(tp.partition for tp in self.app.consumer.assignment() if tp.topic == topic)

    # -- what the flow asks of its worker

    def new_step(self, tp: TP, assignment: int) -> Step:
        """The step of a chunk."""
        return Step(tp, self.writers, partial(self.flow.mine, tp, assignment))

    async def take(self, tps: Collection[TP]) -> bool:
        """Shut out the former owners of partitions; False when a stop has begun by then."""
        if self.guard.end_by is not None:  # a rebalance that comes so late finds no producer
            return False
        topic = self.sources[0].topic
        partitions = {tp.partition for tp in tps if tp.topic == topic}
        self._taking = asyncio.ensure_future(self.fence.take(partitions))
        await asyncio.wait([self._taking])
        if self._taking.cancelled():
            return False
        self._taking.result()
        return True

    async def ready(self, partition: int, assignment: int) -> None:
        """Wait until steps of a partition may run, or until it is revoked."""

    def wrote(self, table: str, change: ConsumerMessage) -> bool:
        """Whether a record of a table's changelog is Weir's; others are passed over."""
        return True

    async def flush(self) -> None:
        """Wait until everything written so far is acknowledged."""
        await self.writers.flush()

    async def rewind(self, consumer: Consumer) -> None:
        """Set committed positions back that mean nothing any more; the tables are recovered."""

    def recovered(self) -> None:
        """The tables have been recovered from the changelogs of the partitions."""

    def expired(self, tp: TP, count: int) -> None:
        """So many offsets were deleted before they were read."""

    def closed(self) -> None:
        """Release what belongs to the revoked partitions."""

    def delayed(self, what: str) -> None:
        """Something begins to take too long: see `Delays`. Called from a thread of its own."""

    # -- what the watchdog asks

    def progress(self) -> object:
        """What changes, besides positions and recovery, while a worker makes progress."""
        return None

    def unfinished(self) -> str:
        """What remains to be done before steps can run, in words; empty when nothing does."""
        return ""

    # -- start and stop

    async def connect(self) -> None:
        """Connect to the brokers, and read what steps start from."""
        await self.writers.start()

    async def start(self) -> None:
        """Connect, and start to watch; ends the process when that fails."""
        await self.connect()
        relieve_collector()
        self.guard.start(asyncio.get_running_loop())
        self.delays.start()
        self.keep_up("the watchdog", Watchdog(self).run())
        self.keep_up("the fence", self.fence.keep(self.assigned))

    def keep_up(self, what: str, work: Coroutine[None, None, None]) -> None:
        """Run work in the background until the worker stops; its failure ends the process."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(partial(self._leave_if_failed, what))
        self._background.append(task)

    def _leave_if_failed(self, what: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.guard.leave(cause(error, Exit.STEP), f"{what} failed: {error!r}")

    def stop_opening(self) -> None:
        """The tables are about to be closed: stop reading for partitions that are being opened."""
        if self._taking is not None:
            self._taking.cancel()

    async def stop(self) -> None:
        """Write out what is queued and disconnect."""
        for task in self._background:
            task.cancel()
        self.delays.stop()
        await self.writers.stop()
        self.closed()
        self.guard.disarm()


def relieve_collector() -> None:
    """Hide the objects that live as long as the process from the garbage collector.

    A full collection would otherwise visit every module and function: some 80 ms in which nothing
    is decided, and a tenth of a worker's CPU while it catches up. A step creates and drops
    thousands of objects, so the young ones are collected less often as well.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
