"""What one step of an agent may read and write: overlays of tables, then writers."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import rocksdict
from faust.types.tuples import TP

from app.runtime.writer import Out, Receipt, Writers


class Open(Protocol):
    """A value that is unpacked, and may be changed in place until it is written."""

    def encode(self) -> bytes:
        """The value as bytes."""


Value: TypeAlias = bytes | Open | None  # None deletes
Changes: TypeAlias = MutableMapping[bytes, Value]
R = TypeVar("R", bound=Open)


class Overlay:
    """A table's partition with the step's own writes in front of it.

    Parameters
    ----------
    held
        What earlier steps changed and has yet to be written.
    """

    def __init__(self, table: Any, partition: int, held: Changes | None = None) -> None:
        self.table, self.held = table, held
        self.db = table.data._db_for_partition(partition)
        self.changed: dict[bytes, Value] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value that this step, or an earlier one, wrote last."""
        return packed(self._find(key))

    def open(self, key: bytes, decode: Callable[[bytes | None], R]) -> R:
        """That value unpacked by `decode`, once for all steps until it is written.

        What is done to it counts as written.
        """
        value = self._find(key)
        # A key's values are all opened by one function, or none is.
        opened = decode(value) if value is None or isinstance(value, bytes) else cast(R, value)
        self.changed[key] = opened
        return opened

    def __setitem__(self, key: bytes, value: bytes | None) -> None:
        self.changed[key] = value

    def write(self) -> None:
        """Pack what was opened, and apply the changes to RocksDB as one batch."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in self.changed.items():
            self.changed[key] = value = packed(value)
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self.db.write(batch)

    def _find(self, key: bytes) -> Value:
        if key in self.changed:
            return self.changed[key]
        if self.held and key in self.held:
            return self.held[key]
        return cast(bytes | None, self.db.get(key))


def packed(value: Value) -> bytes | None:
    """A value as bytes."""
    return value if value is None or isinstance(value, bytes) else value.encode()


class Step:
    """One chunk of one source partition on its way through an agent.

    Everything from the first read to `store` happens without an await, so two agents may
    write the same table. `still_mine` is asked again before anything that another worker
    must not see from us.

    Parameters
    ----------
    held
        By table name: where changes go that are to be written later, instead of now.
    """

    def __init__(
        self,
        tp: TP,
        writers: Writers,
        still_mine: Callable[[], bool],
        held: Mapping[str, Changes] | None = None,
    ) -> None:
        self.tp, self.writers = tp, writers
        self.still_mine = still_mine
        self.held = held or {}
        self.overlays: dict[str, Overlay] = {}

    @property
    def partition(self) -> int:
        return self.tp.partition

    def table(self, table: Any) -> Overlay:
        """The table's overlay in this step."""
        if table.name not in self.overlays:
            held = self.held.get(table.name)
            self.overlays[table.name] = Overlay(table, self.partition, held)
        return self.overlays[table.name]

    def store(self) -> dict[str, Receipt]:
        """Write all overlays to RocksDB and queue their changelogs; receipts by table name.

        What is held back has none.
        """
        written: dict[str, Overlay] = {}
        for name, overlay in self.overlays.items():
            if overlay.held is not None:
                overlay.held.update(overlay.changed)
                continue
            written[name] = overlay
            if overlay.changed:
                overlay.write()
        return {name: self._log_changes(overlay) for name, overlay in written.items()}

    def _log_changes(self, overlay: Overlay) -> Receipt:
        topic = overlay.table.changelog_topic.get_topic_name()
        changes = (Out(key, packed(value)) for key, value in overlay.changed.items())
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
