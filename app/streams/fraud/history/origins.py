"""Where a customer's events came from that were entered again: a section of the record.

An event that was sent to a wrong partition is entered again on the right one, and a crash may
enter it twice. A partition is read in order, so that its highest offset tells a second copy:
nothing at or below it is new. Rows are kept by partition, in ascending order.
"""

from struct import Struct

from app.core.messages import Source

ROW = Struct("<Iq")  # partition, the highest offset of this epoch


def note(packed: bytes, origin: Source) -> bytes:
    """The section after one more event.

    >>> known(note(note(b"", Source(3, 70)), Source(3, 64)), Source(3, 70))
    True
    """
    rows = dict(ROW.iter_unpack(packed))
    rows[origin.partition] = max(origin.offset, rows.get(origin.partition, origin.offset))
    return b"".join(ROW.pack(*row) for row in sorted(rows.items()))


def known(packed: bytes, origin: Source) -> bool:
    """Whether this event, or a later one of its partition, is in the section."""
    rows: dict[int, int] = dict(ROW.iter_unpack(packed))
    return origin.offset <= rows.get(origin.partition, -1)
