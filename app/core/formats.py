"""How whatever is stored finds its reader.

A stored format has a number. A module that stores something keeps a table of readers by number,
of the present format and of the one before. Whoever changes what is written raises the number
and moves the present reader one line down, where it gives what is new its honest value; one that
would have to guess is taken out of the table, with a sentence that says what it would guess.
"""

from collections.abc import Mapping
from typing import TypeVar

from app.errors import StateError

R = TypeVar("R")


def reader_of(
    readers: Mapping[int, R], form: int, what: str, error: type[StateError] = StateError
) -> R:
    """The reader of a format, from the table of a module. Raises `error` where it has none.

    >>> reader_of({2: "the present one", 1: "the one before"}, 1, "a list")
    'the one before'
    >>> reader_of({2: "the present one"}, 3, "a list")
    Traceback (most recent call last):
    app.errors.StateError: a list is of format 3, which is newer than this release reads; \
update this worker
    """
    if form in readers:
        return readers[form]
    if form > max(readers):
        why = "is newer than this release reads; update this worker"
    else:
        why = "this release does not read any more"
    raise error(f"{what} is of format {form}, which {why}")
