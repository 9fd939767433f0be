"""Collections that may outgrow memory: a part of them stays in it, the rest is in a temporary file.

The file has no name and is gone with the process, however that ends. It lies where SQLite puts
temporary files: the folder of SQLITE_TMPDIR or TMPDIR, else /var/tmp or /tmp. Where there is no
room, what adds an item raises DataError.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count, islice
from typing import Any, Generic, TypeVar

import msgspec

from app.errors import DataError

MOST = 100_000  # items in memory
CACHE_KB = 16_000  # of a file's pages in memory

_NEVER = 1 << 63  # after any time

Item = TypeVar("Item")
Place = tuple[int, int]  # when an item is due, and its number


class Kept(Generic[Item]):
    """Items by key, the latest in memory.

    Parameters
    ----------
    kind
        The items' type: any that msgspec encodes.
    most
        Items in memory.

    Examples
    --------
    >>> kept = Kept(bytes, most=2)
    >>> for key in "abcd":
    ...     kept.put(key, key.upper().encode())
    >>> kept.get("a"), kept.pop("b"), kept.pop("b"), kept.get("d")
    (b'A', b'B', None, b'D')
    """

    def __init__(self, kind: type[Item], most: int = MOST) -> None:
        self.most = most
        self._latest: dict[str, Item] = {}
        self._codec = _Codec(kind)
        self._older: sqlite3.Connection | None = None

    def put(self, key: str, item: Item) -> None:
        """Keep an item under a key that has none."""
        self._latest[key] = item
        if len(self._latest) > self.most:
            self._move(list(islice(self._latest, max(1, self.most // 2))))

    def get(self, key: str) -> Item | None:
        """The item of a key, None where it has none."""
        item = self._latest.get(key)
        if item is None and self._older is not None:
            found = self._older.execute("SELECT item FROM kept WHERE id = ?", (key,)).fetchone()
            item = None if found is None else self._codec.decode(found[0])
        return item

    def pop(self, key: str) -> Item | None:
        """Remove a key; returns its item, None where it has none."""
        item = self._latest.pop(key, None)
        if item is None and self._older is not None:
            item = self.get(key)
            if item is not None:
                self._older.execute("DELETE FROM kept WHERE id = ?", (key,))
        return item

    def _move(self, keys: Iterable[str]) -> None:
        if self._older is None:
            self._older = _file("kept (id TEXT PRIMARY KEY, item BLOB)")
        rows = ((key, self._codec.encode(self._latest.pop(key))) for key in keys)
        _insert(self._older, "INSERT INTO kept VALUES (?, ?)", rows)


class Later(Generic[Item]):
    """Items that wait for their time, the next ones in memory.

    Of two that are due together the one that came first is the first to go.

    Parameters
    ----------
    kind, most
        As those of `Kept`.

    Examples
    --------
    >>> later = Later(str, most=2)
    >>> for at, item in (3, "c"), (1, "a"), (3, "d"), (2, "b"):
    ...     later.add(at, item)
    >>> list(later.due(1)), list(later.due(1)), list(later.rest())
    ([(1, 'a')], [], [(2, 'b'), (3, 'c'), (3, 'd')])
    """

    def __init__(self, kind: type[Item], most: int = MOST) -> None:
        self.most = most
        self._codec = _Codec(kind)
        self._numbers = count()
        self._next: list[tuple[int, int, Item]] = []  # a heap
        self._file: sqlite3.Connection | None = None
        self._from: Place | None = None  # the first in the file; all in memory come before it

    def add(self, at: int, item: Item) -> None:
        """Keep an item until `at`."""
        number = next(self._numbers)
        if self._from is not None and (at, number) > self._from:
            self._move([(at, number, item)])
            return
        heappush(self._next, (at, number, item))
        if len(self._next) > self.most:
            self._next.sort()  # a sorted list is a heap
            stay = max(1, self.most // 2)
            self._from = self._next[stay][:2]
            self._move(self._next[stay:])
            del self._next[stay:]

    def due(self, now: int) -> Iterator[tuple[int, Item]]:
        """Remove what is due by `now`; yields it with its time, in order."""
        while True:
            while self._next and self._next[0][0] <= now:
                at, _, item = heappop(self._next)
                yield at, item
            if self._next or self._from is None or self._from[0] > now:
                return
            self._load()

    def rest(self) -> Iterator[tuple[int, Item]]:
        """Remove all that is left, in order."""
        return self.due(_NEVER)

    def _move(self, rows: Iterable[tuple[int, int, Item]]) -> None:
        if self._file is None:
            self._file = _file(
                "later (at INTEGER, number INTEGER, item BLOB, PRIMARY KEY (at, number))"
                " WITHOUT ROWID"
            )
        encoded = ((at, number, self._codec.encode(item)) for at, number, item in rows)
        _insert(self._file, "INSERT INTO later VALUES (?, ?, ?)", encoded)

    def _load(self) -> None:
        """Take the next items out of the file, which has some."""
        assert self._file is not None
        room = max(1, self.most // 2)
        next_ones = "SELECT at, number, item FROM later ORDER BY at, number LIMIT ?"
        rows = self._file.execute(next_ones, (room + 1,)).fetchall()
        self._from = rows.pop()[:2] if len(rows) > room else None
        self._next = [(at, number, self._codec.decode(item)) for at, number, item in rows]
        self._file.execute("DELETE FROM later WHERE (at, number) <= (?, ?)", rows[-1][:2])


class _Codec(Generic[Item]):
    """An item as bytes and back."""

    def __init__(self, kind: type[Item]) -> None:
        self.encode = msgspec.msgpack.Encoder().encode
        self.decode = msgspec.msgpack.Decoder(kind).decode


def _file(table: str) -> sqlite3.Connection:
    """A temporary database with one table. It is never committed, because nothing reopens it."""
    file = sqlite3.connect("")
    file.execute("PRAGMA journal_mode = OFF")
    file.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    file.execute(f"CREATE TABLE {table}")
    return file


def _insert(file: sqlite3.Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    try:
        file.executemany(statement, rows)
    except sqlite3.OperationalError as error:
        raise DataError(f"what does not fit into memory finds no room in a file: {error}") from None
