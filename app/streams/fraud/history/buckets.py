"""Short buckets of the events that have left the ring, for windows of up to a day.

Day totals say too little of a customer who fills the ring within an hour. So what has left is
also counted in buckets of a twelfth of each short window: twelve for the window, one that its
start cuts, and one more for events that come a little late. A bucket holds all events of its
span that have left, in the order of their offsets, or is gone: which ones are kept follows from
the latest time that the customer has reached. A level without events takes no room, so that a
record whose ring holds a day has none at all.
"""

from bisect import bisect_left
from collections.abc import Sequence
from struct import Struct
from typing import TypeAlias

import msgspec

from app.errors import StateError
from app.streams.fraud.history.running import NEVER
from app.streams.fraud.history.totals import Totals
from app.streams.fraud.history.widths import WINDOWS, cut, share
from app.units import DAY_MS

PARTS = 12  # buckets to a window
KEPT = PARTS + 2
COVERED = tuple(width for width in WINDOWS if width <= DAY_MS)
SIZES = tuple(width // PARTS for width in COVERED)  # ms: a level of buckets for each
REACH = KEPT * SIZES[-1]  # an event that much before the latest one is in no bucket

HEADER = Struct("<qB")  # the time reached, a bit for each level that is there and for GAP
GAP = 128
MISSING = Struct("<q")
PRESENT = Struct("<BB")  # of a level: the first bucket that is not empty, and how many from there

# Counts and sums of a level, from the oldest bucket kept to the one of the time reached.
Level: TypeAlias = tuple[tuple[int, ...], tuple[float, ...]]
EMPTY: Level = ((0,) * KEPT, (0.0,) * KEPT)


class Buckets(msgspec.Struct, frozen=True, gc=False):
    """Count and sum of amounts of the events that have left, by bucket. Times are epoch ms.

    >>> buckets = NO_BUCKETS.plus((0, 4_000, 61_000), (1.0, 2.0, 4.0), reached=62_000)
    >>> buckets.within(60_000, 1_999, 62_000, Totals(latest=61_000))  # 3 s of the first 5
    (2.2, 5.8)
    """

    reached: int = NEVER  # the latest time of the customer's events
    missing: int = NEVER  # up to here events may have left without being counted
    levels: tuple[Level | None, ...] = (None,) * len(SIZES)

    def plus(self, ats: Sequence[int], amounts: Sequence[float], reached: int) -> "Buckets":
        """The buckets with more events, added one by one, of a customer who has come that far.

        What is too old by then is gone. The same object where nothing at all is left.
        """
        reached = max(reached, self.reached)
        levels: list[Level | None] = []
        latest = max(ats, default=NEVER)
        for size, level in zip(SIZES, self.levels, strict=True):
            first = _first(size, reached)
            if level is not None:
                level = _moved(level, first - _first(size, self.reached))
            if ats and latest >= first * size:
                level = _added(level or EMPTY, first, size, ats, amounts)
            levels.append(level)
        missing = self.missing if self.missing >= _first(SIZES[-1], reached) * SIZES[-1] else NEVER
        if missing == NEVER and not any(levels):
            return NO_BUCKETS
        return Buckets(reached, missing, tuple(levels))

    def within(self, width: int, start: int, end: int, older: Totals) -> tuple[float, float]:
        """Count and sum of the events after `start`, up to `end`, for a window of that width.

        Of a bucket that the window cuts the share within it counts, as if its events were spread
        evenly. What is before the buckets of the width comes from the next longer ones, in the
        end from day totals.
        """
        return self._within(bisect_left(COVERED, width), start, end, older)

    def _within(self, level: int, start: int, end: int, older: Totals) -> tuple[float, float]:
        if level == len(SIZES):
            return older.within(start, end)
        size, buckets = SIZES[level], self.levels[level]
        first = _first(size, self.reached)
        known = max(first, self.missing // size + 1)  # the oldest bucket that lacks no event
        count, total = 0.0, 0.0
        if start < known * size - 1:
            count, total = self._within(level + 1, start, min(end, known * size - 1), older)
        low, high = max((start + 1) // size, known), min(end // size, first + KEPT - 1)
        if buckets is None or low > high:
            return count, total
        (counts, sums), cuts = buckets, []
        for begin in (low * size, high * size):
            cuts.append(share(begin, min(begin + size, older.latest + 1), start, end))
        shares, low, high = (cuts[0], cuts[1]), low - first, high - first
        return count + cut(counts, low, high, shares), total + cut(sums, low, high, shares)

    def encode(self) -> bytes:
        """The buckets as bytes: those that are not empty."""
        packed, present = [], 0
        if self.missing != NEVER:
            present = GAP
            packed.append(MISSING.pack(self.missing))
        for bit, level in enumerate(self.levels):
            if level is not None:
                present |= 1 << bit
                packed.append(_packed(*level))
        return HEADER.pack(self.reached, present) + b"".join(packed)

    @classmethod
    def decode(cls, raw: bytes, position: int) -> tuple["Buckets", int]:
        """The buckets that begin at a position, and the position after them."""
        reached, present = HEADER.unpack_from(raw, position)
        position, missing = position + HEADER.size, NEVER
        if present & GAP:
            (missing,) = MISSING.unpack_from(raw, position)
            position += MISSING.size
        levels: list[Level | None] = []
        for bit in range(len(SIZES)):
            level = None
            if present >> bit & 1:
                level, position = _unpacked(raw, position)
            levels.append(level)
        return cls(reached, missing, tuple(levels)), position


NO_BUCKETS = Buckets()


def _first(size: int, reached: int) -> int:
    """The oldest bucket that is kept."""
    return reached // size - KEPT + 1


def _moved(level: Level, by: int) -> Level | None:
    """A level so many buckets later; None when no event is left in it."""
    if not by:
        return level
    counts, sums = level
    counts = counts[by:] + EMPTY[0][:by]
    return (counts, sums[by:] + EMPTY[1][:by]) if any(counts) else None


def _added(
    level: Level,
    first: int,
    size: int,
    ats: Sequence[int],
    amounts: Sequence[float],
) -> Level:
    """A level with more events, the latest of which is in no earlier bucket than the first."""
    counts, sums = level
    low = min(ats) // size - first
    if low == max(ats) // size - first:  # most of the time: they came in one go
        total = sums[low]
        for amount in amounts:
            total += amount
        more = counts[low] + len(ats)
        return (
            (*counts[:low], more, *counts[low + 1 :]),
            (*sums[:low], total, *sums[low + 1 :]),
        )
    added, totals = list(counts), list(sums)
    for at, amount in zip(ats, amounts, strict=True):
        if (place := at // size - first) >= 0:
            added[place] += 1
            totals[place] += amount
    return tuple(added), tuple(totals)


FORMS = tuple(Struct(f"<{buckets}I{buckets}d") for buckets in range(KEPT + 1))


def _packed(counts: tuple[int, ...], sums: tuple[float, ...]) -> bytes:
    low, high = 0, KEPT
    while not counts[low]:
        low += 1
    while not counts[high - 1]:
        high -= 1
    packed = FORMS[high - low].pack(*counts[low:high], *sums[low:high])
    return PRESENT.pack(low, high - low) + packed


def _unpacked(raw: bytes, position: int) -> tuple[Level, int]:
    low, size = PRESENT.unpack_from(raw, position)
    if low + size > KEPT:
        raise StateError("a customer record is damaged: it has more buckets than there are")
    values = FORMS[size].unpack_from(raw, position + PRESENT.size)
    if not any(values[:size]):
        raise StateError("a customer record is damaged: it has a level of empty buckets")
    none, nothing = EMPTY
    counts = none[:low] + values[:size] + none[low + size :]
    sums = nothing[:low] + values[size:] + nothing[low + size :]
    return (counts, sums), position + PRESENT.size + FORMS[size].size
