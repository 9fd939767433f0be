"""Hashes of ids that are the same in every process."""

from functools import lru_cache
from hashlib import blake2b


def hash64(text: str) -> int:
    """A 64 bit hash of an id, the same in every process.

    >>> hash64("t1") == hash64("t1"), hash64("t1") == hash64("t2")
    (True, False)
    """
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


cached_hash64 = lru_cache(maxsize=1 << 16)(hash64)  # for ids that recur
