"""Packed records by 64-bit key: a million of them cost their bytes and little more."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import compress
from struct import Struct
from typing import TypeAlias

from app.errors import SnapshotError
from app.streams.fraud.parts import in_parts

SHARDS = 256  # an insertion moves, and a sweep reads, that part of a million records
SHARD_OF = 64 - 8  # a key's top bits, so that shards in order are keys in order
RUN = 512  # most records after one run header of a dump

# The buffer in which a record lies, and where it begins.
Place: TypeAlias = tuple[bytearray, int]

TOUCHED = Struct("<i")  # the first field of every record
RUN_HEAD = Struct("<HiI")


class Shard:
    """Some of the keys in ascending order, and for each the number of its record."""

    __slots__ = ("keys", "numbers", "swept")

    def __init__(self) -> None:
        self.keys = array("Q")
        self.numbers = array("I")
        self.swept = 0  # the day up to which old records have been dropped


class Table:
    """Records of one layout, forgotten when untouched for some days.

    All records lie in one buffer, which grows in place where many small ones would leave
    gaps. What a table holds, and the bytes of its dump, depend only on the calls made. A dump has
    no format of its own: its owner has one, and loads it into a table of the layout that it had.

    Parameters
    ----------
    record
        The layout. Its first field is a 32-bit integer: the day the record was last touched,
        which the caller writes.
    lifetime
        Days. Old records are dropped by the days that `open` is given.
    """

    def __init__(self, record: Struct, lifetime: int) -> None:
        self._size = record.size
        self._lifetime = lifetime
        self._records = bytearray()
        self._free: list[int] = []
        self._shards = [Shard() for _ in range(SHARDS)]

    def __len__(self) -> int:
        return sum(len(shard.keys) for shard in self._shards)

    def find(self, key: int) -> Place | None:
        """The record of a key, or None."""
        shard = self._shards[key >> SHARD_OF]
        keys = shard.keys
        index = bisect_left(keys, key)
        if index < len(keys) and keys[index] == key:
            return self._records, shard.numbers[index] * self._size
        return None

    def open(self, key: int, day: int) -> Place:
        """The record of a key on the current day; a new one is all zeros."""
        shard = self._shards[key >> SHARD_OF]
        if day > shard.swept:
            self._sweep(shard, day - self._lifetime)
            shard.swept = day
        index = bisect_left(shard.keys, key)
        if index == len(shard.keys) or shard.keys[index] != key:
            shard.keys.insert(index, key)
            shard.numbers.insert(index, self._allot())
        return self._records, shard.numbers[index] * self._size

    def parts(self) -> Iterator[bytes]:
        """The whole table in parts of 120 to 290 kB, each made when it is asked for."""
        return in_parts(self._runs())

    def load(self, part: bytes) -> None:
        """Add what one part of a dump holds. Parts come in the order in which they were made.

        Raises
        ------
        SnapshotError
            The part is cut short or not one of this layout.
        """
        at = 0
        while at < len(part):
            at = self._load_run(part, at)

    def _runs(self) -> Iterator[bytes]:
        for place, shard in enumerate(self._shards):
            for first in range(0, len(shard.keys), RUN):
                keys = shard.keys[first : first + RUN]
                head = RUN_HEAD.pack(place, shard.swept, len(keys)) + keys.tobytes()
                yield head + b"".join(map(self._record, shard.numbers[first : first + RUN]))

    def _load_run(self, part: bytes, at: int) -> int:
        keys = at + RUN_HEAD.size
        if keys <= len(part):
            place, swept, count = RUN_HEAD.unpack_from(part, at)
            records = keys + 8 * count
            end = int(records + self._size * count)
            if place < SHARDS and end <= len(part):
                shard = self._shards[place]
                shard.swept = swept
                shard.keys.frombytes(part[keys:records])
                first = len(self._records) // self._size
                shard.numbers.extend(range(first, first + count))
                self._records += part[records:end]
                return end
        raise SnapshotError("a part of the stored statistics is cut short or of another layout")

    def _record(self, number: int) -> bytearray:
        return self._records[number * self._size : (number + 1) * self._size]

    def _allot(self) -> int:
        if not self._free:
            self._records += bytes(self._size)
            return len(self._records) // self._size - 1
        number = self._free.pop()
        self._records[number * self._size : (number + 1) * self._size] = bytes(self._size)
        return number

    def _sweep(self, shard: Shard, oldest: int) -> None:
        """Drop the records last touched before day `oldest`."""
        fresh = [
            TOUCHED.unpack_from(self._records, number * self._size)[0] >= oldest
            for number in shard.numbers
        ]
        if not all(fresh):
            self._free += [n for n, kept in zip(shard.numbers, fresh, strict=True) if not kept]
            shard.keys = array("Q", compress(shard.keys, fresh))
            shard.numbers = array("I", compress(shard.numbers, fresh))
