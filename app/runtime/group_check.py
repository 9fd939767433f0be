"""Whether a consumer group is this fleet's own: fleets that read other topics need another one."""

import logging
from collections.abc import Iterator
from io import BytesIO

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.types import Array, Int16, String

from app.errors import TopicsError
from app.runtime.topics import Topics
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
        groups = await admin.describe_consumer_groups([settings.app_id])
        committed = await admin.list_consumer_group_offsets(settings.app_id)
    except (KafkaError, OSError) as error:
        log.debug("The group cannot be looked at: %r", error)  # the first one of all, or no right
        return
    finally:
        await admin.close()
    strange = {
        topic
        for group in groups
        for topics in _read(group)
        if names.events not in topics
        for topic in topics
    }
    if strange:
        theirs = ", ".join(sorted(strange - {*names.inputs, *names.changelogs.values()}))
        raise TopicsError(
            f"the consumer group {settings.app_id} has members that read {theirs}, "
            f"not {names.events}: {APART}"
        )
    if others := sorted({tp.topic for tp in committed} - set(names.inputs)):
        what = "The consumer group %s has positions in %s: %s"
        log.warning(what, settings.app_id, ", ".join(others), APART)


def _read(answer: object) -> Iterator[list[str]]:
    """The topics that each member reads."""
    for group in answer.to_object()["groups"]:  # type: ignore[attr-defined]
        if group["state"] == STABLE:
            for member in group["members"]:
                yield subscribed(member["member_metadata"])


def subscribed(metadata: bytes) -> list[str]:
    """The topics in a member's metadata: a version, the topics, and what its assignor adds.

    >>> subscribed(bytes.fromhex("0000 00000001 0002 6162 ffffffff"))
    ['ab']
    """
    data = BytesIO(metadata)
    Int16.decode(data)
    return list(_TOPICS.decode(data) or [])
