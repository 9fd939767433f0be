"""Whether a broker does its work: a topic made, a record produced, consumed in a group."""

import asyncio
import secrets

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError, for_code

POLL = 0.05  # seconds between two tries
GROUP = "weir-ready"


async def until_ready(address: str, copies: int = 1) -> None:
    """Return once the broker took one record and gave it back to a consumer group.

    An open port is not enough: the group coordinator comes up after it. No bound of its own; call
    it with a timeout.

    Parameters
    ----------
    address: of the broker, host:port.
    copies: how many nodes have to keep the record; of a cluster, those that should be up.
    """
    while not await listens(address):
        await asyncio.sleep(POLL)
    while not await serves(address, copies):
        await asyncio.sleep(POLL)


async def listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def serves(bootstrap: str, copies: int) -> bool:
    topic = f"weir-ready-{secrets.token_hex(4)}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await admin.list_topics()  # raises while the broker does not know itself
        await create(admin, topic, copies)
        while not await coordinates(admin):
            await asyncio.sleep(POLL)
        await exchange(bootstrap, topic)
        await admin.delete_topics([topic])
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True


async def create(admin: AIOKafkaAdminClient, topic: str, copies: int) -> None:
    response = await admin.create_topics([NewTopic(topic, 1, copies)])
    for _, code, *_ in response.topic_errors:
        if code:
            raise for_code(code)


async def coordinates(admin: AIOKafkaAdminClient) -> bool:
    """Whether groups have a coordinator; asking makes the broker create their topic."""
    try:
        await admin.find_coordinator(GROUP)
    except GroupCoordinatorNotAvailableError:
        return False
    return True


async def exchange(bootstrap: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, b"ready")
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,  # a group without commits leaves nothing behind
    )
    async with consumer:
        await consumer.getone()
