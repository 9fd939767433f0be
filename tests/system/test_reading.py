"""Readers without a group: a stretch of a log, or an error, never a jump."""

from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from app.apps import set_up
from app.broker.broker import Broker
from app.errors import StateError
from app.runtime.reading import bounds, reader, stretch
from app.settings import Settings, read_settings
from tests.system.test_follow import follower
from tests.system.workers import Kafka


@pytest.fixture
async def kafka(broker: Broker, fresh: str) -> AsyncIterator[Kafka]:
    settings = read_settings(brokers=broker.bootstrap, topic_prefix=fresh, partitions=1)
    await set_up(settings).create_topics()
    async with Kafka(settings) as running:
        for n in range(10):
            await running.send(running.topics.predictions, "c1", b"%d" % n)
        await running.producer.flush()
        yield running


async def cut(settings: Settings, tp: TopicPartition, before: int) -> None:
    """Delete what lies below an offset, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        await admin.delete_records({tp: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def values(settings: Settings, tp: TopicPartition, start: int, end: int) -> list[int]:
    async with reader(settings.brokers, tp) as consumer:
        found = stretch(consumer, tp, start, end)
        return [int(record.value) async for records in found for record in records]


@pytest.mark.parametrize(("start", "end"), [(0, 10), (3, 7), (9, 10)])
async def test_a_stretch_is_read_whole_and_no_further(kafka: Kafka, start: int, end: int):
    tp = TopicPartition(kafka.topics.predictions, 0)
    assert await values(kafka.settings, tp, start, end) == [*range(start, end)]


async def test_what_a_log_no_longer_holds_is_an_error_and_the_reader_stays(kafka: Kafka):
    tp = TopicPartition(kafka.topics.predictions, 0)
    await cut(kafka.settings, tp, before=6)
    async with reader(kafka.settings.brokers, tp) as consumer:
        assert await bounds(consumer, tp) == (6, 10)
    with pytest.raises(StateError, match=r"no longer holds offset 5"):
        await values(kafka.settings, tp, 5, 10)
    assert await values(kafka.settings, tp, 6, 10) == [6, 7, 8, 9]


async def test_a_follower_refuses_a_log_whose_beginning_is_gone(kafka: Kafka):
    for _ in range(5):
        await kafka.producer.send(kafka.topics.examples, b"any", partition=0)
    await kafka.producer.flush()
    await cut(kafka.settings, TopicPartition(kafka.topics.examples, 0), before=3)
    with pytest.raises(StateError, match=r"begins at 3 and no snapshot reaches it"):
        await follower(kafka.settings).start()
