"""The partition of a key: that which every producer of Kafka gives it."""

import subprocess
import sys

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafkas
from hypothesis import given
from hypothesis import strategies as st

from app.core.partitioning import murmur2, partition_of

# From Kafka's own test of its hash (UtilsTest.testMurmur2), as signed 32 bit numbers.
KAFKAS = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize(("text", "signed"), KAFKAS.items(), ids=KAFKAS)
def test_a_keys_partition_is_that_of_kafkas_own_producers(text, signed):
    assert murmur2(text.encode()) == signed & 0xFFFFFFFF
    for count in (1, 4, 7, 1024):
        assert partition_of(text, count) == (signed & 0x7FFFFFFF) % count


@given(st.binary(max_size=200))
def test_the_hash_is_that_of_aiokafka(data):
    assert murmur2(data) == aiokafkas(data) & 0xFFFFFFFF


@pytest.mark.parametrize("length", range(9))
@pytest.mark.parametrize("byte", [0x00, 0x7F, 0x80, 0xFF])
def test_the_last_bytes_count_without_a_sign(byte, length):
    data = bytes([byte]) * length
    assert murmur2(data) == aiokafkas(data) & 0xFFFFFFFF


@given(st.text(min_size=1), st.integers(1, 1024))
def test_a_keys_partition_is_that_of_aiokafkas_producer(key, count):
    everywhere = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(key.encode(), everywhere, everywhere)


def test_it_needs_no_kafka():
    program = (
        "import sys; import app.core.partitioning; "
        "sys.exit(any(name.split('.')[0] == 'aiokafka' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
