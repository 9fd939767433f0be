"""What all messages share: JSON outside, msgspec structs inside.

Unknown fields are ignored, so a producer may send more than Weir reads. An optional field that
is null counts as left out, and so does a byte order mark. Missing or malformed fields are
refused by name. Times arrive as RFC 3339 text or as epoch
milliseconds and are epoch milliseconds (UTC) from here on.
"""

import codecs
import re
from collections.abc import Callable, Container, Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from app.errors import Refused
from app.pan import is_card_number
from app.units import MAX_MS as MAX_MS
from app.units import STEPS, SURE_MS, seeming_unit

MAX_ID_BYTES = 128

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
_decode_any = msgspec.json.Decoder().decode
# How msgspec says that a field is no Instant.
_no_instant = re.compile(rf".*(RFC3339|datetime|<= {MAX_MS}).* - at `\$\.(\w+)`").fullmatch


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
        if not raw.isascii():
            raw.decode()  # msgspec does not look into fields that it leaves out
        return decoder(raw)
    except UNREADABLE as error:
        plain = without_oddities(decoder, raw)
        if plain is None:
            raise Refused(_why(error, raw)) from None
    try:
        plain.decode()
        return decoder(plain)
    except UNREADABLE as error:
        raise Refused(_why(error, plain)) from None


def _why(error: Exception, raw: bytes) -> str:
    """Why a message cannot be read."""
    if isinstance(error, UnicodeDecodeError):
        return f"the record is not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start}"
    return _about_time(str(error), raw)


def _about_time(reason: str, raw: bytes) -> str:
    """Why a message cannot be read, in terms of units where a time is the cause."""
    found = _no_instant(reason)
    if found is None:
        return reason
    try:
        value = _decode_any(raw)[found[2]]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return reason
    said = f"`{found[2]}` is {shown(value)}"
    if isinstance(value, str):
        if value.isdecimal():
            return f"{said}, a text; send milliseconds as a number, without quotes"
        return (
            f"{said}, not a date and time with an offset such as 2026-01-31T12:00:00Z; "
            "milliseconds since 1970 are taken too"
        )
    if type(value) not in (int, float):
        return reason
    if (seeming := seeming_unit(value)) is not None:
        return f"{said}, which seems to be {seeming.words}; send milliseconds"
    return f"{said}, not a whole number of milliseconds up to the year 9999"


def shown(value: object) -> str:
    """A value in a sentence, cut to a readable length; never a card number."""
    text = repr(value) if isinstance(value, str) else str(value)
    if is_card_number(str(value)):
        return "a card number"
    return text if len(text) <= 60 else text[:60] + "..."


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
    if ms > MAX_MS:
        raise Refused("`at` is after the year 9999")
    return ms


def check_timestamp(recorded: int) -> None:
    """Refuse a record whose Kafka timestamp is not a time in milliseconds; -1 stands for none."""
    if recorded > MAX_MS:
        raise Refused("the record's timestamp is not a time in milliseconds")


def check_unit(at: int, recorded: int, steps: bool = True) -> None:
    """Refuse a time that cannot be milliseconds, beside its record's timestamp (-1: it has none).

    Without `steps` small numbers are taken, as in labels, whose times only put them in order.

    >>> check_unit(5, 7)
    >>> check_unit(1_796_055_000, 1_796_055_000_000)
    Traceback (most recent call last):
    app.errors.Refused: `at` is 1796055000, which seems to be seconds; send milliseconds
    """
    if SURE_MS[0] <= at <= SURE_MS[1]:
        return
    seeming = seeming_unit(at, recorded)
    if seeming == STEPS and at == 0 and steps:
        raise Refused("`at` is 0, as if it was left out; send milliseconds since 1970")
    if seeming is not None and (steps or seeming != STEPS):
        raise Refused(f"`at` is {at}, which seems to be {seeming.words}; send milliseconds")


def check_texts(
    texts: Iterable[tuple[str, str]], card_fields: Container[str] | None = None
) -> None:
    """Refuse texts that are too long, contain a NUL or are a card number.

    Card numbers are looked for in `card_fields`, by default in all. `note` is free text.
    """
    for name, text in texts:
        if "\0" in text and name != "note":
            raise Refused(f"`{name}` contains a NUL character")
        if len(text) > MAX_ID_BYTES // 4 and name != "note" and len(text.encode()) > MAX_ID_BYTES:
            raise Refused(f"`{name}` is longer than {MAX_ID_BYTES} bytes")
        if len(text) >= 13 and (card_fields is None or name in card_fields):
            check_no_card(name, text)


def check_no_card(name: str, text: str) -> None:
    """Refuse a card number, which the reason does not repeat."""
    if is_card_number(text):
        raise Refused(
            f"`{name}` is a card number; send a keyed hash of it instead (--hash {name} for "
            "files, docs/data.md for producers). WEIR_CARD_NUMBER_FIELDS names the fields "
            "that are looked at"
        )


def texts_of(message: Struct) -> Iterator[tuple[str, str]]:
    """The fields of a message that hold text, under the names they have in JSON."""
    for field, name in _names(type(message)):
        value = getattr(message, field)
        if isinstance(value, str):
            yield name, value


@cache
def _names(kind: type[Struct]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
