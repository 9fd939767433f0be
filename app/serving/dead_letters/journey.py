"""The history of a record that was refused and sent back: one header that goes with it.

A dead letter that is replayed carries it to its topic. Refused again, it carries it into
the new dead letter, and so on. Anybody may write headers, so one that cannot be read, or is
too large, is ignored.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from app.core.messages import Place

HEADER = "weir-history"
HISTORY_BYTES = 4096  # what a label that waits keeps in addition to the label itself
REASON_CHARACTERS = 120

Headers = Sequence[tuple[str, bytes | None]]


class Refusal(Struct, frozen=True):
    """One refusal: where the record was, why it was refused, and as which letter it was kept."""

    topic: str
    partition: int
    offset: int
    reason: str
    letter_partition: int
    letter_offset: int


class Journey(Struct, frozen=True):
    """How often a record was sent back, and its refusals, oldest first.

    The first refusal and the latest ones are kept, as many as fit into HISTORY_BYTES.
    """

    replays: int = 0
    refusals: tuple[Refusal, ...] = ()

    def after(self, refusal: Refusal) -> "Journey":
        """The journey of a record that is sent back after one more refusal."""
        short = msgspec.structs.replace(refusal, reason=refusal.reason[:REASON_CHARACTERS])
        journey = Journey(self.replays + 1, (*self.refusals, short))
        while len(_encode(journey)) > HISTORY_BYTES and len(journey.refusals) > 1:
            first, _, *latest = journey.refusals
            journey = Journey(journey.replays, (first, *latest))
        return journey


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Journey).decode


def header(journey: Journey) -> tuple[str, bytes]:
    """The header that a record carries.

    >>> header(Journey(1, ()))
    ('weir-history', b'{"replays":1,"refusals":[]}')
    """
    return HEADER, _encode(journey)


def carried(headers: Headers) -> bytes:
    """The history in a record's headers as it came, empty when there is none to keep."""
    found = dict(headers).get(HEADER) or b""
    return found if len(found) <= HISTORY_BYTES else b""


def carrying(history: bytes) -> tuple[tuple[str, bytes], ...]:
    """The headers that pass a history on.

    >>> carrying(b"{}"), carrying(b"")
    ((('weir-history', b'{}'),), ())
    """
    return ((HEADER, history),) if history else ()


def first_place(history: bytes) -> Place | None:
    """Where the record lay that was refused first, for a label that has no time and id of its own.

    However often its letter is replayed, that is one label. Older letters know no more than the
    place, so epoch and time are 0.

    >>> first_place(b"") is None
    True
    """
    refusals = read_journey([(HEADER, history)]).refusals if history else ()
    return Place(0, refusals[0].partition, refusals[0].offset, 0) if refusals else None


def read_journey(headers: Iterable[tuple[str, bytes | None]]) -> Journey:
    """The journey in a record's headers; an empty one when they hold none.

    >>> read_journey([("weir-history", b"nonsense")])
    Journey(replays=0, refusals=())
    """
    try:
        return _decode(carried(tuple(headers)) or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Journey()
