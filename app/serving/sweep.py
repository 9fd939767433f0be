"""Expiry of the labels table: entries are deleted when nothing new can be said about them."""

from itertools import islice

from app.core.labels import decode_entry
from app.runtime.tables import Store

LOOKS = 2  # entries looked at for each label read: the sweep is as fast as the table grows


class Sweep:
    """Walks through one partition of the labels table, a few entries a step."""

    def __init__(self) -> None:
        self.cursor = b""

    def expired(self, store: Store, before: int, looks: int) -> list[bytes]:
        """Of the next `looks` entries, those whose last label was recorded before a time."""
        items = list(islice(store.walk(self.cursor), looks + 1))
        self.cursor = items[-1][0] if len(items) > looks else b""
        # Keys that contain a NUL are not ids: waiting labels, Faust's offset.
        entries = [(key, raw) for key, raw in items[:looks] if b"\0" not in key]
        return [key for key, raw in entries if _last_recorded(raw) < before]


def _last_recorded(raw: bytes) -> int:
    return max(revision.recorded for revision in decode_entry(raw, "").revisions)
