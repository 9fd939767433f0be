"""Which partition a key belongs to: Kafka's default partitioner, murmur2 of the bytes."""

from functools import lru_cache

SEED = 0x9747B28C
FACTOR, SHIFT = 0x5BD1E995, 24
MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 of 32 bits with the seed that Kafka's clients use.

    References
    ----------
    [^1]: Appleby, A., MurmurHash2 (public domain), as in org.apache.kafka.common.utils.Utils.

    >>> murmur2(b"kafka")
    3496464228
    """
    length = len(data)
    whole = length - length % 4
    hashed = SEED ^ length
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * FACTOR & MASK
        word = (word ^ word >> SHIFT) * FACTOR & MASK
        hashed = hashed * FACTOR & MASK ^ word
    if rest := data[whole:]:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * FACTOR & MASK
    hashed = (hashed ^ hashed >> 13) * FACTOR & MASK
    return hashed ^ hashed >> 15


@lru_cache(maxsize=200_000)
def partition_of(key: str, partitions: int) -> int:
    """The partition that Kafka's default partitioner chooses for a key.

    >>> [partition_of(key, 4) for key in ("c1", "c2", "c3")]
    [3, 1, 1]
    """
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
