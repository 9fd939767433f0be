"""Labels added up by key, in a bounded table that forgets what is unused for longest."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from struct import Struct
from typing import Any

from app.errors import SnapshotError
from app.streams.fraud.parts import in_parts

SHARDS = 128
SHARD_OF = 64 - 7  # a key's top bits
HEAD = Struct("<HiI")  # shard, day up to which it has forgotten cells, cells
COLUMNS = "Qddii"  # keys, labels, sums, days of the last label, days from which labels count
CELL = sum(array(kind).itemsize for kind in COLUMNS)


class Shard:
    """Some of the cells, in ascending order of their keys."""

    __slots__ = ("full_on", "keys", "labels", "since", "sums", "swept", "touched")

    def __init__(self) -> None:
        self.keys = array("Q")
        self.labels, self.sums = array("d"), array("d")
        self.touched, self.since = array("i"), array("i")
        self.swept = -1  # the latest day whose cells were forgotten
        self.full_on = -1  # the day on which there was nothing to forget; follows from the rest


class Cells:
    """Weights of labels, and sums of a value of each, by 64-bit key, 32 bytes a cell.

    The value is 1 or 0 where frauds are counted, and a whole number where a mean is wanted.

    A shard that is full forgets cells by the day of their last label, the oldest first, an eighth
    of it at least and never those of today: if all are, a new key gets no cell. A cell counts
    labels that became known after all that its shard had forgotten when the cell was made, and
    takes back exactly those: what was counted in a forgotten cell is not taken from a later one
    of the same key. Weights that are multiples of a power of two, with values that are whole, come
    and go exactly.

    Parameters
    ----------
    most
        Cells in each of 128 shards.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._shards = [Shard() for _ in range(SHARDS)]

    def __len__(self) -> int:
        return sum(len(shard.keys) for shard in self._shards)

    def counted(self, key: int) -> tuple[float, float]:
        """Weight of the labels in a cell, and the sum of their values; 0 where there is none."""
        shard = self._shards[key >> SHARD_OF]
        keys = shard.keys
        at = bisect_left(keys, key)
        if at < len(keys) and keys[at] == key:
            return shard.labels[at], shard.sums[at]
        return 0.0, 0.0

    def count(self, key: int, value: int, weight: float, known: int, today: int) -> None:
        """Count a label.

        Parameters
        ----------
        key
            64 bits, those of all keys spread evenly.
        value
            What is added up: 0 or more.
        weight
            How many events like this one the label stands for.
        known
            The day (since 1970) on which the label became known.
        today
            The latest such day of all labels so far. It never goes back.
        """
        shard = self._shards[key >> SHARD_OF]
        keys = shard.keys
        at = bisect_left(keys, key)
        if (at == len(keys) or keys[at] != key) and (
            at := self._make(shard, key, known, today)
        ) < 0:
            return
        if known >= shard.since[at]:
            shard.labels[at] += weight
            if value:
                shard.sums[at] += value * weight
            shard.touched[at] = today

    def take_back(self, key: int, value: int, weight: float, known: int) -> None:
        """Undo `count` with the same arguments, if the cell that counted is still there."""
        shard = self._shards[key >> SHARD_OF]
        at = bisect_left(shard.keys, key)
        if at < len(shard.keys) and shard.keys[at] == key and known >= shard.since[at]:
            shard.labels[at] = max(shard.labels[at] - weight, 0.0)
            if value:
                shard.sums[at] = max(shard.sums[at] - value * weight, 0.0)

    def parts(self) -> Iterator[bytes]:
        """All cells in parts of 120 to 250 kB, each made when it is asked for."""
        return in_parts(
            HEAD.pack(place, shard.swept, len(shard.keys))
            + b"".join(column.tobytes() for column in _columns(shard))
            for place, shard in enumerate(self._shards)
            if shard.keys or shard.swept >= 0
        )

    def load(self, part: bytes) -> None:
        """Add what one part of a dump holds. Raises SnapshotError if it is not one."""
        at = 0
        while at < len(part):
            at = self._load_shard(part, at)

    def _load_shard(self, part: bytes, at: int) -> int:
        first = at + HEAD.size
        if first <= len(part):
            place, swept, count = HEAD.unpack_from(part, at)
            end = int(first + CELL * count)
            if place < SHARDS and count <= self._most and end <= len(part):
                shard = self._shards[place] = Shard()
                shard.swept = swept
                for column in _columns(shard):
                    last = first + column.itemsize * count
                    column.frombytes(part[first:last])
                    first = last
                return end
        raise SnapshotError("a part of the stored rates is cut short or of another layout")

    def _make(self, shard: Shard, key: int, known: int, today: int) -> int:
        """Where the new cell of a key is; -1 if there is no room, or only for later labels."""
        if len(shard.keys) >= self._most and shard.full_on < today:
            self._forget(shard, today)
        if len(shard.keys) >= self._most or known <= shard.swept:
            return -1
        at = bisect_left(shard.keys, key)
        shard.keys.insert(at, key)
        shard.labels.insert(at, 0.0)
        shard.sums.insert(at, 0.0)
        shard.touched.insert(at, today)
        shard.since.insert(at, shard.swept + 1)
        return at

    def _forget(self, shard: Shard, today: int) -> None:
        """Drop the cells that had no label for longest, or note that all had one today."""
        touched = shard.touched
        last = min(sorted(touched)[len(touched) // 8], today - 1)
        kept = [number for number, day in enumerate(touched) if day > last]
        if len(kept) == len(touched):
            shard.full_on = today
            return
        for column in _columns(shard):
            column[:] = array(column.typecode, [column[number] for number in kept])
        shard.swept = max(shard.swept, last)


def _columns(shard: Shard) -> tuple[Any, ...]:
    return shard.keys, shard.labels, shard.sums, shard.touched, shard.since
