"""What one step of an agent may read and write: overlays of tables, then writers."""

from collections.abc import Callable, Iterable
from typing import Any

import rocksdict
from faust.types.tuples import TP

from app.stream.writer import Out, Receipt, Writers


class Overlay:
    """A table's partition with the step's own writes in front of it."""

    def __init__(self, table: Any, partition: int) -> None:
        self.table = table
        self.db = table.data._db_for_partition(partition)
        self.changed: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value that this step, or an earlier one, wrote last."""
        if key in self.changed:
            return self.changed[key]
        return self.db.get(key)

    def __setitem__(self, key: bytes, value: bytes | None) -> None:
        self.changed[key] = value

    def write(self) -> None:
        """Apply the changes to RocksDB as one batch."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in self.changed.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self.db.write(batch)


class Step:
    """One chunk of one source partition on its way through an agent.

    Everything from the first read to `store` happens without an await, so two agents may
    write the same table. `still_mine` is asked again before anything that another worker
    must not see from us.
    """

    def __init__(
        self,
        tp: TP,
        writers: Writers,
        still_mine: Callable[[], bool],
    ) -> None:
        self.tp, self.writers = tp, writers
        self.still_mine = still_mine
        self.overlays: dict[str, Overlay] = {}

    @property
    def partition(self) -> int:
        return self.tp.partition

    def table(self, table: Any) -> Overlay:
        """The table's overlay in this step."""
        if table.name not in self.overlays:
            self.overlays[table.name] = Overlay(table, self.partition)
        return self.overlays[table.name]

    def store(self) -> dict[str, Receipt]:
        """Write all overlays to RocksDB and queue their changelogs; receipts by table name."""
        for overlay in self.overlays.values():
            if overlay.changed:
                overlay.write()
        return {name: self._log_changes(overlay) for name, overlay in self.overlays.items()}

    def _log_changes(self, overlay: Overlay) -> Receipt:
        topic = overlay.table.changelog_topic.get_topic_name()
        changes = (Out(key, value) for key, value in overlay.changed.items())
        return self.writers(topic, self.partition).put(changes, self._persisted(overlay, topic))

    def _persisted(self, overlay: Overlay, topic: str) -> Callable[[int, int], None]:
        def remember(base: int, count: int) -> None:
            if self.still_mine():
                tp = TP(topic, self.partition)
                overlay.table.data.set_persisted_offset(tp, base + count - 1)

        return remember

    def send(self, topic: str, records: Iterable[Out], partition: int | None = None) -> Receipt:
        """Queue records for a topic, on this step's partition unless told otherwise."""
        return self.writers(topic, self.partition if partition is None else partition).put(records)
