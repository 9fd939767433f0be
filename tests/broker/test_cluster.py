"""The development cluster: one of three nodes may fail, and nothing acknowledged is lost."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from app.broker.cluster import Cluster
from app.errors import BrokerError
from tests.broker.clients import admin_of, make_topic, read, until

pytestmark = pytest.mark.broker


async def partition(bootstrap: str, topic: str) -> dict[str, Any]:
    """What a node says of the only partition; empty until that node knows the topic's leader."""
    try:
        async with admin_of(bootstrap) as admin:
            (found,) = await admin.describe_topics([topic])
    except KafkaError:  # the admin client picks a node at random: it may be one that is down
        return {}
    led = [one for one in found["partitions"] if one["leader"] > 0]
    return led[0] if led else {}


async def min_in_sync(bootstrap: str, topic: str) -> str:
    """The topic's min.insync.replicas; empty until the node that is asked knows the topic."""
    wanted = ConfigResource(ConfigResourceType.TOPIC, topic, {"min.insync.replicas": ""})
    async with admin_of(bootstrap) as admin:
        (response,) = await admin.describe_configs([wanted])
    ((*_, configs),) = response.resources
    return configs[0][1] if configs else ""


async def leader(bootstrap: str, topic: str) -> int:
    found = await until(lambda: partition(bootstrap, topic))
    return found["leader"]


async def has_other_leader(bootstrap: str, topic: str, node: int) -> bool:
    return (await partition(bootstrap, topic)).get("leader", node) != node


async def is_in_sync(bootstrap: str, topic: str, node: int) -> bool:
    return node in (await partition(bootstrap, topic)).get("isr", ())


async def write_on(bootstrap: str, topic: str, acknowledged: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    async with producer:
        for n in itertools.count():
            await producer.send_and_wait(topic, b"%d" % n)
            acknowledged.append(b"%d" % n)


async def goes_on(writing: asyncio.Task[None], acknowledged: list[bytes]) -> None:
    """Wait until 50 more writes are acknowledged; raises the error that ended the writes."""
    wanted = len(acknowledged) + 50
    await until(lambda: writing.done() or len(acknowledged) >= wanted)
    if writing.done():
        writing.result()


async def test_when_a_leader_fails_nothing_acknowledged_is_lost_and_writes_go_on(
    fresh: str,
) -> None:
    async with Cluster() as cluster:
        address = cluster.bootstrap
        await make_topic(address, fresh, replicas=3)
        assert await until(lambda: min_in_sync(address, fresh)) == "2"
        acknowledged: list[bytes] = []
        writing = asyncio.create_task(write_on(address, fresh, acknowledged))
        await goes_on(writing, acknowledged)
        killed = await leader(address, fresh)
        cluster.kill(killed)
        await goes_on(writing, acknowledged)
        await until(lambda: has_other_leader(address, fresh, killed))
        await cluster.restart(killed)
        await until(lambda: is_in_sync(address, fresh, killed))
        terminated = await leader(address, fresh)
        cluster.terminate(terminated)
        await until(lambda: not cluster.node(terminated).running)
        await goes_on(writing, acknowledged)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        found = await read(address, fresh, len(acknowledged))
        assert found == acknowledged, "in order, none lost, none twice"
        directory = cluster.directory
    assert not directory.exists()


async def test_a_node_that_does_not_start_is_named_and_none_is_left(tmp_path: Path) -> None:
    cluster = Cluster(2, tmp_path, properties={"num.io.threads": "none"})
    with pytest.raises(BrokerError, match=r"^Node [12] could not format .*num\.io\.threads"):
        await cluster.start()
    assert not any(cluster.node(n).running for n in cluster.numbers)
