"""Whether a consumer group is this fleet's own: fleets that read other topics need another one."""

import logging
from io import BytesIO

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.types import Array, Int16, String

from app.errors import TopicsError
from app.runtime.topics.shapes import Topics
from app.settings import Settings

log = logging.getLogger(__name__)

STABLE = "Stable"  # in any other state a coordinator does not say what members read
APART = "fleets with different WEIR_TOPIC_PREFIX need different WEIR_APP_ID"
_TOPICS = Array(String("utf-8"))


async def check(settings: Settings, names: Topics) -> None:
    """Warn where the group has positions in other topics.

    Raises
    ------
    TopicsError
        The group has members that read other events.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    try:
        await admin.start()
        why = await strangers(admin._client, settings.app_id, names)
        committed = await admin.list_consumer_group_offsets(settings.app_id)
    except (KafkaError, OSError) as error:
        log.debug("The group cannot be looked at: %r", error)  # the first one of all, or no right
        return
    finally:
        await admin.close()
    if why is not None:
        raise TopicsError(why)
    if others := sorted({tp.topic for tp in committed} - set(names.inputs)):
        what = "The consumer group %s has positions in %s: %s"
        log.warning(what, settings.app_id, ", ".join(others), APART)


async def strangers(client: AIOKafkaClient, group: str, names: Topics) -> str | None:
    """Which members of a group read other events; None when none does.

    Raises
    ------
    KafkaError
        The group's coordinator does not answer.
    """
    node = await client.coordinator_lookup(CoordinationType.GROUP, group)
    answer = (await client.send(node, DescribeGroupsRequest([group]))).to_object()
    members = [
        subscribed(member["member_metadata"])
        for found in answer["groups"]
        if found["state"] == STABLE
        for member in found["members"]
    ]
    strange = {topic for topics in members if names.events not in topics for topic in topics}
    if not strange:
        return None
    theirs = ", ".join(sorted(strange - set(names.changelogs.values())))
    return f"the consumer group {group} has members that read {theirs}, not {names.events}: {APART}"


def subscribed(metadata: bytes) -> list[str]:
    """The topics in a member's metadata: a version, the topics, and what its assignor adds.

    >>> subscribed(bytes.fromhex("0000 00000001 0002 6162 ffffffff"))
    ['ab']
    """
    data = BytesIO(metadata)
    Int16.decode(data)
    return list(_TOPICS.decode(data) or [])
