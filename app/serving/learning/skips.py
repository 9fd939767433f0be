"""Entries of unknown kinds: a worker stops at them, unless a skip further on names them."""

from aiokafka import TopicPartition

from app.core.entries import Entry, Found, Skipped, Unknown
from app.core.messages import Skip
from app.errors import StateError
from app.runtime.reading import bounds, reader, stretch
from app.serving.setup import Setup

MARK = b'"skip"'  # as an entry has its kind


class Skips:
    """Looks ahead for skips, to the end of the examples log; each stretch of it once.

    A restore may be named as well if its snapshot is nowhere, or cannot be used: all would wait for
    it for good. Where it can be, nobody asks.

    So all who fold the log leave the same entries out, whether they began before the skip was
    written or after it. A release that adds a kind has to ask here before it folds an entry of
    that kind: earlier releases may have left it out. The kinds of the first release that knew
    skips are exempt.
    """

    def __init__(self, setup: Setup) -> None:
        self.brokers, self.sift = setup.settings.brokers, setup.application.sift
        self.examples = TopicPartition(setup.topics.examples, 0)
        self.named: set[int] = set()
        self.since = self.through = 0  # where it looked for skips; the end is not included

    async def settle(self, found: Found, offset: int) -> Entry:
        """What may be folded of the record at an offset.

        Raises
        ------
        StateError
            It is of an unknown kind, and no skip names it.
        """
        if not isinstance(found, Unknown):
            return found
        if await self.name(offset):
            return Skipped(found.kind)
        raise StateError(
            f"example {offset} is of the kind {found.kind!r}, which this release does not know: "
            f"update this worker, or have all workers leave it out: weir model skip {offset}"
        )

    async def name(self, offset: int) -> bool:
        """Whether a skip names the entry at an offset, as far as the log goes now."""
        if offset not in self.named:
            await self._look_ahead(offset + 1)
        return offset in self.named

    async def _look_ahead(self, start: int) -> None:
        if not self.since <= start <= self.through:
            self.since = self.through = start
        async with reader(self.brokers, self.examples) as consumer:
            _, end = await bounds(consumer, self.examples)
            async for records in stretch(consumer, self.examples, self.through, end):
                for record in records:
                    if MARK in (record.value or b""):
                        entry = self.sift(record.value, record.offset, record.timestamp)
                        if isinstance(entry, Skip):
                            self.named.add(entry.offset)
        self.through = max(self.through, end)
