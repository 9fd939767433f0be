"""The headers that a producer gave a record, such as trace ids, on its way through dead letters.

A letter has headers of its own. Those of the record are kept beside them under names that none of
the letter's own begins with, and come back with their names when the letter is replayed.
"""

from collections.abc import Iterable, Sequence

from app.serving.dead_letters.journey import HEADER

KEPT_BYTES = 16 * 1024  # of names and values together: anybody may write headers
FRAMING = 8  # bytes that an empty header counts
PREFIX = "producer."
LEFT_OUT = "headers-left-out"  # how many did not fit

Headers = Sequence[tuple[str, bytes | None]]


def producers(headers: Headers) -> tuple[tuple[str, bytes | None], ...]:
    """A record's headers without Weir's own, as far as they fit into KEPT_BYTES.

    >>> producers([("trace", b"1"), ("weir-history", b"{}"), ("trace", None)])
    (('trace', b'1'), ('trace', None))
    """
    if not headers:
        return ()
    kept, room = [], KEPT_BYTES
    for name, value in headers:
        size = FRAMING + len(name.encode()) + len(value or b"")
        if name != HEADER and size <= room:
            kept.append((name, value))
            room -= size
    return tuple(kept)


def beside_own(headers: Headers) -> tuple[tuple[str, bytes | None], ...]:
    """A record's headers as its dead letter keeps them.

    >>> beside_own([("reason", b"spring sale")])
    (('producer.reason', b'spring sale'),)
    """
    kept = producers(headers)
    missing = sum(name != HEADER for name, _ in headers) - len(kept)
    told = ((LEFT_OUT, str(missing).encode()),) if missing else ()
    return (*((PREFIX + name, value) for name, value in kept), *told)


def given_back(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    """The record's headers among those of its letter; none in letters of older versions.

    >>> given_back([("reason", b"no value"), ("producer.trace", b"1")])
    [('trace', b'1')]
    """
    return [(name[len(PREFIX) :], value) for name, value in headers if name.startswith(PREFIX)]
