"""Rates of fraud by word or merchant and amount, and usual amounts, from labels in log order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from struct import Struct

from app.core.formats import format_of, reader_of
from app.core.hashing import cached_hash64
from app.errors import SnapshotError
from app.streams.fraud.custom.amounts import EIGHTH, eighth_of, step_of
from app.streams.fraud.custom.cells import Cells
from app.streams.fraud.messages import Example
from app.units import DAY_MS

PRIOR = 2.0  # labels at the overall share that smooth a rate
# Cells in each of a table's 128 shards: 65,536 cells or 2.4 MB a word at most, twice that for
# merchants. Words do not share a table, so one with many values takes no room of another.
WORD_CELLS, MERCHANT_CELLS = 512, 1024
MERCHANTS = ""  # no name of a word
USUAL = 31  # no half-octave: the cell of a word with its amounts of any size
SPREAD = 0x9E3779B97F4A7C15  # odd, so that keys differ where their parts do; its bits are mixed
WHOLE = 2**64 - 1

START = Struct("<4sI")  # tag with the format, tables
TAG, END = b"rat", b"\xff"
FORMAT = 1  # one digit after the tag; see READERS


class Rates:
    """The share of fraud among all labels of a word, or a merchant, and a half-octave of amounts.

    Rates are smoothed towards the overall share. Of a word the mean of its amounts is kept as
    well, as a logarithm: a rate knows only what frauds there were at such amounts, while "five
    times what is usual" says the same of all words, and is learned from all of them.

    A correction or withdrawal takes back what it replaces, see `Cells`.

    Parameters
    ----------
    words
        The names of the words that have rates.
    """

    def __init__(self, words: Sequence[str] = ()) -> None:
        sizes = {MERCHANTS: MERCHANT_CELLS, **dict.fromkeys(words, WORD_CELLS)}
        self._tables = {name: Cells(most) for name, most in sizes.items()}
        self._merchants = self._tables[MERCHANTS]

    def __len__(self) -> int:
        """How many cells there are."""
        return sum(map(len, self._tables.values()))

    def of_word(self, name: str, hash: int, step: int, base: float) -> float:
        """The rate of a word at a half-octave of amounts, given the overall share."""
        labels, frauds = self._tables[name].counted(cell_of(hash, step))
        return (frauds + PRIOR * base) / (labels + PRIOR)

    def usual(self, name: str, hash: int, amount: float) -> float | None:
        """Log of an amount over the usual one of a word, None for a word without a label."""
        labels, eighths = self._tables[name].counted(cell_of(hash, USUAL))
        return EIGHTH * (eighth_of(amount) - eighths / labels) if labels else None

    def of_merchant(self, merchant: str, amount: float, base: float) -> float:
        """The rate of a merchant at such amounts, given the overall share."""
        cell = cell_of(cached_hash64(merchant), step_of(amount))
        labels, frauds = self._merchants.counted(cell)
        return (frauds + PRIOR * base) / (labels + PRIOR)

    def learn(self, example: Example, words: Mapping[str, int], clock: int) -> None:
        """Fold one label; `clock` is when the latest one became known, epoch ms.

        `words` are the hashes of the example's words, of this worker's key. An example without an
        amount, of an earlier release, is in no cell.
        """
        amount = example.x.get("amount")
        if amount is None:
            return
        step, today = step_of(amount), clock // DAY_MS
        cell = cell_of(cached_hash64(example.merchant), step)
        _count(self._merchants, cell, example, today)
        for name, hash in words.items():
            if name in self._tables:
                _count_word(self._tables[name], hash, step, amount, example, today)

    def parts(self) -> Iterator[bytes]:
        """A dump in parts of at most 300 kB, each made when it is asked for."""
        yield START.pack(TAG + b"%d" % FORMAT, len(self._tables))
        for number, table in enumerate(self._tables.values()):
            yield from (bytes([number]) + part for part in table.parts())
        yield END

    def load(self, parts: Iterable[bytes]) -> None:
        """Load what `parts` of another one dumped; takes no part after them.

        Raises
        ------
        SnapshotError
            They are not that.
        """
        parts = iter(parts)
        start = next(parts, b"")
        form = format_of(start, TAG, START.size, "the rates by amount")
        reader_of(READERS, form, "a dump of rates by amount", SnapshotError)(self, start, parts)

    def _load_1(self, start: bytes, parts: Iterator[bytes]) -> None:
        tables = list(self._tables.values())
        if START.unpack(start)[1] != len(tables):
            raise SnapshotError("the rates by amount are of other words")
        while (part := next(parts, b"")) != END:
            if not part or part[0] >= len(tables):
                raise SnapshotError("the rates by amount end early")
            tables[part[0]].load(part[1:])


# The current format and, one day, the one before.
READERS = {FORMAT: Rates._load_1}


def cell_of(hash: int, step: int) -> int:
    """The key of a cell: of a word's or merchant's hash, and a half-octave of amounts or USUAL."""
    return (hash << 5 | step) * SPREAD & WHOLE


def _count(table: Cells, cell: int, example: Example, today: int) -> None:
    """Count a label, and whether it is fraud."""
    previous = example.previous
    if previous is not None:
        table.take_back(cell, previous.label, previous.weight, previous.day)
    if example.y is not None:
        table.count(cell, example.y, example.w, example.known // DAY_MS, today)


def _count_word(
    table: Cells, hash: int, step: int, amount: float, example: Example, today: int
) -> None:
    """Count a label in the cell of a word at such amounts, and in the one of all its amounts."""
    cell, usual, eighth = cell_of(hash, step), cell_of(hash, USUAL), eighth_of(amount)
    previous, y = example.previous, example.y
    if previous is not None:
        table.take_back(cell, previous.label, previous.weight, previous.day)
        table.take_back(usual, eighth, previous.weight, previous.day)
    if y is not None:
        w, known = example.w, example.known // DAY_MS
        table.count(cell, y, w, known, today)
        table.count(usual, eighth, w, known, today)
