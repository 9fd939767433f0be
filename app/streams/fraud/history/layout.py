"""How a customer's record is stored.

    header | running values after the newest event, and before the oldest one kept
           | the events | day totals of the events that have left | buckets of the last day of them
           | where events came from that were entered again | the words a customer uses
           | fraud labels

All but the last are a function of the transactions topic, the labels of the feedback topic.
All numbers are little-endian. The header's flags name the sections that only few records have.
"""

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import TypeAlias

from app.errors import StateError
from app.streams.fraud.history import habits, origins, recent
from app.streams.fraud.history.buckets import NO_BUCKETS, Buckets
from app.streams.fraud.history.columns import Steps
from app.streams.fraud.history.habits import Habit
from app.streams.fraud.history.ring import Ring
from app.streams.fraud.history.running import NEVER, Running
from app.streams.fraud.history.totals import Totals

# Of all sections: a change to any of them is a new one; see READERS. A record without words is
# written as in the format before, so that workers of a release before it read it too.
FORMAT = 3
HEADER = Struct("<BIqB")  # format, epoch, seen_through, flags
PLACED, BUCKETS, ENTERED, HABITS = 1, 2, 4, 8  # a place is known; the sections that are there
FLAGS_OF_3 = bytes((HABITS,))
ROWS = Struct("<H")  # how many partitions events were entered from

# Epoch, the highest offset seen, then what comes after the header, labels before what few have.
Sections: TypeAlias = tuple[
    int, int, Running, Running, Ring, Totals, bytes, Buckets, bytes, Mapping[int, Habit]
]
NO_HABITS: Mapping[int, Habit] = {}


def pack(
    epoch: int,
    seen_through: int,
    head: Running,
    base: Running,
    ring: Ring,
    totals: Totals,
    labels: bytes,
    buckets: Buckets,
    entered: bytes,
    fields: Sequence[int],
    kept: Sequence[Habit],
) -> bytes:
    """A record as bytes."""
    placed = head.places > 0
    flags, packed = PLACED if placed else 0, b""
    if buckets is not NO_BUCKETS:
        flags, packed = flags | BUCKETS, buckets.encode()
    if entered:
        flags |= ENTERED
        entered = ROWS.pack(len(entered) // origins.ROW.size) + entered
    words = habits.pack(fields, kept) if kept else b""
    if words:
        flags |= HABITS
    return b"".join(
        (
            HEADER.pack(FORMAT if words else FORMAT - 1, epoch, seen_through, flags),
            head.encode(placed),
            base.encode(placed),
            ring.encode(),
            totals.encode(),
            packed,
            entered,
            words,
            labels,
        )
    )


def reached(ats: Steps, base: Running, replay: int) -> int:
    """How far a customer had come before so many of the newest events: their latest time."""
    values = ats.values()
    return max(base.last_at, max(values[: max(0, len(values) - replay)], default=NEVER))


def _read_3(raw: bytes, replay: int) -> Sections:
    _, epoch, seen_through, flags = HEADER.unpack_from(raw)
    placed = flags & PLACED == PLACED
    head, position = Running.decode(raw, HEADER.size, placed)
    base, position = Running.decode(raw, position, placed)
    ring, position = Ring.decode(raw, position)
    totals, position = Totals.decode(raw, position, base.last_at)
    buckets, entered, words = NO_BUCKETS, b"", NO_HABITS
    if flags > PLACED:
        buckets, entered, words, position = _sections(raw, position, flags, len(ring))
    if (len(raw) - position) % recent.ROW.size:
        raise StateError("a customer record is damaged: its labels are cut")
    labels = raw[position:]
    return epoch, seen_through, head, base, ring, totals, labels, buckets, entered, words


def _sections(
    raw: bytes, position: int, flags: int, events: int
) -> tuple[Buckets, bytes, Mapping[int, Habit], int]:
    """The sections that few records have, and the position after them."""
    buckets, entered, words = NO_BUCKETS, b"", NO_HABITS
    if flags >= 2 * HABITS:
        raise _unknown(flags)
    if flags & BUCKETS:
        buckets, position = Buckets.decode(raw, position)
    if flags & ENTERED:
        (rows,) = ROWS.unpack_from(raw, position)
        start, position = position + ROWS.size, position + ROWS.size + rows * origins.ROW.size
        entered = raw[start:position]
        if position > len(raw):
            raise StateError("a customer record is damaged: its origins are cut")
    if flags & HABITS:
        words, position = habits.unpack(raw, position, events)
    return buckets, entered, words, position


def _unknown(flags: int) -> StateError:
    return StateError(f"a customer record is damaged: its flags are {flags}")


def _read_2(raw: bytes, replay: int) -> Sections:
    """Before words were remembered, and still of customers without one."""
    flags = raw[HEADER.size - 1 : HEADER.size]
    if flags >= FLAGS_OF_3:
        raise _unknown(flags[0])
    return _read_3(raw, replay)


def _read_1(raw: bytes, replay: int) -> Sections:
    """Before there were buckets: what has left is in none, up to the latest of its times."""
    sections = _read_2(raw, replay)
    epoch, seen_through, head, base, ring, totals, labels, _, entered, words = sections
    if not base.events:
        return sections
    gap = Buckets(missing=base.last_at).plus((), (), reached(ring.ats, base, replay))
    return epoch, seen_through, head, base, ring, totals, labels, gap, entered, words


# The current format and those before. A section whose layout changes keeps the decoder of the
# earlier one, for the earlier reader.
READERS: Mapping[int, Callable[[bytes, int], Sections]] = {3: _read_3, 2: _read_2, 1: _read_1}
