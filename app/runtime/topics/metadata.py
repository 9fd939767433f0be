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
    UnsignedVarInt32,
)

UNKNOWN_TOPIC = UnknownTopicOrPartitionError.errno
NO_END = 2**31
FIXED = 14  # bytes of a partition's error, number, leader and its epoch
ANY = bytes(16)  # no id: a topic is asked for by its name


class Uuid(AbstractType[bytes]):
    """16 bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


class Partitions(AbstractType[tuple[int, int]]):
    """The partitions of a topic: how many, and the fewest replicas of one.

    Read here in one go: aiokafka's types take seven times as long, and block the event loop for
    some 0.1 s where each of nine topics has a thousand partitions.
    """

    @classmethod
    def decode(cls, data: BytesIO) -> tuple[int, int]:
        count, fewest = UnsignedVarInt32.decode(data) - 1, NO_END
        with data.getbuffer() as raw:
            place = data.tell()
            for _ in range(count):
                place += FIXED
                replicas, place = _length(raw, place)
                fewest, place = min(fewest, replicas), place + 4 * replicas
                for _ in range(2):  # those in sync, and those offline
                    length, place = _length(raw, place)
                    place += 4 * length
                tags, place = _varint(raw, place)
                for _ in range(tags):
                    _, place = _varint(raw, place)
                    size, place = _varint(raw, place)
                    place += size
        data.seek(place)
        return max(count, 0), fewest


def _length(raw: memoryview, place: int) -> tuple[int, int]:
    """The length of an array, and where it ends; it is stored plus one."""
    stored, place = _varint(raw, place)
    return stored - 1, place


def _varint(raw: memoryview, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while (byte := raw[place]) & 0x80:
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
    return value | byte << shift, place + 1


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
                ("partitions", Partitions),
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
        code, (partitions, replicas) = topic["error_code"], topic["partitions"]
        if code == UNKNOWN_TOPIC:
            found[topic["topic"]] = None
        elif not code and partitions:
            found[topic["topic"]] = Seen(str(UUID(bytes=topic["topic_id"])), partitions, replicas)
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
