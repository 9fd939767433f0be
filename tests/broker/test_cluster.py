"""The development cluster: one of three nodes may go away, and nothing acknowledged is lost."""

import asyncio
import itertools
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.broker.cluster import Cluster
from app.errors import BrokerError
from app.runtime import topics
from app.runtime.reading import bounds, reader, stretch
from app.settings import Settings, read_settings
from tests.system.workers import until


async def all_values(settings: Settings, tp: TopicPartition) -> list[bytes]:
    async with reader(settings.brokers, tp) as consumer:
        found = stretch(consumer, tp, *await bounds(consumer, tp))
        return [record.value async for records in found for record in records]


async def leader(settings: Settings, tp: TopicPartition) -> tuple[int, set[int]]:
    """The node that takes the writes of a partition, and those whose copies are in step."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([tp.topic])
    finally:
        await admin.close()
    (found,) = (p for p in topic["partitions"] if p["partition"] == tp.partition)
    return found["leader"], set(found["isr"])


async def plain_topic(settings: Settings, name: str) -> str:
    """A topic of which nothing is said but its name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 3)])
    finally:
        await admin.close()
    return name


async def least_copies(settings: Settings, topic: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        wanted = {"min.insync.replicas": ""}
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, wanted)
        (response,) = await admin.describe_configs([resource])
    finally:
        await admin.close()
    ((*_, configs),) = response.resources
    ((_, value, *_),) = configs
    return value


async def test_when_a_leader_goes_all_that_was_acknowledged_is_there_and_writes_go_on(
    fresh: str,
) -> None:
    async with Cluster() as cluster:
        settings = read_settings(
            brokers=cluster.bootstrap, topic_prefix=fresh, partitions=1, replication=3
        )
        await topics.create(settings)
        tp = TopicPartition(topics.Topics.named(settings).transactions, 0)
        assert await least_copies(settings, tp.topic) == "2"
        assert await least_copies(settings, await plain_topic(settings, fresh)) == "2"
        acknowledged: list[bytes] = []
        writing = asyncio.create_task(write_on(settings, tp, acknowledged))
        await until(lambda: more_than(acknowledged, 50))
        killed, _ = await leader(settings, tp)
        cluster.kill(killed)
        before = len(acknowledged)
        await until(lambda: more_than(acknowledged, before + 50))
        assert (await leader(settings, tp))[0] != killed
        await cluster.restart(killed)
        await until(lambda: in_step(settings, tp, killed))
        handed_over, _ = await leader(settings, tp)
        cluster.terminate(handed_over)
        await until(lambda: ended(cluster, handed_over))
        before = len(acknowledged)
        await until(lambda: more_than(acknowledged, before + 50))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        found = await all_values(settings, tp)
        assert found[: len(acknowledged)] == acknowledged, "in order, none lost, none twice"
        directory = cluster.directory
    assert not directory.exists()


async def write_on(settings: Settings, tp: TopicPartition, acknowledged: list[bytes]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.brokers, acks="all", enable_idempotence=True
    )
    async with producer:
        for n in itertools.count():
            await producer.send_and_wait(tp.topic, b"%d" % n, partition=tp.partition)
            acknowledged.append(b"%d" % n)


async def more_than(acknowledged: list[bytes], count: int) -> bool:
    return len(acknowledged) > count


async def in_step(settings: Settings, tp: TopicPartition, node: int) -> bool:
    return node in (await leader(settings, tp))[1]


async def ended(cluster: Cluster, node: int) -> bool:
    return not cluster.node(node).running


async def test_a_node_that_does_not_start_is_named_and_none_is_left(tmp_path: Path) -> None:
    cluster = Cluster(2, tmp_path, properties={"num.io.threads": "none"})
    with pytest.raises(BrokerError, match=r"^Node [12] could not format .*num\.io\.threads"):
        await cluster.start()
    assert not any(cluster.node(n).running for n in cluster.numbers)
