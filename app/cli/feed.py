"""Publishing traffic to a broker that is there, at a pace, without waiting for decisions."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress

from app.cli.pace import Pace
from app.cli.sources import Source
from app.cli.tasks import cancel_on_signals, first
from app.data.batches import Batch
from app.messages import read_prediction
from app.runtime import topics
from app.runtime.writer import Writers
from app.serving.observe import observing
from app.serving.publish import Publisher
from app.settings import Settings


class Feed:
    """Traffic on its way to the configured broker, and how much of it went there.

    Parameters
    ----------
    labels
        Whether the labels go as well.
    """

    def __init__(self, settings: Settings, source: Source, labels: bool = True) -> None:
        self.settings, self.source, self.with_labels = settings, source, labels
        self.transactions = self.labels = 0

    async def run(self, rate: float | None) -> None:
        """Publish until the traffic ends, or until SIGINT or SIGTERM.

        Raises
        ------
        BrokerError
            No broker answers.
        TopicsError
            The topics are missing or of another shape.
        """
        logging.basicConfig(level=logging.CRITICAL, format="weir: %(message)s")
        cancel_on_signals()
        with suppress(asyncio.CancelledError):
            await topics.check(self.settings)
            writers = Writers(self.settings.brokers)
            await writers.start()
            try:
                publisher = Publisher(self.settings, writers)
                work = self._publish(self.source.batches, publisher, Pace(rate))
                await first(work, self._watch_reviews())
            finally:
                await writers.stop()

    async def _publish(self, batches: Iterable[Batch], publisher: Publisher, pace: Pace) -> None:
        for batch in batches:
            async for rows in pace.pieces(batch.rows):
                publisher.transactions(row.tx for row in rows)
                self.transactions += len(rows)
            if self.with_labels:
                due = batch.labels()
                publisher.labels(label.feedback for label in due)
                self.labels += len(due)
            await publisher.writers.flush()  # bounds the memory of what is queued

    async def _watch_reviews(self) -> None:
        review = topics.Topics.named(self.settings).review
        async with observing(self.settings, review) as observer:
            async for _, records in observer:
                for record in records:
                    self.source.flag(read_prediction(record.value).id)
