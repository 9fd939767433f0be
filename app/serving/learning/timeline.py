"""Past learning states, computed again from snapshots and the examples log."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.core.entries import Found
from app.core.fold import LearningState
from app.core.folding import fold_entry
from app.core.messages import Restore
from app.core.snapshot import Snapshot, assemble, resolver, unpack
from app.errors import SnapshotError, StateError
from app.runtime.changelog import Changelog
from app.runtime.reading import bounds, reader, stretch
from app.runtime.topics.shapes import MODELS
from app.serving.learning.skips import Skips
from app.serving.setup import Setup


class Timeline:
    """Computes the learning state of one version after the other.

    It starts from the newest usable snapshot at or below a version, or from the log's start, and
    folds from there. Ask in ascending order: then the log is read once.

    Parameters
    ----------
    consumer
        Assigned to the examples; nobody else uses it.
    records
        What the models changelog holds.
    """

    def __init__(
        self, setup: Setup, consumer: AIOKafkaConsumer, records: dict[bytes, bytes]
    ) -> None:
        self.setup, self.consumer = setup, consumer
        self.examples = TopicPartition(setup.topics.examples, 0)
        self.identity = setup.application.identity
        self.snapshots = assemble(records.items())
        self.resolve = resolver(records, self.identity)
        self.state, self.skips = setup.application.new_state(), Skips(setup)
        self._log = self._entries(0)

    async def reach(self, version: int) -> LearningState:
        """The state of a version; it changes with the next call.

        Raises
        ------
        StateError
            The log does not reach the version or has lost entries before it, or has one of an
            unknown kind there, or a snapshot that one of its restores names is missing.
        """
        if version < self.state.version:
            await self._start_from(self.setup.application.new_state())
        for snapshot in self.snapshots:
            if self.state.version < snapshot.version <= version and await self._load(snapshot):
                break
        while self.state.version < version:
            try:
                offset, found = await anext(self._log)
            except StopAsyncIteration:
                reason = f"{self.examples.topic} does not reach version {version}"
                raise StateError(reason) from None
            entry = await self.skips.settle(found, offset)
            try:
                fold_entry(self.state, entry, offset, self.resolve)
            except SnapshotError:
                if not (isinstance(entry, Restore) and await self.skips.name(offset)):
                    raise
                self.state.pass_over(offset)
        return self.state

    async def end(self) -> int:
        """The version at the end of the log."""
        _, end = await bounds(self.consumer, self.examples)
        return end

    async def _load(self, snapshot: Snapshot) -> bool:
        state = self.setup.application.new_state()
        try:
            state.load(unpack(snapshot, self.identity, self.setup.settings.signing_keys))
        except StateError:
            return False  # the previous one, or the log, will do as well
        await self._start_from(state)
        return True

    async def _start_from(self, state: LearningState) -> None:
        await self._log.aclose()
        self.state, self._log = state, self._entries(state.version)

    async def _entries(self, start: int) -> AsyncGenerator[tuple[int, Found], None]:
        begin, end = await bounds(self.consumer, self.examples)
        if begin > start:
            raise StateError(f"{self.examples.topic} begins at {begin}, above version {start}")
        sift = self.setup.application.sift
        async for records in stretch(self.consumer, self.examples, start, end):
            for record in records:
                yield record.offset, sift(record.value, record.offset, record.timestamp)


@asynccontextmanager
async def timeline(setup: Setup) -> AsyncIterator[Timeline]:
    """The learning states of these settings, from the topics as they are now."""
    names = setup.topics
    models = TopicPartition(names.changelogs[MODELS], 0)
    async with reader(setup.settings.brokers, models) as consumer:
        records = await Changelog(consumer, models, bool).read()
    async with reader(setup.settings.brokers, TopicPartition(names.examples, 0)) as consumer:
        yield Timeline(setup, consumer, records)
