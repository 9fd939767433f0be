"""Events and the records of their keys, as all of Weir but their application sees them."""

from typing import Any, Protocol

from app.core.messages import Source


class Event(Protocol):
    """What an application judges. Its key says to which record, and to which partition, it belongs.

    `at` is epoch milliseconds.
    """

    @property
    def id(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def key(self) -> str: ...


class Past(Protocol):
    """A record as one event sees it."""

    @property
    def whole(self) -> bool:
        """False when what the event saw at first is no longer there."""


class Record(Protocol):
    """What is kept for a key, open for a step and changed in place.

    It knows which offsets it has processed: nothing counts twice, whatever is replayed. Ids are
    passed as `app.core.hashing.hash64`. An event that was sent to another partition and entered
    again has an `origin`: where it lay at first, in this epoch. A crash may enter it twice, so
    the record keeps the highest offset of each such partition. A new epoch begins without any.
    """

    def first_offset_of(self, id_hash: int) -> int | None:
        """The lowest offset at which an id is known, None where it is not."""

    def before(self, offset: int) -> Past:
        """What the event at an offset may see."""

    def count(self, event: Any, id_hash: int, offset: int, origin: Source | None = None) -> None:
        """Take in an event, unless its offset was processed before."""

    def pass_over(self, offset: int, origin: Source | None = None) -> None:
        """Process an event without counting it: it repeats an id, or was entered twice."""

    def entered(self, origin: Source) -> bool:
        """Whether what lay there, or behind it in the same partition, was processed before."""

    def encode(self) -> bytes:
        """The record as bytes."""
