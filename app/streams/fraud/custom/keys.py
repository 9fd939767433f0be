"""Keyed hashes of words: the examples log keeps them in place of devices and categories."""

from functools import cache, lru_cache
from hashlib import blake2b

REMEMBERED = 1 << 14  # words whose hash need not be computed again
BITS = 48  # of a hash that are the word's; 15 before them are the key's
BINS = 256


class Keys:
    """Hashes words under one key, and tells them from those of another key.

    A hash is 63 bits: 15 that say which key it is of, and 48 of the field's name and the word. So
    it is the same in every process, two fields with the same word cannot be joined, and nobody
    without the key can try words out.

    >>> keys = Keys(b"weir")
    >>> keys.mine(keys.of("category", "travel")), Keys(b"other").mine(keys.of("a", "b"))
    (True, False)
    """

    def __init__(self, key: bytes) -> None:
        self._tag = int.from_bytes(blake2b(b"", key=key, digest_size=2).digest(), "little") >> 1
        self._new = blake2b(key=key, digest_size=BITS // 8).copy
        self.of = lru_cache(maxsize=REMEMBERED)(self._of)

    def _of(self, name: str, word: str) -> int:
        """The hash of a word of a field."""
        state = self._new()
        state.update(f"{name}\0{word}".encode())
        return self._tag << BITS | int.from_bytes(state.digest(), "little")

    def number(self, name: str) -> int:
        """A field's number in customers' records, 32 bits: another one under another key."""
        state = self._new()
        state.update(name.encode())
        return int.from_bytes(state.digest()[:4], "little")

    def mine(self, hash: int) -> bool:
        """Whether a hash is of this key."""
        return hash >> BITS == self._tag


@cache
def keys_of(key: bytes) -> Keys:
    """The hashes under a key; words are remembered for the whole process."""
    return Keys(key)


def bin_of(hash: int) -> int:
    """The bin of a word: words that fall into one are the same to `<word>` and `<word>_amount`."""
    return hash % BINS


def remembered_of(hash: int) -> int:
    """A word as customers' records keep it: 1 to 65,535, the same for many words."""
    return hash % (2**16 - 1) + 1
