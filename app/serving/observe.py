"""Reads what workers write, from the current ends of the logs, without a consumer group."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from app.runtime.reading import bounds, reader
from app.serving.setup import Setup

WAIT_MS = 200


class Observer:
    """Records of some topics as they appear."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer

    async def __aiter__(self) -> AsyncIterator[tuple[str, list[ConsumerRecord]]]:
        """Topic and new records of one of its partitions, without end."""
        while True:
            fetched = await self.consumer.getmany(timeout_ms=WAIT_MS)
            for tp, records in fetched.items():
                yield tp.topic, records


@asynccontextmanager
async def observing(setup: Setup, *topics: str) -> AsyncIterator[Observer]:
    """An observer of everything that is written to these topics from now on."""
    counts = {setup.topics.examples: 1}
    tps = [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in range(counts.get(topic, setup.settings.partitions))
    ]
    async with reader(setup.settings.brokers, *tps) as consumer:
        for tp in tps:
            _, end = await bounds(consumer, tp)
            consumer.seek(tp, end)
        yield Observer(consumer)
