"""What one step of an agent may read and write: overlays of tables, then writers."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Protocol, TypeAlias, TypeVar, cast

from faust.types.tuples import TP

from app.runtime.tables import Table
from app.runtime.writer import OnAck, Out, Receipt


class Open(Protocol):
    """A value that is unpacked, and may be changed in place until it is written."""

    def encode(self) -> bytes:
        """The value as bytes."""


Value: TypeAlias = bytes | Open | None  # None deletes
Changes: TypeAlias = MutableMapping[bytes, Value]
R = TypeVar("R", bound=Open)


class Sink(Protocol):
    """What a topic-partition is written with: see `app.runtime.writer.Writer`."""

    def put(self, records: Iterable[Out], on_ack: OnAck | None = None) -> Receipt:
        """Queue records; `on_ack` is called for each acknowledged batch, in order."""


Outbox = Callable[[str, int], Sink]  # by topic and partition: see `app.runtime.writer.Writers`


class Overlay:
    """A table's partition with the step's own writes in front of it.

    Parameters
    ----------
    held
        Changes of earlier steps that have yet to be written.
    """

    def __init__(self, table: Table, partition: int, held: Changes | None = None) -> None:
        self.table, self.held = table, held
        self.store = table.store(partition)
        self.changed: dict[bytes, Value] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value that this step, or an earlier one, wrote last."""
        return packed(self._find(key))

    def open(self, key: bytes, decode: Callable[[bytes | None], R]) -> R:
        """That value unpacked by `decode`, once for all steps until it is written.

        Changes to it count as written.
        """
        value = self._find(key)
        # Either every value of a key is opened, by the same function each time, or none is.
        opened = decode(value) if value is None or isinstance(value, bytes) else cast(R, value)
        self.changed[key] = opened
        return opened

    def __setitem__(self, key: bytes, value: bytes | None) -> None:
        self.changed[key] = value

    def write(self) -> None:
        """Pack what was opened, and write the changes to the table's store, all or none."""
        written = {key: packed(value) for key, value in self.changed.items()}
        self.changed.update(written)
        self.store.write(written)

    def _find(self, key: bytes) -> Value:
        if key in self.changed:
            return self.changed[key]
        if self.held and key in self.held:
            return self.held[key]
        return self.store.get(key)


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
        By table name: where to put changes that are to be written later.
    """

    def __init__(
        self,
        tp: TP,
        writers: Outbox,
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

    def table(self, table: Table) -> Overlay:
        """The table's overlay in this step."""
        if table.name not in self.overlays:
            held = self.held.get(table.name)
            self.overlays[table.name] = Overlay(table, self.partition, held)
        return self.overlays[table.name]

    def store(self) -> dict[str, Receipt]:
        """Write all overlays to their stores and queue their changelogs; receipts by table name.

        Changes that are held back have none.
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
        changes = (Out(key, packed(value)) for key, value in overlay.changed.items())
        writer = self.writers(overlay.table.changelog, self.partition)
        return writer.put(changes, self._persisted(overlay.table))

    def _persisted(self, table: Table) -> OnAck:
        def remember(base: int, count: int) -> None:
            if self.still_mine():
                table.persisted(self.partition, base + count - 1)

        return remember

    def send(
        self,
        topic: str,
        records: Iterable[Out],
        partition: int | None = None,
        on_ack: OnAck | None = None,
    ) -> Receipt:
        """Queue records for a topic, on this step's partition unless another is given."""
        writer = self.writers(topic, self.partition if partition is None else partition)
        return writer.put(records, on_ack)
