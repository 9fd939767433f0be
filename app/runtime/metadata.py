"""What brokers say about topics, with their ids: aiokafka's own request is of a version without.

A topic that was deleted and made again has another id, whatever its name and its offsets.
"""

from collections.abc import Collection, Sequence
from io import BytesIO
from typing import NamedTuple
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

UNKNOWN_TOPIC = UnknownTopicOrPartitionError.errno
ANY = bytes(16)  # no id: a topic is asked for by its name


class Uuid(AbstractType[bytes]):
    """16 bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


class MetadataResponse_v10(Response):
    """Kafka 2.8 and later."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class MetadataRequest_v10(RequestStruct):
    """Asks for topics by name."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = MetadataResponse_v10
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", Uuid), ("topic", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicsRequest(Request[MetadataRequest_v10]):
    """Asks for topics, and creates none that are missing: asking by stock requests does."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def build(self, request_struct_class: type[MetadataRequest_v10]) -> MetadataRequest_v10:
        topics: list[tuple[bytes, str, dict]] = [(ANY, name, {}) for name in self.names]
        return request_struct_class(topics, False, False, False, {})


class Seen(NamedTuple):
    """What a broker knows of a topic: its id, its partitions, the fewest replicas of one."""

    id: str
    partitions: int
    replicas: int


async def look(client: AIOKafkaClient, names: Collection[str]) -> dict[str, Seen | None]:
    """Ask any broker for topics; None stands for one that does not exist.

    Topics of which the broker cannot or may not say anything are left out.

    Raises
    ------
    KafkaError
        No broker answers.
    """
    request = TopicsRequest(sorted(names))
    answer = (await client.send(client.get_random_node(), request)).to_object()
    found: dict[str, Seen | None] = {}
    for topic in answer["topics"]:
        code, partitions = topic["error_code"], topic["partitions"]
        if code == UNKNOWN_TOPIC:
            found[topic["topic"]] = None
        elif not code and partitions:
            replicas = min(len(partition["replicas"]) for partition in partitions)
            id = str(UUID(bytes=topic["topic_id"]))
            found[topic["topic"]] = Seen(id, len(partitions), replicas)
    return found


TOPIC = 2  # the resource type in requests for settings


async def settings_of(
    client: AIOKafkaClient, names: Collection[str], wanted: Collection[str]
) -> dict[str, dict[str, str]]:
    """The settings that hold for topics, by topic and name, whoever made them.

    Topics of which the broker may not tell are left out.

    Raises
    ------
    KafkaError
        No broker answers.
    """
    request = DescribeConfigsRequest([(TOPIC, name, sorted(wanted)) for name in sorted(names)])
    answer = await client.send(client.get_random_node(), request)
    return {
        name: {setting: value for setting, value, *_ in entries}
        for code, _, _, name, entries in answer.resources
        if not code
    }
