"""Numbers among quantiles: edges that the first examples fix, the same on every worker."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from struct import Struct

from app.core.formats import format_of, reader_of
from app.errors import SnapshotError

FIRST = 1000  # distinct examples with a number that fix its edges
MOST = 8  # edges
TOGETHER = 2  # numbers whose edges are fixed by one example: each takes half a millisecond

START = Struct("<4sI")  # tag with the format, numbers
TAG = b"num"
FORMAT = 1  # one digit after the tag; see READERS


class Numbers:
    """Where numbers lie among the quantiles of their first thousand examples.

    Parameters
    ----------
    names
        Of the numbers.

    Examples
    --------
    >>> numbers = Numbers(["age"])
    >>> for id in range(FIRST):
    ...     numbers.learn(id, {"age": float(id % 90)})
    >>> numbers.place("age", 35.0), numbers.place("age", 1e9)
    (3.0, 8.0)
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        # Values by example (hashed id) until there are enough, then the edges alone.
        self._first: dict[str, dict[int, float]] = {name: {} for name in names}
        self._edges: dict[str, list[float] | None] = dict.fromkeys(names)

    def place(self, name: str, value: float) -> float | None:
        """How many edges are at or below a value, 0 to 8; None until they are fixed."""
        edges = self._edges[name]
        return None if edges is None else float(bisect_right(edges, value))

    def edges(self, name: str) -> list[float] | None:
        """The edges of a number, ascending; None until they are fixed."""
        return self._edges[name]

    def learn(self, id: int, numbers: Mapping[str, float]) -> None:
        """Take in the numbers of an example, once for each id; the thousandth fixes the edges.

        An example fixes the edges of two numbers at most, for that takes a millisecond. Where
        more are complete at once, the next examples fix those of the others.

        Parameters
        ----------
        id
            64-bit hash of the event's id.
        numbers
            By name; names that are not declared are passed over.
        """
        fixed = 0
        for name, value in numbers.items():
            first = self._first.get(name)
            if first is None:
                continue
            if len(first) < FIRST:
                first.setdefault(id, value)
            if len(first) == FIRST and fixed < TOGETHER:
                fixed += 1
                self._edges[name] = edges_of(first.values())
                del self._first[name]

    def parts(self) -> Iterator[bytes]:
        """A dump: a part of at most 16 kB for each number."""
        yield START.pack(TAG + b"%d" % FORMAT, len(self._edges))
        for name, edges in self._edges.items():
            if edges is None:
                first = self._first[name]
                yield b"f" + array("Q", first).tobytes() + array("d", first.values()).tobytes()
            else:
                yield b"e" + array("d", edges).tobytes()

    def load(self, parts: Iterable[bytes]) -> None:
        """Load what `parts` of another one dumped; takes no part after them.

        Raises
        ------
        SnapshotError
            They are not that.
        """
        parts = iter(parts)
        start = next(parts, b"")
        form = format_of(start, TAG, START.size, "the quantiles of numbers")
        reader_of(READERS, form, "a dump of quantiles", SnapshotError)(self, start, parts)

    def _load_1(self, start: bytes, parts: Iterator[bytes]) -> None:
        if START.unpack(start)[1] != len(self._edges):
            raise SnapshotError("the quantiles are of other numbers")
        for name in self._edges:
            self._load_number(name, next(parts, b""))

    def _load_number(self, name: str, part: bytes) -> None:
        kind, packed = part[:1], part[1:]
        if kind == b"e" and len(packed) % 8 == 0 and len(packed) <= 8 * MOST:
            self._edges[name] = array("d", packed).tolist()
            self._first.pop(name, None)
        elif kind == b"f" and len(packed) % 16 == 0:
            half = len(packed) // 2
            ids, values = array("Q", packed[:half]), array("d", packed[half:])
            self._first[name] = dict(zip(ids, values, strict=True))
            self._edges[name] = None
        else:
            raise SnapshotError("the quantiles of a number are cut short")


# The current format and, one day, the one before.
READERS: Mapping[int, Callable[[Numbers, bytes, Iterator[bytes]], None]] = {FORMAT: Numbers._load_1}


def edges_of(values: Iterable[float]) -> list[float]:
    """At most eight edges that cut values into bins of about as many each, from left to right.

    A value that many share is a bin of its own, and the others share the edges that are left. An
    edge belongs to the bin above it.

    >>> edges_of([0.0] * 95 + [1.0] * 5)
    [0.5]
    """
    counts = [(value, len(list(same))) for value, same in groupby(sorted(values))]
    rest = sum(count for _, count in counts)  # from where the open bin begins
    edges: list[float] = []
    inside, before = 0, 0.0
    for value, count in counts:
        if inside and len(edges) < MOST:
            target = rest / (MOST + 1 - len(edges))
            if inside >= target or inside + count - target > target - inside:
                edges.append(_between(before, value))
                rest, inside = rest - inside, 0
        inside, before = inside + count, value
    return edges


def _between(low: float, high: float) -> float:
    """An edge above `low` and not above `high`."""
    middle = low / 2 + high / 2
    return middle if low < middle <= high else high
