"""What tests ask of a real broker, and how they wait for an answer."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

POLL = 0.02  # seconds between two attempts
PATIENCE = 60.0  # seconds


async def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until a condition, plain or async, is true; returns its value."""
    async with asyncio.timeout(seconds):
        while True:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(POLL)


@asynccontextmanager
async def admin_of(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def make_topic(bootstrap: str, topic: str, replicas: int = 1) -> None:
    """Create a topic with one partition and no settings of its own."""
    async with admin_of(bootstrap) as admin:
        response = await admin.create_topics([NewTopic(topic, 1, replicas)])
    assert response.topic_errors[0][1] == 0, response


async def write(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=1 << 22)
    async with producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """The first `count` records of a topic that has been written to."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with asyncio.timeout(PATIENCE), consumer:
        return [(await consumer.getone()).value for _ in range(count)]
