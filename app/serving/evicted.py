"""Labels that had to leave their event's entry, by event and origin, inside the labels table.

An entry has room for so many labels. One that leaves is kept under a key of its own until it is
beyond the horizon: a replay of its record repeats its outcome, as if it were still listed. Ids
never contain a NUL, so these keys collide with no event's.
"""

import struct

import msgspec

from app.core.labels import Revision
from app.core.messages import Origin

PREFIX = b"\0evicted"
_ORIGIN = struct.Struct(">IIQ")

encode_evicted = msgspec.msgpack.Encoder().encode
decode_evicted = msgspec.msgpack.Decoder(Revision).decode


def key_of(id: str, origin: Origin) -> bytes:
    """The key under which a label of an event is kept.

    >>> key_of("t1", Origin(1, 0, 5)) < key_of("t1", Origin(1, 0, 6))
    True
    """
    return PREFIX + _ORIGIN.pack(origin.epoch, origin.partition, origin.offset) + id.encode()
