"""Labels that came before their event: an index by time inside the labels table.

An entry's key sorts by the label's record time, so the ones that have waited for too long
come first. Ids never contain a NUL, so these keys collide with no event's.
"""

from collections.abc import Callable, Iterable
from struct import error as StructError
from typing import NamedTuple

from app.core.label_keys import TIME, WAITING
from app.core.labels import decode_entry
from app.errors import StateError
from app.runtime.tables import Store

PREFIX = WAITING


class Waiting(NamedTuple):
    """A label that waits: when its record was written (epoch ms), its id, its event."""

    recorded: int
    label_id: str
    id: str

    @property
    def key(self) -> bytes:
        """The key of the index entry.

        >>> Waiting.read(Waiting(5, "l1", "t1").key)
        Waiting(recorded=5, label_id='l1', id='t1')
        """
        return PREFIX + TIME.pack(self.recorded) + f"{self.label_id}\0{self.id}".encode()

    @classmethod
    def read(cls, key: bytes) -> "Waiting":
        """The inverse of `key`.

        Raises
        ------
        StateError
            It is malformed: a release that did not judge such keys took it from the changelog.
        """
        try:
            (recorded,) = TIME.unpack_from(key, len(PREFIX))
            label_id, id = key[len(PREFIX) + TIME.size :].decode().split("\0")
        except (StructError, ValueError) as error:
            raise StateError(
                f"the key of a label that waits is damaged: {error}; remove the data directory: "
                "recovery passes such keys over"
            ) from None
        return cls(recorded, label_id, id)


def left_over(waiting: Iterable[Waiting], table: Callable[[bytes], bytes | None]) -> list[Waiting]:
    """Index entries of labels that do not wait, as the entry of their event says.

    A worker that is killed before its changelog has an entry leaves it on its disk. If the worker
    that reads the label again knows the decision, it makes no entry, and takes none off.
    """
    return [one for one in waiting if not _waits(one, table(one.id.encode()))]


def _waits(one: Waiting, entry: bytes | None) -> bool:
    waiting = decode_entry(entry, "").waiting
    return any((label.recorded, label.label_id) == one[:2] for label in waiting)


def overdue(store: Store, before: int, limit: int, after: Waiting | None = None) -> list[Waiting]:
    """The first labels recorded before a time, oldest first; only those that follow `after`."""
    found: list[Waiting] = []
    for key, _ in store.walk(PREFIX if after is None else after.key + b"\0"):
        if len(found) == limit or not key.startswith(PREFIX):
            break
        waiting = Waiting.read(key)
        if waiting.recorded >= before:
            break
        found.append(waiting)
    return found
