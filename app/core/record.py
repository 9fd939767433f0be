"""A keyed record for small applications: what was dealt with, and a body."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from app.core.formats import reader_of
from app.core.messages import Origin
from app.errors import StateError

FORMAT = 1
KEPT = 16  # latest ids by which repeats are known


class Body(Protocol):
    """What an application keeps of a key: a msgspec.Struct whose fields all have defaults.

    Later versions add fields with defaults: what is stored without them is read as it is. It
    holds no sets, whose order is not the same in every process. If labels change it, it also
    has `label(example)`.
    """

    def add(self, event: Any) -> None:
        """Take in the next event."""


B = TypeVar("B", bound=Body)


class Past(NamedTuple, Generic[B]):
    """A record as one event finds it: the body, and whether it holds no event from there on."""

    whole: bool
    body: B


class Packed(msgspec.Struct, array_like=True):
    """A record as stored behind its format; the body is what msgpack makes of the struct."""

    epoch: int
    seen_through: int
    ids: list[tuple[int, int]]
    labelled: Origin | None
    body: msgspec.Raw


class Record(Generic[B]):
    """What is kept of one key, open for one step: a body, and what has been dealt with.

    Whatever is replayed, nothing counts twice. Unlike a ring of events a body cannot go back:
    an event that is decided again once it counts is told that its past is not whole.

    >>> class Visits(msgspec.Struct):
    ...     count: int = 0
    ...     def add(self, event):
    ...         self.count += 1
    >>> open_record = Record.opener(Visits, epoch=1)
    >>> record = open_record(None)
    >>> record.before(7).whole, record.count("a visit", id_hash=5, offset=7)
    (True, None)
    >>> again = open_record(record.encode())
    >>> again.count("a visit", id_hash=5, offset=7)
    >>> again.before(8), again.before(7).whole, again.first_offset_of(5)
    (Past(whole=True, body=Visits(count=1)), False, 7)
    """

    __slots__ = ("body", "epoch", "ids", "labelled", "seen_through")

    def __init__(
        self,
        body: B,
        epoch: int,
        seen_through: int = -1,
        ids: list[tuple[int, int]] | None = None,
        labelled: Origin | None = None,
    ) -> None:
        self.body, self.epoch = body, epoch
        self.seen_through = seen_through  # the highest offset dealt with in this epoch
        self.ids = ids or []  # hashes of the ids that counted last, and their offsets
        self.labelled = labelled  # the highest origin of a label taken in

    @classmethod
    def opener(cls, kind: type[B], epoch: int) -> Callable[[bytes | None], "Record[B]"]:
        """What opens stored records of an application; None opens an empty one.

        In a record of an older epoch offsets mean nothing any more. Its body goes on, and its
        ids stay known, at offsets below 0.

        It raises StateError when a record is of a later epoch, of a format that this release does
        not read, or damaged.
        """
        read_body = msgspec.msgpack.Decoder(kind).decode

        def open_record(raw: bytes | None) -> "Record[B]":
            if not raw:
                return Record(kind(), epoch)
            read = reader_of(READERS, raw[0], "a record")
            try:
                packed = read(raw[1:])
                body = read_body(packed.body)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise StateError(f"a record is damaged: {error}") from None
            record = Record(body, packed.epoch, packed.seen_through, packed.ids, packed.labelled)
            if packed.epoch != epoch:
                record._begin(epoch)
            return record

        return open_record

    def first_offset_of(self, id_hash: int) -> int | None:
        """The lowest offset at which an id is kept, None where it is not.

        An event of an earlier epoch has an offset below 0.
        """
        return next((offset for known, offset in self.ids if known == id_hash), None)

    def before(self, offset: int) -> Past[B]:
        """What the event at an offset may see: the body itself, which `count` then changes."""
        latest = self.ids[-1][1] if self.ids else -1
        return Past(offset > latest, self.body)

    def count(self, event: Any, id_hash: int, offset: int) -> None:
        """Take in an event, unless its offset was dealt with before."""
        if offset > self.seen_through:
            self.seen_through = offset
            self.ids = [*self.ids[1 - KEPT :], (id_hash, offset)]
            self.body.add(event)

    def pass_over(self, offset: int) -> None:
        """Deal with an event without counting it: it repeats an id."""
        self.seen_through = max(self.seen_through, offset)

    def label(self, example: Any) -> None:
        """Tell the body of a label, unless one of this or a higher origin was taken in before."""
        origin: Origin = example.origin
        if self.labelled is None or origin > self.labelled:
            self.labelled = origin
            self.body.label(example)  # type: ignore[attr-defined]  # see Body

    def encode(self) -> bytes:
        """The record as bytes."""
        body = msgspec.Raw(msgspec.msgpack.encode(self.body))
        packed = Packed(self.epoch, self.seen_through, self.ids, self.labelled, body)
        return bytes((FORMAT,)) + msgspec.msgpack.encode(packed)

    def _begin(self, epoch: int) -> None:
        if self.epoch > epoch:
            raise StateError(f"a record is of epoch {self.epoch}, this worker's is {epoch}")
        self.epoch, self.seen_through = epoch, -1
        self.ids = [(known, place - len(self.ids)) for place, (known, _) in enumerate(self.ids)]


READERS: Mapping[int, Callable[[bytes], Packed]] = {
    FORMAT: msgspec.msgpack.Decoder(Packed).decode,
    # here is the place of the reader of FORMAT - 1
}
