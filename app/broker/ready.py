"""Whether a broker is ready: a topic created, a record produced, and consumed in a group."""

import asyncio
import secrets

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError, for_code

POLL = 0.05  # seconds between two attempts
GROUP = "weir-ready"


async def until_ready(address: str, replicas: int = 1) -> None:
    """Return once the broker has taken a record and served it to a consumer group.

    An open port is not enough: the group coordinator becomes available later. There is no timeout;
    the caller sets one.

    Parameters
    ----------
    address: of the broker, host:port.
    replicas: how many nodes must store the record; in a cluster, all that should be up.
    """
    while not await listens(address):
        await asyncio.sleep(POLL)
    while not await serves(address, replicas):
        await asyncio.sleep(POLL)


async def listens(address: str) -> bool:
    """Whether something accepts connections at host:port."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def serves(bootstrap: str, replicas: int) -> bool:
    """Whether the broker is ready; one attempt, with a topic of its own."""
    topic = f"weir-ready-{secrets.token_hex(4)}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await admin.list_topics()  # raises while the broker is missing from its own metadata
        await create(admin, topic, replicas)
        while not await coordinates(admin):
            await asyncio.sleep(POLL)
        await exchange(bootstrap, topic)
        await admin.delete_topics([topic])
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True


async def create(admin: AIOKafkaAdminClient, topic: str, replicas: int) -> None:
    """Create a topic with one partition; raise the error that the broker answers with."""
    response = await admin.create_topics([NewTopic(topic, 1, replicas)])
    for _, code, *_ in response.topic_errors:
        if code:
            raise for_code(code)


async def coordinates(admin: AIOKafkaAdminClient) -> bool:
    """Whether groups have a coordinator; the request makes the broker create the offsets topic."""
    try:
        await admin.find_coordinator(GROUP)
    except GroupCoordinatorNotAvailableError:
        return False
    return True


async def exchange(bootstrap: str, topic: str) -> None:
    """Produce a record and consume it in a group."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, b"ready")
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,  # a group that commits nothing leaves nothing behind
    )
    async with consumer:
        await consumer.getone()
