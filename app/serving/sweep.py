"""Expiry of the labels table: entries are deleted when nothing new can be said about them."""

from itertools import islice

from app.core.labels import decode_entry
from app.runtime.tables import Store
from app.serving.evicted import PREFIX, decode_evicted

LOOKS = 2  # entries looked at for each label read: the sweep is as fast as the table grows
NEVER = -(2**63)  # epoch ms


class Sweep:
    """Walks through one partition of the labels table, a few entries a step."""

    def __init__(self) -> None:
        self.cursor = b""

    def expired(self, store: Store, before: int, looks: int) -> list[bytes]:
        """Of the next `looks` entries, those whose last label was recorded before a time."""
        items = list(islice(store.walk(self.cursor), looks + 1))
        self.cursor = items[-1][0] if len(items) > looks else b""
        return [key for key, raw in items[:looks] if _last_recorded(key, raw, before) < before]


def _last_recorded(key: bytes, raw: bytes, otherwise: int) -> int:
    """When the last label of an entry was recorded, or the one that had to leave it (epoch ms)."""
    if key.startswith(PREFIX):
        return decode_evicted(raw).recorded
    if b"\0" in key:  # not an id: a waiting label, Faust's offset
        return otherwise
    return max((one.recorded for one in decode_entry(raw, "").revisions), default=NEVER)
