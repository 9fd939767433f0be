"""Writes events and labels to their topics, each on its key's partition."""

import time
from collections.abc import Iterable

from app.core.keyed import Event
from app.core.messages import Feedback
from app.core.partitioning import partition_of
from app.runtime.writer import Out, Writers
from app.serving.setup import Setup
from app.wire import encode


class Publisher:
    """A producer of events and labels.

    Parameters
    ----------
    writers
        Already started; their owner flushes and stops them.
    """

    def __init__(self, setup: Setup, writers: Writers) -> None:
        self.topics = setup.topics
        self.partitions = setup.settings.partitions
        self.writers = writers

    def events(self, events: Iterable[Event]) -> int:
        """Queue events; returns the timestamp of their records, epoch ms."""
        now = time.time_ns() // 1_000_000
        self._put(self.topics.events, events, now)
        return now

    def labels(self, labels: Iterable[Feedback]) -> None:
        """Queue labels."""
        self._put(self.topics.feedback, labels, time.time_ns() // 1_000_000)

    def _put(self, topic: str, messages: Iterable[Event | Feedback], now: int) -> None:
        parts: dict[int, list[Out]] = {}
        for message in messages:
            record = Out(message.key.encode(), encode(message), timestamp=now)
            parts.setdefault(partition_of(message.key, self.partitions), []).append(record)
        for partition, records in parts.items():
            self.writers(topic, partition).put(records)
