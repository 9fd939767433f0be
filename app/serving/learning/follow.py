"""The follower: folds the examples log into the learning state, on every worker.

It reads without a consumer group, in log order, starting at the newest usable snapshot. So
every worker holds the whole learning state, and a rebalance loads nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from aiokafka import ConsumerRecord, TopicPartition

from app.core.bundle import Bundle
from app.core.entries import Entry, Skipped
from app.core.folding import fold_entry, fold_example
from app.core.foreign import snapshot as snapshot_stranger
from app.core.messages import Example, Restore
from app.core.snapshot import KEY, assemble, unpack
from app.errors import SnapshotError, StateError
from app.runtime.changelog import Changelog
from app.runtime.foreign import PassedOver
from app.runtime.guard import Exit, Leave
from app.runtime.reading import bounds, reader
from app.runtime.topics.advice import REREAD
from app.runtime.topics.shapes import MODELS
from app.serving.learning.pinned import Pinned
from app.serving.learning.skips import Skips
from app.serving.one_sided import OneSided
from app.serving.setup import Setup

log = logging.getLogger(__name__)

SLICE = 0.005  # seconds: the longest that folding blocks the event loop
BLOCK = 256  # records that are read, and looked up in the models' bins, at once: some 2 ms
IDLE_MS = 200


class Follower:
    """The learning state of one worker, and how far it is behind its log.

    Parameters
    ----------
    on_fold
        Called with each example that was learned.
    leave
        Ends the process.
    foreign
        Told of records that nobody may fold.
    """

    def __init__(
        self,
        setup: Setup,
        on_fold: Callable[[Example], None],
        leave: Leave,
        foreign: PassedOver | None = None,
    ) -> None:
        settings, application, topics = setup.settings, setup.application, setup.topics
        self.brokers, self.keys = settings.brokers, settings.signing_keys
        self.degraded_after = settings.degraded_after
        self.identity, self.new_state = application.identity, application.new_state
        self.sift, self.skips = application.sift, Skips(setup)
        self.examples = TopicPartition(topics.examples, 0)
        self.models = TopicPartition(topics.changelogs[MODELS], 0)
        self.pinned = Pinned(self.brokers, self.models, self.identity)
        self.on_fold, self.leave = on_fold, leave
        self.foreign = foreign or PassedOver()
        self._pass_over = partial(self.foreign, topics.examples, 0)
        self.state = self.new_state()
        self.caught_up = asyncio.Event()
        self.end = 0
        self.loaded = 0  # version of the snapshot that this worker began with
        self.refused_snapshots = 0
        self.missing: str | None = None  # what a restore in the log waits for
        self.one_sided = OneSided(settings)
        self._level_at = time.monotonic()
        self._folding = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the newest usable snapshot, then follow the log from there on.

        Raises
        ------
        StateError
            The log ends below the snapshot, or no longer holds what has to be folded.
        """
        async with reader(self.brokers, self.models, self.examples) as consumer:
            begin, self.end = await bounds(consumer, self.examples)
            consumer.pause(self.examples)
            records = await Changelog(consumer, self.models, KEY.fullmatch, self._wrote).read()
        self._load(records.items(), begin)
        if self.state.version < begin:
            raise StateError(
                f"{self.examples.topic} begins at {begin} and no snapshot reaches it: "
                "what was learned before is lost; the examples topic must keep everything"
            )
        if self.state.version > self.end:
            raise StateError(
                f"{self.examples.topic} ends at {self.end}, but a snapshot is of version "
                f"{self.state.version}: the topic was recreated, and what it held is lost: {REREAD}"
            )
        self._task = asyncio.ensure_future(self._follow())
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    @property
    def lag(self) -> int:
        """Examples that are in the log and not yet in the state."""
        return max(self.end - self.state.version, 0)

    def degraded(self) -> bool:
        """Whether the state is too far behind its log to decide as it should."""
        return bool(self.missing) or self.seconds_behind() > self.degraded_after

    def seconds_behind(self) -> float:
        """Time since the state was last level with the end of the log, 0 while it is."""
        return time.monotonic() - self._level_at if self.lag else 0.0

    async def copy(self) -> tuple[int, Bundle]:
        """Version and snapshot of the state, made part by part with folding paused."""
        async with self._folding:
            bundle = Bundle()
            for part in self.state.parts():
                await asyncio.to_thread(bundle.add, part)  # compression, outside the loop
            return self.state.version, bundle

    def _wrote(self, record: ConsumerRecord) -> bool:
        why = snapshot_stranger(record.key, record.value)
        if why:
            self.foreign(record.topic, record.partition, record.offset, why)
        return not why

    def _load(self, records: Iterable[tuple[bytes, bytes]], begin: int) -> None:
        for snapshot in assemble(records):
            state = self.new_state()
            try:
                if snapshot.version < begin:
                    raise SnapshotError(f"snapshot {snapshot.version} is below the log's start")
                state.load(unpack(snapshot, self.identity, self.keys))
            except StateError as error:
                self.refused_snapshots += 1
                log.warning("Not using a snapshot: %s", error)
                continue
            self.state, self.loaded = state, state.version
            log.info("Loaded the snapshot of version %d", state.version)
            return

    async def _follow(self) -> None:
        async with reader(self.brokers, self.examples) as consumer:
            consumer.seek(self.examples, self.state.version)
            while True:
                fetched = await consumer.getmany(self.examples, timeout_ms=IDLE_MS)
                self.end = max(consumer.highwater(self.examples) or 0, self.end)
                async with self._folding:
                    await self._fold(fetched.get(self.examples, ()))
                if not self.lag:
                    self._level_at = time.monotonic()
                    self.caught_up.set()

    async def _fold(self, records: Sequence[ConsumerRecord]) -> None:
        for begin in range(0, len(records), BLOCK):
            await self._fold_block(records[begin : begin + BLOCK])
            await asyncio.sleep(0)
        if not self.lag:
            self.one_sided.look(self.state)

    async def _fold_block(self, records: Sequence[ConsumerRecord]) -> None:
        since = time.monotonic()
        sift = self.sift
        entries = [(r.offset, sift(r.value, r.offset, r.timestamp)) for r in records]
        examples = [entry for _, entry in entries if isinstance(entry, Example)]
        cells, told = iter(self.state.look_up(examples)), self._pass_over
        for offset, entry in entries:
            if isinstance(entry, Example):
                if fold_example(self.state, entry, offset, next(cells), told):
                    self.on_fold(entry)
            else:
                await self._take(await self.skips.settle(entry, offset), offset)
            if time.monotonic() - since > SLICE:
                await asyncio.sleep(0)
                since = time.monotonic()

    async def _take(self, entry: Entry, offset: int) -> None:
        """Fold what is no example. A restore is for all workers at its offset, so it may wait."""
        parts: list[bytes] = []
        if isinstance(entry, Restore) and self.state.wants(entry):
            given_up = partial(self.skips.name, offset)
            copy = await self.pinned.wait_for(entry, self._miss, given_up)
            self.missing = None
            if copy is None:
                entry = Skipped("restore")
            else:
                parts = copy.parts
        counted = fold_entry(
            self.state, entry, offset, lambda named: parts, foreign=self._pass_over
        )
        if counted and isinstance(entry, Restore):
            log.info("Restored the models of version %d for restore %s", entry.version, entry.id)

    def _miss(self, why: str) -> None:
        self.caught_up.set()  # a worker that starts now decides too, degraded like the others
        if why != self.missing:
            log.warning("A restore waits for its snapshot: %s", why)
        self.missing = why

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.leave(Exit.STATE, f"the learning state cannot follow its log: {error!r}")
