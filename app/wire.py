"""What all messages share: JSON outside, msgspec structs inside.

Unknown fields are ignored, so a producer may send more than Weir reads. Missing or
malformed ones are refused by name. Times arrive as RFC 3339 text or as epoch
milliseconds and are epoch milliseconds (UTC) from here on.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from app.errors import Refused
from app.pan import is_card_number
from app.units import MAX_MS as MAX_MS

MAX_ID_BYTES = 128

M = TypeVar("M")

if TYPE_CHECKING:
    Instant = int
else:
    Instant = datetime | Annotated[int, Meta(ge=0, le=MAX_MS)]  # an int once read

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
Word = Annotated[str, Meta(max_length=MAX_ID_BYTES)]
Note = Annotated[str, Meta(max_length=2000)]

encode = msgspec.json.Encoder().encode


def decode(decoder: Callable[[bytes], M], raw: bytes | None) -> M:
    """What a record's value holds.

    Raises
    ------
    Refused
        Names the field that is missing or malformed.
    """
    if not raw:
        raise Refused("the record has no value")
    try:
        return decoder(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(str(error)) from None


def epoch_ms(at: datetime | int) -> int:
    """Milliseconds since 1970 of an instant as decoded.

    >>> from datetime import UTC
    >>> epoch_ms(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    if isinstance(at, int):
        return at
    if at.tzinfo is None:
        raise Refused("`at` has no UTC offset; write for example 2026-01-31T12:00:00Z")
    ms = round(at.timestamp() * 1000)
    if ms < 0:
        raise Refused("`at` is before 1970")
    return ms


def check_timestamp(recorded: int) -> None:
    """Refuse a record whose Kafka timestamp is not a time in milliseconds; -1 stands for none."""
    if recorded > MAX_MS:
        raise Refused("the record's timestamp is not a time in milliseconds")


def check_texts(texts: Iterable[tuple[str, str]]) -> None:
    """Refuse texts that are too long, contain a NUL or are a card number; `note` is free text."""
    for name, text in texts:
        if "\0" in text and name != "note":
            raise Refused(f"`{name}` contains a NUL character")
        if len(text) > MAX_ID_BYTES // 4 and name != "note" and len(text.encode()) > MAX_ID_BYTES:
            raise Refused(f"`{name}` is longer than {MAX_ID_BYTES} bytes")
        if len(text) >= 13 and is_card_number(text):
            raise Refused(f"`{name}` is a card number; send a token instead")


def texts_of(message: Struct) -> Iterator[tuple[str, str]]:
    """The fields of a message that hold text, under the names they have in JSON."""
    for field, name in _names(type(message)):
        value = getattr(message, field)
        if isinstance(value, str):
            yield name, value


@cache
def _names(kind: type[Struct]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
