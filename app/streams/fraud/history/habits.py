"""How often a customer used a word before, and for what amounts: a section of the record.

A field that asks for it, such as a category, has a habit: a slot for each of the eight words that
the customer used most, in the order of their last use. Slots are kept twice, as running values
are: as they stand after the newest event, and as they stood before the oldest event kept. With
the word of each event kept, a replay of any of them finds the slots that it saw at first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log
from struct import Struct
from typing import NamedTuple

import msgspec

from app.errors import StateError
from app.streams.fraud.history.columns import column, find
from app.streams.fraud.history.running import CLIP
from app.streams.fraud.messages import Transaction

KEPT = 8  # words of a field
NONE = 0  # the word of an event that has none
MOST = 2**16 - 1  # times that are counted, and words
SLOT = Struct("<HHf")  # word, times used, usual amount
WORD = Struct("<H")
FIELDS = Struct("<B")
FIELD = Struct("<IBB")  # the field, slots after the newest event and before the oldest one kept
CENT = 0.01  # least amount in a ratio


class Asked(NamedTuple):
    """The fields whose words are remembered of each customer.

    A field's number is a hash of its name and of the key under which its words are hashed, so that
    what was counted of one is never read as another's.
    """

    fields: tuple[int, ...] = ()  # 32 bits each
    words_of: Callable[[Transaction], tuple[int, ...]] = lambda tx: ()  # 1 to 65,535; NONE


class Habit(msgspec.Struct, gc=False):
    """What a customer used of one field."""

    head: bytes = b""  # slots after the newest event
    base: bytes = b""  # slots before the oldest event kept
    words: bytes = b""  # of the events kept; no byte before the first word

    def add(self, word: int, amount: float, earlier: int) -> None:
        """Take in the newest event, which so many kept ones precede."""
        if word or self.words:
            self.words = (self.words or bytes(WORD.size * earlier)) + WORD.pack(word)
            self.head = after(self.head, word, amount)

    def leave(self, amount: float) -> None:
        """Let the oldest event kept go."""
        if self.words:
            (word,) = WORD.unpack_from(self.words)
            self.base = after(self.base, word, amount)
            self.words = self.words[WORD.size :]

    def before(self, stop: int, amounts: Iterable[float]) -> bytes:
        """The slots before the kept event of that index, given the amounts of those before it."""
        slots = self.base
        if self.words:
            words = column("H", stop).unpack_from(self.words)
            for word, amount in zip(words, amounts, strict=False):
                slots = after(slots, word, amount)
        return slots


def after(slots: bytes, word: int, amount: float) -> bytes:
    """The slots after a word was used once more.

    The usual amount is a running mean whose step is clipped, as `Running.typical`. Where there is
    no room, the word that was used least often leaves; of several, the one unused for longest.

    >>> slots = after(after(after(b"", 7, 10.0), 9, 5.0), 7, 90.0)
    >>> used(slots, 7), used(slots, 9), used(slots, 8)
    ((2, 17.5), (1, 5.0), None)
    """
    if not word:
        return slots
    times, usual = 0, 0.0
    if (at := _place(slots, word)) >= 0:
        _, times, usual = SLOT.unpack_from(slots, at)
    elif len(slots) == KEPT * SLOT.size:
        counts = [count for _, count, _ in SLOT.iter_unpack(slots)]
        at = SLOT.size * counts.index(min(counts))
    if at >= 0:
        slots = slots[:at] + slots[at + SLOT.size :]
    times = min(times + 1, MOST)
    clipped = min(amount, CLIP * usual) if usual > 0 else amount
    try:
        return slots + SLOT.pack(word, times, usual + (clipped - usual) / times)
    except OverflowError:  # no amount that was ever taken in is so large
        raise StateError(f"a customer record is damaged: an amount is {amount}") from None


def used(slots: bytes, word: int) -> tuple[int, float] | None:
    """How often a word was used and its usual amount; None if it is not remembered."""
    at = _place(slots, word)
    if at < 0:
        return None
    _, times, usual = SLOT.unpack_from(slots, at)
    return times, usual


def compared(slots: bytes, word: int, amount: float) -> tuple[float, float, float | None]:
    """First use (1 or 0), times used before, log of the amount over the usual one.

    >>> compared(after(b"", 7, 10.0), 7, 10.0), compared(b"", 7, 10.0)
    ((0.0, 1.0, 0.0), (1.0, 0.0, None))
    """
    known = used(slots, word)
    if known is None:
        return 1.0, 0.0, None
    times, usual = known
    return 0.0, float(times), log(max(amount, CENT) / max(usual, CENT))


def pack(fields: Sequence[int], habits: Sequence[Habit]) -> bytes:
    """The section of a record; no byte where no word was ever used."""
    there = [(field, habit) for field, habit in zip(fields, habits, strict=True) if habit.head]
    if not there:
        return b""
    parts = [FIELDS.pack(len(there))]
    for field, habit in there:
        sizes = len(habit.head) // SLOT.size, len(habit.base) // SLOT.size
        parts += (FIELD.pack(field, *sizes), habit.head, habit.base, habit.words)
    return b"".join(parts)


def unpack(raw: bytes, position: int, events: int) -> tuple[dict[int, Habit], int]:
    """The habits that begin at a position, by field, and the position after them.

    `events` is how many the record keeps.
    """
    (fields,) = FIELDS.unpack_from(raw, position)
    position += FIELDS.size
    found = {}
    for _ in range(fields):
        field, *sizes = FIELD.unpack_from(raw, position)
        start = position + FIELD.size
        base = start + sizes[0] * SLOT.size
        words = base + sizes[1] * SLOT.size
        position = words + events * WORD.size
        if max(sizes) > KEPT or position > len(raw):
            raise StateError("a customer record is damaged: its words are cut")
        found[field] = Habit(raw[start:base], raw[base:words], raw[words:position])
    return found, position


def chosen(found: Mapping[int, Habit], fields: Sequence[int]) -> tuple[Habit, ...]:
    """The habits of these fields; empty for one that was not kept."""
    return tuple(found.get(field) or Habit() for field in fields)


def _place(slots: bytes, word: int) -> int:
    return find(slots, WORD.pack(word), SLOT.size)
