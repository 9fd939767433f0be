"""Plays traffic against running workers, and never gets ahead of what it is owed."""

import asyncio
from collections.abc import Iterable, Sized

from app.cli.demo.fleet import Fleet
from app.cli.demo.tally import Tally
from app.cli.pace import Pace
from app.data.hours import Hour
from app.data.rows import Due
from app.errors import WorkerError
from app.serving.observe import Observer
from app.serving.publish import Publisher

PATIENCE = 60.0  # seconds without any output while some is owed


class Play:
    """Hour after hour: events, their decisions, the labels that fall due, the learning.

    So quality is the same at every speed: an event meets all labels that were due before its
    hour, however slow the machine is.
    """

    def __init__(self, publisher: Publisher, observer: Observer, fleet: Fleet, tally: Tally):
        self.publisher, self.observer = publisher, observer
        self.fleet, self.tally = fleet, tally
        self._seen = asyncio.Event()

    async def run(self, hours: Iterable[Hour], pace: Pace) -> None:
        """Publish all of it. Raises WorkerError when the workers do not answer."""
        tally = self.tally
        for hour in hours:
            async for rows in pace.pieces(hour.rows):
                at = self.publisher.events(row.event for row in rows)
                tally.send_events(rows, at)
            await self._paid(tally.undecided, tally.unreviewed)
            if due := hour.labels():
                await self._teach(due)

    async def watch(self) -> None:
        """Take in what the workers write, without end."""
        async for topic, records in self.observer:
            self.tally.see(topic, records)
            self._seen.set()

    async def _teach(self, due: list[Due]) -> None:
        self.publisher.labels(label.feedback for label in due)
        self.tally.send_labels(due)
        await self._paid(self.tally.unlearned)
        await self.fleet.reaches(self.tally.version)

    async def _paid(self, *owed: Sized) -> None:
        while any(owed):
            self._seen.clear()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._seen.wait()
            except TimeoutError:
                raise WorkerError(
                    f"the workers have written nothing for {PATIENCE:.0f} s and still owe "
                    f"{len(self.tally.undecided)} decisions, {len(self.tally.unreviewed)} review "
                    f"items and {len(self.tally.unlearned)} examples"
                ) from None
