"""What all messages share: JSON outside, msgspec structs inside.

Unknown fields are ignored, so a producer may send more than Weir reads. An optional field that
is null counts as left out, and so does a byte order mark. Missing or malformed fields are
refused by name. Times arrive as RFC 3339 text or as epoch
milliseconds and are epoch milliseconds (UTC) from here on.
"""

import codecs
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from app.errors import Refused

MAX_ID_BYTES = 128
MAX_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z

M = TypeVar("M")

if TYPE_CHECKING:
    Instant = int
else:
    Instant = datetime | Annotated[int, Meta(ge=0, le=MAX_MS)]  # an int once read

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
Word = Annotated[str, Meta(max_length=MAX_ID_BYTES)]
Note = Annotated[str, Meta(max_length=2000)]

UNREADABLE = msgspec.DecodeError, UnicodeDecodeError, RecursionError
NULL = msgspec.Raw(b"null")

encode = msgspec.json.Encoder().encode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


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
    except UNREADABLE as error:
        plain = without_oddities(decoder, raw)
        if plain is None:
            raise Refused(str(error)) from None
    try:
        return decoder(plain)
    except UNREADABLE as error:
        raise Refused(str(error)) from None


def without_oddities(decoder: Callable[[bytes], object], raw: bytes) -> bytes | None:
    """The same message without a byte order mark, and without optional fields that are null.

    Looked at only once a message was refused, so others cost nothing. None when there is nothing
    to take away.
    """
    plain = raw.removeprefix(codecs.BOM_UTF8)
    try:
        fields = _decode_fields(plain)
    except UNREADABLE:
        return plain if plain is not raw else None
    optional = _optional(_kind(decoder))
    kept = {name: value for name, value in fields.items() if value != NULL or name not in optional}
    if len(kept) < len(fields):
        return encode(kept)
    return plain if plain is not raw else None


def _kind(decoder: Callable[[bytes], object]) -> type[Struct] | None:
    """What a decoder makes of a message."""
    kind = getattr(getattr(decoder, "__self__", None), "type", None)
    return kind if isinstance(kind, type) and issubclass(kind, Struct) else None


@cache
def _optional(kind: type[Struct] | None) -> frozenset[str]:
    """The fields that a message may leave out, under the names they have in JSON."""
    fields = () if kind is None else msgspec.structs.fields(kind)
    return frozenset(field.encode_name for field in fields if not field.required)


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


def is_card_number(text: str) -> bool:
    """Whether a text is 13 to 19 digits, grouped or not, with a valid Luhn check digit.

    >>> is_card_number("4111 1111 1111 1111"), is_card_number("4111111111111112")
    (True, False)
    """
    if len(text) < 13:
        return False
    digits = text.replace(" ", "").replace("-", "")
    if not (13 <= len(digits) <= 19 and digits.isascii() and digits.isdigit()):
        return False
    total = sum(map(int, digits[-1::-2]))
    total += sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return total % 10 == 0


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
