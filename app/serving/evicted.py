"""Labels that had to leave their event's entry, by event and origin, inside the labels table.

An entry has room for so many labels. One that leaves is kept under a key of its own until it is
beyond the horizon: a replay of its record repeats its outcome, as if it were still listed. Ids
never contain a NUL, so these keys collide with no event's.
"""

import msgspec

from app.core.label_keys import EVICTED, ORIGIN
from app.core.labels import WHERE, LabelEntry, Revision
from app.core.messages import Origin
from app.errors import StateError
from app.runtime.step import Overlay

PREFIX = EVICTED

encode_evicted = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Revision).decode


def decode_evicted(raw: bytes) -> Revision:
    """A label that had to leave its entry. Raises StateError when it is damaged."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(
            f"a label that had to leave its entry is damaged: {error}{WHERE}"
        ) from None


def key_of(id: str, origin: Origin) -> bytes:
    """The key under which a label of an event is kept.

    >>> key_of("t1", Origin(1, 0, 5)) < key_of("t1", Origin(1, 0, 6))
    True
    """
    return PREFIX + ORIGIN.pack(origin.epoch, origin.partition, origin.offset) + id.encode()


class Evicted:
    """What has left the entries, in one step over labels."""

    def __init__(self, labels: Overlay) -> None:
        self.labels = labels
        self.met: dict[bytes, Revision] = {}

    def left(self, entry: LabelEntry, id: str, origin: Origin) -> Revision | None:
        """The label that was read at an origin, if it had to leave its entry."""
        return self.find(id, origin) if entry.left_out(origin) else None

    def find(self, id: str, origin: Origin) -> Revision | None:
        """A label of this origin; None where it is beyond the horizon, or never had to leave."""
        key = key_of(id, origin)
        if key not in self.met and (raw := self.labels.get(key)) is not None:
            self.met[key] = decode_evicted(raw)
        return self.met.get(key)

    def keep(self, id: str, revision: Revision) -> None:
        """Take in a label that leaves its entry, now or once more at a replay."""
        self.met[key_of(id, revision.origin)] = revision

    def write(self) -> None:
        """Into the overlay, before the entries: a changelog may end between the two."""
        for key, revision in self.met.items():
            self.labels[key] = encode_evicted(revision)
