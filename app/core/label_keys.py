"""Keys of the labels table that are no event's: they begin with a NUL, which no id contains.

The shapes of keys and values are here, so that a changelog can be judged without opening values.
Who owns a kind of key builds and reads it: waiting, evicted, generation, ripeness in serving.
"""

from collections.abc import Callable
from struct import Struct

OWN = b"\0"  # begins keys that are not ids
WAITING = b"\0waiting"  # a prefix: the time, a label's id, NUL, its event
EVICTED = b"\0evicted"  # a prefix: the origin, the event
TOPICS = b"\0topics"
MATURED = b"\0matured"
GROWING = b"\0maturing"

TIME = Struct(">Q")  # epoch ms
ORIGIN = Struct(">IIQ")  # epoch, partition, offset
POSITION = Struct("<qq")  # epoch, the next predictions offset
GROWTH = Struct("<qqq")  # epoch, another such offset, when the first prediction was written, ms

# A map in msgpack begins with its size, which releases may change, and the first field.
Begins = Callable[[bytes], bool]


def begins(first: str) -> Begins:
    """Whether a value is a map in msgpack of at most 15 fields, this one the first.

    >>> begins("epoch")(b"\\x83\\xa5epoch\\x01"), begins("epoch")(b"{}"), begins("epoch")(b"")
    (True, False, False)
    """
    name = bytes((0xA0 | len(first),)) + first.encode()

    def of(value: bytes) -> bool:
        return bool(value) and value[0] & 0xF0 == 0x80 and value.startswith(name, 1)

    return of


_is_revision, _is_mark = begins("origin"), begins("epoch")


def misfit(key: bytes, value: bytes | None) -> str:
    """Why a key that begins with a NUL, or what it holds, is none of Weir's; '' when it may be.

    A deletion always may be: it takes away what an earlier release let in. So may a key of a kind
    that is unknown here: a later release may have written it.
    """
    if value is None:
        return ""
    if key.startswith(WAITING):
        return "" if _is_waiting(key) else "its key is not that of a label that waits"
    if key.startswith(EVICTED):
        if not _is_text(key[len(EVICTED) + ORIGIN.size :]):
            return "its key is not that of a label that had to leave"
        return "" if _is_revision(value) else "its value is not a label"
    if key == TOPICS:
        return "" if _is_mark(value) else "its value does not name epoch and topics"
    if key == MATURED:
        return "" if len(value) == POSITION.size else "its value is not a position"
    if key == GROWING:
        return "" if len(value) == GROWTH.size else "its value is not a position and a time"
    return ""


def known(key: bytes) -> bool:
    """Whether a key is of a kind that this release writes."""
    return key.startswith((WAITING, EVICTED)) or key in (TOPICS, MATURED, GROWING)


def _is_waiting(key: bytes) -> bool:
    label_id, _, id = key[len(WAITING) + TIME.size :].partition(OWN)
    return _is_text(label_id) and _is_text(id)


def _is_text(part: bytes) -> bool:
    """Whether a part of a key is an id, as far as its shape says."""
    try:
        return bool(part.decode()) and OWN not in part
    except UnicodeDecodeError:
        return False
