"""Writes transactions and labels to their topics, each on its customer's partition."""

import time
from collections.abc import Iterable

from app.messages import Feedback, Transaction, encode
from app.runtime.topics import Topics, partition_of
from app.runtime.writer import Out, Writers
from app.settings import Settings


class Publisher:
    """What a payment system and its analysts write.

    Parameters
    ----------
    writers
        Started ones; their owner flushes and stops them.
    """

    def __init__(self, settings: Settings, writers: Writers) -> None:
        self.topics = Topics.named(settings)
        self.partitions = settings.partitions
        self.writers = writers

    def transactions(self, transactions: Iterable[Transaction]) -> int:
        """Queue transactions; returns the timestamp of their records, epoch ms."""
        now = time.time_ns() // 1_000_000
        self._put(self.topics.transactions, transactions, now)
        return now

    def labels(self, labels: Iterable[Feedback]) -> None:
        """Queue labels."""
        self._put(self.topics.feedback, labels, time.time_ns() // 1_000_000)

    def _put(self, topic: str, messages: Iterable[Transaction | Feedback], now: int) -> None:
        parts: dict[int, list[Out]] = {}
        for message in messages:
            record = Out(message.customer.encode(), encode(message), timestamp=now)
            parts.setdefault(partition_of(message.customer, self.partitions), []).append(record)
        for partition, records in parts.items():
            self.writers(topic, partition).put(records)
