"""How a customer's record is stored.

    header | running values after the newest event, and before the oldest one kept
           | the events | day totals of the events that have left | buckets of the last day of them
           | where events came from that were entered again | fraud labels

All but the last are a function of the transactions topic, the labels of the feedback topic.
All numbers are little-endian. The header's flags name the sections that only few records have.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import TypeAlias

from app.errors import StateError
from app.streams.fraud.history import origins, recent
from app.streams.fraud.history.buckets import NO_BUCKETS, Buckets
from app.streams.fraud.history.columns import Steps
from app.streams.fraud.history.ring import Ring
from app.streams.fraud.history.running import NEVER, Running
from app.streams.fraud.history.totals import Totals

FORMAT = 2  # of all sections: a change to any of them is a new one; see READERS
HEADER = Struct("<BIqB")  # format, epoch, seen_through, flags
PLACED, BUCKETS, ENTERED = 1, 2, 4  # a place is known; the sections that are there
ROWS = Struct("<H")  # how many partitions events were entered from

# Epoch, the highest offset seen, then what comes after the header, labels before what few have.
Sections: TypeAlias = tuple[int, int, Running, Running, Ring, Totals, bytes, Buckets, bytes]


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
) -> bytes:
    """A record as bytes."""
    placed = head.places > 0
    flags, packed = PLACED if placed else 0, b""
    if buckets is not NO_BUCKETS:
        flags, packed = flags | BUCKETS, buckets.encode()
    if entered:
        flags |= ENTERED
        entered = ROWS.pack(len(entered) // origins.ROW.size) + entered
    return b"".join(
        (
            HEADER.pack(FORMAT, epoch, seen_through, flags),
            head.encode(placed),
            base.encode(placed),
            ring.encode(),
            totals.encode(),
            packed,
            entered,
            labels,
        )
    )


def reached(ats: Steps, base: Running, replay: int) -> int:
    """How far a customer had come before so many of the newest events: their latest time."""
    values = ats.values()
    return max(base.last_at, max(values[: max(0, len(values) - replay)], default=NEVER))


def _read_2(raw: bytes, replay: int) -> Sections:
    _, epoch, seen_through, flags = HEADER.unpack_from(raw)
    placed = flags & PLACED == PLACED
    head, position = Running.decode(raw, HEADER.size, placed)
    base, position = Running.decode(raw, position, placed)
    ring, position = Ring.decode(raw, position)
    totals, position = Totals.decode(raw, position, base.last_at)
    buckets, entered = NO_BUCKETS, b""
    if flags > PLACED:
        buckets, entered, position = _sections(raw, position, flags)
    if (len(raw) - position) % recent.ROW.size:
        raise StateError("a customer record is damaged: its labels are cut")
    labels = raw[position:]
    return epoch, seen_through, head, base, ring, totals, labels, buckets, entered


def _sections(raw: bytes, position: int, flags: int) -> tuple[Buckets, bytes, int]:
    """The sections that few records have, and the position after them."""
    buckets, entered = NO_BUCKETS, b""
    if flags >= 2 * ENTERED:
        raise StateError(f"a customer record is damaged: its flags are {flags}")
    if flags & BUCKETS:
        buckets, position = Buckets.decode(raw, position)
    if flags & ENTERED:
        (rows,) = ROWS.unpack_from(raw, position)
        start, position = position + ROWS.size, position + ROWS.size + rows * origins.ROW.size
        entered = raw[start:position]
        if position > len(raw):
            raise StateError("a customer record is damaged: its origins are cut")
    return buckets, entered, position


def _read_1(raw: bytes, replay: int) -> Sections:
    """Before there were buckets: what has left is in none, up to the latest of its times."""
    sections = _read_2(raw, replay)
    epoch, seen_through, head, base, ring, totals, labels, _, entered = sections
    if not base.events:
        return sections
    gap = Buckets(missing=base.last_at).plus((), (), reached(ring.ats, base, replay))
    return epoch, seen_through, head, base, ring, totals, labels, gap, entered


# The current format and the previous one. A section whose layout changes keeps the decoder of the
# earlier one, for the earlier reader.
READERS: Mapping[int, Callable[[bytes, int], Sections]] = {FORMAT: _read_2, FORMAT - 1: _read_1}
