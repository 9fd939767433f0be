"""What a record of the examples log is: an entry of Weir's, or one that nobody may fold.

Anybody with the right to write can put anything into the log. Every worker has to come to the
same conclusion about it, so the decision is made here, from the record alone, and in
`app.core.folding`, from the entry and the state.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.core.messages import Example, LogEntry, Restore, Skip, entry_reader
from app.units import DAY_MS

KINDS = ("example", "restore", "skip")
UNREADABLE = msgspec.DecodeError, UnicodeDecodeError, RecursionError
DIGEST = re.compile("[0-9a-f]{64}")
SHOWN = 40  # characters of a kind that is not known


class Foreign(NamedTuple):
    """A record that is passed over, and why."""

    why: str


class Unknown(NamedTuple):
    """An entry of a kind that this release does not know: a later one's, it seems."""

    kind: str


class Skipped(NamedTuple):
    """An entry of a kind that this release does not know, and that a `Skip` behind it names."""

    kind: str


Entry = LogEntry | Foreign | Skipped
Found = Entry | Unknown
# Value, offset and timestamp of a record (epoch ms, negative where it has none).
Sift = Callable[[bytes | None, int, int], Found]


class _Tagged(Struct):
    kind: Raw | UnsetType = UNSET


_tagged = msgspec.json.Decoder(_Tagged).decode
_any = msgspec.json.Decoder().decode


def sifter(example: type[Example]) -> Sift:
    """Reads records of an examples log whose examples are of that kind; it never raises.

    A record is foreign when it has no value, is not a JSON object, has no `kind`, or is of a kind
    that is known and has a field that is missing, malformed or out of bounds. A label cannot have
    been said more than a day after its example was written, nor a restore or skip name what comes
    behind it. The bounds are those of the struct's types, see `PlainExample`.
    """
    read = entry_reader(example)

    def sift(raw: bytes | None, offset: int, recorded: int) -> Found:
        try:
            entry = read(raw)  # type: ignore[arg-type]  # None is a TypeError
        except (*UNREADABLE, TypeError) as error:
            return _unread(raw, error)
        if isinstance(entry, Example):
            if entry.known - recorded > DAY_MS and recorded >= 0:
                return Foreign("`known` is more than a day after the record's timestamp")
            return entry
        return _of_its_place(entry, offset)

    return sift


def _of_its_place(entry: Restore | Skip, offset: int) -> Found:
    """A control entry at an offset, unless what it names cannot be."""
    if (entry.version if isinstance(entry, Restore) else entry.offset + 1) > offset:
        return Foreign("it names what comes behind it")
    if isinstance(entry, Restore) and not DIGEST.fullmatch(entry.digest):
        return Foreign("the restore's digest is none")
    return entry


def _unread(raw: bytes | None, error: Exception) -> Foreign | Unknown:
    """What a record is that could not be read as an entry."""
    if not raw:
        return Foreign("it has no value")
    try:
        tagged = _tagged(raw)
        kind = UNSET if tagged.kind is UNSET else _any(tagged.kind)
    except UNREADABLE as other:
        return Foreign(f"it is not a JSON object: {other}")
    if not isinstance(kind, str) or not kind:
        return Foreign("it has no `kind`")
    if kind not in KINDS:
        return Unknown(kind[:SHOWN])
    return Foreign(f"the {kind} cannot be used: {error}")
