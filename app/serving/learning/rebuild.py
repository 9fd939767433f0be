"""Models relearned from the examples log, without some of its entries."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from aiokafka import TopicPartition

from app.core.bundle import pack
from app.core.dump import NoStatistics
from app.core.entries import Entry
from app.core.folding import fold_entry
from app.core.messages import Example, Restore
from app.errors import Refused, StateError
from app.runtime.reading import bounds, reader, stretch
from app.serving.learning.skips import Skips
from app.serving.setup import Setup


class Stretch(NamedTuple):
    """Offsets of one feedback partition, both ends included."""

    partition: int
    first: int
    last: int


class LeftOut(NamedTuple):
    """The labels that a rebuild does not learn.

    `said` holds single feedback records (partition, offset) of the settings' epoch.
    """

    stretches: tuple[Stretch, ...] = ()
    ids: frozenset[str] = frozenset()
    said: frozenset[tuple[int, int]] = frozenset()

    def holds(self, example: Example, epoch: int) -> bool:
        """Whether an example is left out."""
        if example.id in self.ids:
            return True
        partition, offset = example.origin.partition, example.origin.offset
        if example.origin.epoch != epoch:
            return False
        return (partition, offset) in self.said or any(
            partition == part.partition and part.first <= offset <= part.last
            for part in self.stretches
        )


class Rebuild:
    """Folds the log from its start, except for what is left out and for restores.

    Parameters
    ----------
    through
        The last offset of the examples log to fold; None for its end.
    """

    def __init__(self, setup: Setup, left_out: LeftOut, through: int | None = None) -> None:
        self.setup, self.left_out, self.through = setup, left_out, through
        self.examples = TopicPartition(setup.topics.examples, 0)
        self.state = setup.application.new_state(NoStatistics())
        self.examples_left_out = self.positives_left_out = self.restores_left_out = 0
        self.foreign, self.skips = 0, Skips(setup)

    async def read_on(self, advanced: Callable[[int, int], None] = lambda now, end: None) -> None:
        """Fold what was appended since; `advanced` is called with the version and its end.

        Raises
        ------
        StateError
            The log does not begin at 0, so that not all of it can be relearned, or has an entry of
            an unknown kind.
        """
        sift = self.setup.application.sift
        async with reader(self.setup.settings.brokers, self.examples) as consumer:
            begin, end = await bounds(consumer, self.examples)
            if begin > self.state.version:
                raise StateError(f"{self.examples.topic} begins at {begin}: the start is lost")
            if self.through is not None:
                end = min(end, self.through + 1)
            async for records in stretch(consumer, self.examples, self.state.version, end):
                for record in records:
                    found = sift(record.value, record.offset, record.timestamp)
                    self.take(await self.skips.settle(found, record.offset), record.offset)
                advanced(self.state.version, end)

    def take(self, entry: Entry, offset: int) -> None:
        """Fold an entry, or leave it out."""
        if isinstance(entry, Restore):
            self.restores_left_out += 1
            self.state.pass_over(offset)
        elif isinstance(entry, Example) and self.left_out.holds(entry, self.setup.settings.epoch):
            self.examples_left_out += 1
            self.positives_left_out += entry.y == 1
            self.state.pass_over(offset, ahead=entry.origin)
        else:
            fold_entry(self.state, entry, offset, foreign=self._pass_over)

    def _pass_over(self, offset: int, why: str) -> None:
        self.foreign += 1

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """The snapshot's records."""
        application, keys = self.setup.application, self.setup.settings.signing_keys
        features = application.identity.features
        return pack(self.state, features, application.engine, keys, rebuilt=True)


async def said_by(setup: Setup, actors: frozenset[str]) -> frozenset[tuple[int, int]]:
    """Where the feedback of these actors is, as far back as the feedback topic is kept."""
    topic, found = setup.topics.feedback, set[tuple[int, int]]()
    for partition in range(setup.settings.partitions if actors else 0):
        tp = TopicPartition(topic, partition)
        async with reader(setup.settings.brokers, tp) as consumer:
            begin, end = await bounds(consumer, tp)
            async for records in stretch(consumer, tp, begin, end):
                found |= {
                    (partition, r.offset) for r in records if _actor(setup, r.value) in actors
                }
    return frozenset(found)


def _actor(setup: Setup, raw: bytes | None) -> str | None:
    try:
        return setup.application.read_feedback(raw).actor
    except Refused:
        return None  # it led to no example
