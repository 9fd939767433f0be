"""A keyed record for small applications: what was processed, and a body."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from app.core.formats import reader_of
from app.core.messages import Origin, Source
from app.errors import StateError

FORMAT = 2
KEPT = 16  # latest ids by which repeats are recognized


class Body(Protocol):
    """What an application keeps for a key: a msgspec.Struct whose fields all have defaults.

    Later versions add fields with defaults: what was stored without them can still be read. It
    holds no sets, whose order is not the same in every process. If labels change it, it also
    has `label(example)`.
    """

    def add(self, event: Any) -> None:
        """Take in the next event."""


B = TypeVar("B", bound=Body)


class Past(NamedTuple, Generic[B]):
    """A record as one event sees it: the body, and whether it holds no event from that one on."""

    whole: bool
    body: B


class Packed(msgspec.Struct, array_like=True):
    """A record as stored after its format; the body is the struct in msgpack.

    The last field is left out while nothing was entered again.
    """

    epoch: int
    seen_through: int
    ids: list[tuple[int, int]]
    labelled: Origin | None
    body: msgspec.Raw
    origins: dict[int, int] = {}


class Record(Generic[B]):
    """What is kept for one key, open for one step: a body, and what was processed.

    Whatever is replayed, nothing counts twice. Unlike a ring of events a body cannot go back:
    an event that is decided again after it was counted sees a past that is not whole.

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

    __slots__ = ("body", "epoch", "ids", "labelled", "origins", "seen_through")

    def __init__(
        self,
        body: B,
        epoch: int,
        seen_through: int = -1,
        ids: list[tuple[int, int]] | None = None,
        labelled: Origin | None = None,
        origins: dict[int, int] | None = None,
    ) -> None:
        self.body, self.epoch = body, epoch
        self.seen_through = seen_through  # the highest offset processed in this epoch
        self.ids = ids or []  # hashes of the ids that counted last, and their offsets
        self.labelled = labelled  # the highest origin of a label taken in
        self.origins = origins or {}  # highest offset, by partition, of what was entered again

    @classmethod
    def opener(cls, kind: type[B], epoch: int) -> Callable[[bytes | None], "Record[B]"]:
        """A function that opens stored records of an application; None opens an empty one.

        In a record of an older epoch offsets no longer mean anything. Its body is kept, and its
        ids stay known, at offsets below 0.

        It raises StateError when a record is of a later epoch, of an unsupported format, or
        damaged.
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
            seen, ids = packed.seen_through, packed.ids
            record = Record(body, packed.epoch, seen, ids, packed.labelled, packed.origins)
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
        """What the event at an offset may see: the body itself, which `count` then changes.

        Where it is not whole, the body holds that event already, or later ones.
        """
        latest = self.ids[-1][1] if self.ids else -1
        return Past(offset > latest, self.body)

    def count(self, event: Any, id_hash: int, offset: int, origin: Source | None = None) -> None:
        """Take in an event, unless its offset was processed before."""
        if offset > self.seen_through:
            self.pass_over(offset, origin)
            self.ids = [*self.ids[1 - KEPT :], (id_hash, offset)]
            self.body.add(event)

    def pass_over(self, offset: int, origin: Source | None = None) -> None:
        """Process an event without counting it: it repeats an id, or was entered twice."""
        if offset > self.seen_through:
            self.seen_through = offset
            if origin is not None and not self.entered(origin):
                self.origins = {**self.origins, origin.partition: origin.offset}

    def entered(self, origin: Source) -> bool:
        """Whether what lay there, or behind it in the same partition, was processed before."""
        return origin.offset <= self.origins.get(origin.partition, -1)

    def label(self, example: Any) -> None:
        """Pass a label to the body, unless one of this or a higher origin was passed before."""
        origin: Origin = example.origin
        if self.labelled is None or origin > self.labelled:
            self.labelled = origin
            self.body.label(example)  # type: ignore[attr-defined]  # see Body

    def encode(self) -> bytes:
        """The record as bytes."""
        body = msgspec.Raw(msgspec.msgpack.encode(self.body))
        packed = [self.epoch, self.seen_through, self.ids, self.labelled, body]
        if self.origins:
            packed.append(dict(sorted(self.origins.items())))
        return bytes((FORMAT,)) + msgspec.msgpack.encode(packed)

    def _begin(self, epoch: int) -> None:
        if self.epoch > epoch:
            raise StateError(f"a record is of epoch {self.epoch}, but this worker's is {epoch}")
        self.epoch, self.seen_through, self.origins = epoch, -1, {}
        self.ids = [(known, place - len(self.ids)) for place, (known, _) in enumerate(self.ids)]


_read = msgspec.msgpack.Decoder(Packed).decode

# Format 1 has no origins: nothing was entered again then.
READERS: Mapping[int, Callable[[bytes], Packed]] = {FORMAT: _read, FORMAT - 1: _read}
