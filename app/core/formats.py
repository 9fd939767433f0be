"""How stored bytes find their reader.

A stored format has a number. A module that stores something keeps a table of readers by number,
of the current format and the previous one. A change to what is written raises the number and
moves the current reader one line down, where it sets new fields to their true value; a reader
that would have to guess is removed from the table, with a comment that says what it would guess.
"""

from collections.abc import Mapping
from typing import TypeVar

from app.errors import SnapshotError, StateError

R = TypeVar("R")


def reader_of(
    readers: Mapping[int, R], form: int, what: str, error: type[StateError] = StateError
) -> R:
    """The reader of a format, from the table of a module. Raises `error` where it has none.

    >>> reader_of({2: "the current one", 1: "the previous one"}, 1, "a list")
    'the previous one'
    >>> reader_of({2: "the current one"}, 3, "a list")
    Traceback (most recent call last):
    app.errors.StateError: a list is of format 3, which is newer than this release reads; \
update this worker
    """
    if form in readers:
        return readers[form]
    if form > max(readers):
        why = "is newer than this release reads; update this worker"
    else:
        why = "this release no longer reads"
    raise error(f"{what} is of format {form}, which {why}")


def format_of(start: bytes, tag: bytes, size: int, what: str) -> int:
    """The format in the first part of a dump: a tag, then one digit. SnapshotError if it is none.

    >>> format_of(b"num1....", b"num", 8, "quantiles")
    1
    """
    number = start[len(tag) : len(tag) + 1]
    if not start.startswith(tag) or len(start) != size or not number.isdigit():
        raise SnapshotError(f"{what} are missing")
    return int(number)
