"""What brokers say about topics, as bytes."""

from io import BytesIO

import pytest
from aiokafka.protocol.types import CompactArray, Int16, Int32, TaggedFields

from app.runtime.topics.metadata import Partitions

AS_AIOKAFKA = CompactArray(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    ("tags", TaggedFields),
)


@pytest.mark.parametrize("count", [1, 2, 126, 127, 128, 1024])
@pytest.mark.parametrize("replicas", [1, 3, 200])
def test_partitions_are_counted_with_the_fewest_replicas_of_one(count: int, replicas: int):
    some = list(range(replicas))
    rows = [(0, n, 1, 5, some, some[:1], [], {}) for n in range(count)]
    rows[-1] = (5, count, -1, 5, [*some, 9], [], some, {})
    data = BytesIO(AS_AIOKAFKA.encode(rows) + b"more")
    assert Partitions.decode(data) == (count, replicas if count > 1 else replicas + 1)
    assert data.read() == b"more"


def test_fields_that_a_later_broker_adds_are_passed_over():
    plain = AS_AIOKAFKA.encode([(0, 0, 1, 5, [1], [1], [], {})])
    tagged = plain[:-1] + b"\x02" + b"\x00\x03abc" + b"\x81\x01\x00" + b"more"
    data = BytesIO(tagged)
    assert Partitions.decode(data) == (1, 1)
    assert data.read() == b"more"


def test_a_topic_without_partitions_has_none():
    assert Partitions.decode(BytesIO(AS_AIOKAFKA.encode([])))[0] == 0
