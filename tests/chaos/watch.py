"""Watches decisions appear: how long each partition stood still, and when."""

import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.apps import set_up
from app.settings import Settings


class Watch:
    """The longest time without a decision on each partition, fault by fault."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topic = set_up(settings).topics.predictions
        self.last: dict[int, float] = {}
        self.gaps: list[dict[int, float]] = [{}]

    def all_decide(self, since: float) -> bool:
        """Whether every partition has had a decision since then (monotonic time)."""
        partitions = range(self.settings.partitions)
        return all(self.last.get(partition, 0.0) > since for partition in partitions)

    def next_fault(self) -> None:
        """From now on gaps belong to the next fault."""
        self.gaps.append({})

    async def run(self) -> None:
        """Follow the predictions without end."""
        partitions = range(self.settings.partitions)
        async with AIOKafkaConsumer(
            bootstrap_servers=self.settings.brokers,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
        ) as consumer:
            consumer.assign([TopicPartition(self.topic, number) for number in partitions])
            while True:
                fetched = await consumer.getmany(timeout_ms=200)
                now = time.monotonic()
                for tp in fetched:
                    gap = now - self.last.get(tp.partition, now)
                    known = self.gaps[-1].get(tp.partition, 0.0)
                    self.gaps[-1][tp.partition] = max(known, gap)
                    self.last[tp.partition] = now
