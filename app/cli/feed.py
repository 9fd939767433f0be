"""Publishing traffic to a broker that is there, at a pace, without waiting for decisions."""

import asyncio
import logging
from contextlib import suppress

from app.cli.pace import Pace
from app.cli.tasks import cancel_on_signals, first
from app.cli.workload import Workload
from app.runtime.writer import Writers
from app.serving.observe import observing
from app.serving.publish import Publisher
from app.serving.setup import Setup


class Feed:
    """Traffic on its way to the configured broker, and how much of it has been published.

    Parameters
    ----------
    labels
        Whether the labels are published as well.
    """

    def __init__(self, setup: Setup, workload: Workload, labels: bool = True) -> None:
        self.setup, self.workload, self.with_labels = setup, workload, labels
        self.events = self.labels = 0
        self.interrupted = True  # until all of it is published

    async def run(self, rate: float | None) -> None:
        """Publish until the traffic ends, or until SIGINT or SIGTERM.

        Raises
        ------
        BrokerError
            No broker answers.
        TopicsError
            The topics are missing or of another shape.
        DataError
            A row cannot be used; everything before it is published.
        """
        logging.basicConfig(level=logging.CRITICAL, format="weir: %(message)s")
        cancel_on_signals()
        with suppress(asyncio.CancelledError):
            await self.setup.check_topics()
            writers = Writers(self.setup.settings.brokers)
            await writers.start()
            try:
                work = self._publish(Publisher(self.setup, writers), Pace(rate))
                await first(work, self._watch_reviews())
            finally:
                await writers.stop()

    async def _publish(self, publisher: Publisher, pace: Pace) -> None:
        for hour in self.workload.hours:
            async for rows in pace.pieces(hour.rows):
                publisher.events(row.event for row in rows)
                self.events += len(rows)
            if self.with_labels:
                due = hour.labels()
                publisher.labels(label.feedback for label in due)
                self.labels += len(due)
            await publisher.writers.flush()  # bounds the memory of what is queued
        self.interrupted = False

    async def _watch_reviews(self) -> None:
        read = self.setup.application.read_prediction
        async with observing(self.setup, self.setup.topics.review) as observer:
            async for _, records in observer:
                for record in records:
                    self.workload.flag(read(record.value).id)
