"""Columns of a packed record: sequences kept as bytes, opened only where they are needed."""

from collections.abc import Iterable
from functools import cache
from itertools import accumulate
from struct import Struct

import msgspec

NARROW = Struct("<i")
WIDE = Struct("<q")
# What fits into 4 bytes: as milliseconds some 24 days between two transactions.
REACH = range(-(2**31), 2**31)


@cache
def column(code: str, size: int) -> Struct:
    """The layout of so many little-endian values of a struct code."""
    return Struct(f"<{size}{code}")


class Steps(msgspec.Struct, gc=False):
    """Integers of 64 bits packed as differences: 4 bytes each, 8 while one of them needs it.

    Appending, and dropping the oldest, do not open the column.

    >>> steps = Steps.of([1_700_000_000_000, 1_700_000_060_000])
    >>> steps.append(1_700_000_061_000)
    >>> steps.drop_oldest()
    1700000000000
    >>> steps.values(), steps.before_last(1), len(steps.packed)
    ((1700000060000, 1700000061000), 1700000060000, 8)
    """

    origin: int = 0  # what the first difference starts from
    last: int = 0
    packed: bytes = b""
    wide: bool = False

    @classmethod
    def of(cls, values: Iterable[int]) -> "Steps":
        steps = cls()
        for value in values:
            steps.append(value)
        return steps

    def append(self, value: int) -> None:
        if not self.packed:
            self.origin = self.last = value
        step = value - self.last
        if step not in REACH and not self.wide:
            self._repack(wide=True)
        self.packed += (WIDE if self.wide else NARROW).pack(step)
        self.last = value

    def drop_oldest(self) -> int:
        """Drop the oldest value and return it."""
        form = WIDE if self.wide else NARROW
        (step,) = form.unpack_from(self.packed)
        self.origin += step
        self.packed = self.packed[form.size :]
        if step not in REACH and all(step in REACH for step in self._steps()):
            self._repack(wide=False)
        return self.origin

    def before_last(self, count: int) -> int:
        """The value so many places before the last one."""
        code, size = ("q", 8) if self.wide else ("i", 4)
        start = len(self.packed) - count * size
        steps: tuple[int, ...] = column(code, count).unpack_from(self.packed, start)
        return self.last - sum(steps)

    def values(self) -> tuple[int, ...]:
        """All values, oldest first."""
        return tuple(accumulate(self._steps(), initial=self.origin))[1:]

    def _steps(self) -> tuple[int, ...]:
        code, size = ("q", 8) if self.wide else ("i", 4)
        return column(code, len(self.packed) // size).unpack(self.packed)

    def _repack(self, wide: bool) -> None:
        form = WIDE if wide else NARROW
        self.packed = b"".join(map(form.pack, self._steps()))
        self.wide = wide


def find(column: bytes, item: bytes, size: int = 0) -> int:
    """Where the first item of a column that begins with `item` begins, or -1.

    `size` is that of an item; without it, that of the one looked for.

    >>> find(b"abcdcdab", b"cd"), find(b"abcdcdab", b"bc"), find(b"abcdcdab", b"cd", 4)
    (2, -1, 4)
    """
    size = size or len(item)
    at = column.find(item)
    while at >= 0 and at % size:  # a match across two items, or within one
        at = column.find(item, at + 1)
    return at
