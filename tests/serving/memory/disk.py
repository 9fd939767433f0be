"""A disk in memory: tables with their changelogs, and the ledger of decisions."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from app.core.foreign import label_entry
from app.core.foreign import record as record_change
from app.runtime.topics.shapes import LABELS
from app.serving.ledger import Entry
from tests.serving.memory.broker import Logs, Places
from tests.serving.memory.inputs import PARTITION


@dataclass
class Disk:
    """Tables by name, through which offset of its changelog each goes, and what was decided."""

    tables: dict[str, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    through: dict[str, int] = field(default_factory=dict)
    decisions: dict[str, Entry] = field(default_factory=dict)
    mark: tuple[int, int] = (0, -1)
    epoch: int | None = None  # of what was decided, once there is a mark


class Store:
    """The keys of a table on a disk, in their order."""

    def __init__(self, entries: dict[bytes, bytes], reach: Callable[[], None]) -> None:
        self.entries, self.reach, self.get = entries, reach, entries.get

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        if not changes:
            return
        self.reach()
        self.entries.update((key, value) for key, value in changes.items() if value is not None)
        for key in (key for key, value in changes.items() if value is None):
            self.entries.pop(key, None)

    def walk(self, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        yield from sorted((key, value) for key, value in self.entries.items() if key >= start)


class Table:
    """A table on a disk, with its changelog."""

    def __init__(self, name: str, changelog: str, disk: Disk, places: Places) -> None:
        self.name, self.changelog = name, changelog
        self.disk, self.places = disk, places

    def store(self, partition: int) -> Store:
        return Store(self.disk.tables[self.name], partial(self.places.reach, f"store {self.name}"))

    def persisted(self, partition: int, offset: int) -> None:
        self.places.reach(f"mark {self.name}")
        self.disk.through[self.name] = offset

    def recover(self, logs: Logs) -> None:
        """Take over what the changelog has got since, but for what is foreign."""
        log, store = logs.of[self.changelog, PARTITION], self.disk.tables[self.name]
        foreign = label_entry if self.name == LABELS else record_change
        for record in log[self.disk.through.get(self.name, -1) + 1 :]:
            if foreign(record.key, record.value):
                continue
            if record.value is None:
                store.pop(record.key, None)
            else:
                store[record.key] = record.value
        self.disk.through[self.name] = len(log) - 1


class Ledger:
    """The decisions on a disk: see `app.serving.ledger.Ledger`."""

    def __init__(self, disk: Disk, places: Places, epoch: int) -> None:
        self.disk, self.places, self.epoch = disk, places, epoch
        self.earlier: int | None = None
        self.entry = disk.decisions.get

    def write(self, entries: dict[str, Entry]) -> None:
        if entries:
            self.places.reach("store decisions")
            self.disk.decisions.update(entries)

    def read_mark(self) -> tuple[int, int]:
        if self.disk.epoch is not None and self.disk.epoch < self.epoch:
            self.earlier = self.disk.epoch
            self.start_over()
        return self.disk.mark

    def save_mark(self, reached: int, confirmed: int) -> None:
        self.places.reach("mark decisions")
        self.disk.mark, self.disk.epoch = (reached, confirmed), self.epoch

    def start_over(self) -> None:
        self.disk.decisions.clear()
        self.disk.mark, self.disk.epoch = (0, -1), None

    def close(self) -> None:
        """Nothing has to be released."""
