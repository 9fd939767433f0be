"""What all messages share: times, texts, and what is refused before anybody asks what it means."""

import json
from collections.abc import Callable
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct, field

from app.errors import Refused
from app.pan import is_card_number
from app.wire import (
    MAX_ID_BYTES,
    MAX_MS,
    Id,
    Instant,
    Note,
    Word,
    check_texts,
    check_timestamp,
    decode,
    encode,
    epoch_ms,
    texts_of,
)

TIMES = [
    pytest.param(0, 0, id="the first millisecond"),
    pytest.param(1_522_540_800_000, 1_522_540_800_000, id="epoch milliseconds"),
    pytest.param(MAX_MS, MAX_MS, id="the last millisecond"),
    pytest.param("2018-04-01T00:00:00Z", 1_522_540_800_000, id="UTC"),
    pytest.param("2018-04-01T02:00:00+02:00", 1_522_540_800_000, id="an offset"),
    pytest.param("2018-03-31T18:30:00-05:30", 1_522_540_800_000, id="an offset to the west"),
    pytest.param("2018-04-01 00:00:00Z", 1_522_540_800_000, id="a space"),
    pytest.param("2018-04-01T00:00:00.25Z", 1_522_540_800_250, id="a fraction"),
    pytest.param("2018-04-01T00:00:00.1234567Z", 1_522_540_800_123, id="beyond milliseconds"),
]
NO_TIMES = [
    pytest.param("2018-04-01T00:00:00", id="no offset"),
    pytest.param("2018-04-01", id="a date"),
    pytest.param("", id="empty"),
    pytest.param("1522540800000", id="digits as text"),
    pytest.param("2016-12-31T23:59:60Z", id="a leap second"),
    pytest.param("2018-02-30T00:00:00Z", id="a day that is none"),
    pytest.param("1969-12-31T23:59:59Z", id="before 1970"),
    pytest.param("0001-01-01T00:00:00+23:59", id="before the first year"),
    pytest.param(-1, id="negative"),
    pytest.param(MAX_MS + 1, id="behind the last millisecond"),
    pytest.param(10**30, id="more than 64 bits"),
    pytest.param(1.5, id="a fraction of a millisecond"),
    pytest.param(True, id="a truth value"),
]


def more(text: str) -> Callable[[bytes], bytes]:
    """One more field, whose value is not what json.dumps would write."""
    return lambda raw: raw[:-1] + b', "more": ' + text.encode() + b"}"


# What is made of a message with the id t1.
NO_MESSAGES = [
    pytest.param(lambda raw: None, id="no value"),
    pytest.param(lambda raw: b"", id="empty"),
    pytest.param(lambda raw: b"\xff\xfe\x00", id="bytes"),
    pytest.param(lambda raw: b"[]", id="a list"),
    pytest.param(lambda raw: b"null", id="null"),
    pytest.param(lambda raw: b"1", id="a number"),
    pytest.param(lambda raw: b'{"id": "t1"', id="cut"),
    pytest.param(lambda raw: raw + b"{}", id="two in one"),
    pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, id="a byte order mark"),
    pytest.param(more("NaN"), id="NaN where nobody looks"),
    pytest.param(lambda raw: raw.replace(b"t1", b"\\ud800"), id="a lone surrogate, escaped"),
    pytest.param(lambda raw: raw.replace(b"t1", b"\xed\xa0\x80"), id="a lone surrogate, encoded"),
    pytest.param(lambda raw: raw.replace(b"t1", b"\xff"), id="not UTF-8"),
    pytest.param(more("[" * 100_000 + "]" * 100_000), id="nested without end"),
    pytest.param(lambda raw: b"[" * 100_000, id="opened without end"),
]


class Login(Struct, kw_only=True):
    """A message of no application that there is."""

    id: Id
    at: Instant
    who: Id = field(name="account")
    device: Word = ""
    note: Note = ""
    tries: Annotated[int, Meta(ge=0)] = 0


GIVEN = {"id": "t1", "at": 0, "account": "a1"}
read_login = msgspec.json.Decoder(Login).decode


def login(**fields: object) -> bytes:
    return json.dumps({**GIVEN, **fields}).encode()


def read(raw: bytes | None) -> Login:
    """As applications read theirs."""
    message = decode(read_login, raw)
    message.at = epoch_ms(message.at)
    check_texts(texts_of(message))
    return message


@pytest.mark.parametrize(("at", "ms"), TIMES)
def test_times_are_read_as_rfc_3339_or_epoch_milliseconds(at, ms):
    assert read(login(at=at)).at == ms


@pytest.mark.parametrize("at", NO_TIMES)
def test_a_time_that_is_none_is_refused_by_name(at):
    with pytest.raises(Refused, match=r"`(\$\.)?at`"):
        read(login(at=at))


@pytest.mark.parametrize("spoilt", NO_MESSAGES)
def test_what_is_no_message_is_refused_with_a_sentence(spoilt):
    assert read(login()).id == "t1"
    with pytest.raises(Refused, match=r"\w+ `?\w+"):
        read(spoilt(login()))


@pytest.mark.parametrize("missing", GIVEN)
def test_a_field_that_is_missing_is_named(missing):
    fields = {name: value for name, value in GIVEN.items() if name != missing}
    with pytest.raises(Refused, match=f"`{missing}`"):
        read(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("id", "", id="an empty id"),
        pytest.param("id", "x" * 129, id="129 bytes"),
        pytest.param("id", "é" * 64 + "x", id="65 characters in 129 bytes"),
        pytest.param("device", "\N{GRINNING FACE}" * 33, id="33 characters in 132 bytes"),
        pytest.param("account", "a\0", id="a NUL, under the name in JSON"),
        pytest.param("account", "4111 1111 1111 1111", id="a card number"),
        pytest.param("note", "4111111111111111", id="a card number as note"),
        pytest.param("note", "x" * 2001, id="a note of 2001 characters"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_by_its_name_in_json(name, text):
    with pytest.raises(Refused, match=rf"`(\$\.)?{name}`"):
        read(login(**{name: text}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("id", "x" * MAX_ID_BYTES, id="128 bytes"),
        pytest.param("device", "é" * 64, id="64 characters in 128 bytes"),
        pytest.param("device", "\N{GRINNING FACE}" * 32, id="32 characters in 128 bytes"),
        pytest.param("device", "", id="no device"),
        pytest.param("account", "4111111111111112", id="16 digits that are no card number"),
        pytest.param("note", "é" * 1998 + "\0\n", id="a note is free text"),
    ],
)
def test_the_edges_of_what_is_allowed_come_through(name, text):
    assert dict(texts_of(read(login(**{name: text}))))[name] == text


def test_texts_have_the_names_that_they_have_in_json_and_numbers_are_none():
    assert list(texts_of(read(login(device="d", tries=3)))) == [
        ("id", "t1"),
        ("account", "a1"),
        ("device", "d"),
        ("note", ""),
    ]


@given(st.text(max_size=40))
def test_any_text_is_read_as_it_was_or_refused(text):
    try:
        message = read(login(account=text))
    except Refused:
        return
    assert message.who == text
    assert read(encode(message)) == message


@pytest.mark.parametrize("grouping", ["4222222222222", "4222-2222 22222", "42 22 22 22 22 22 2"])
def test_a_card_number_is_found_however_it_is_grouped(grouping):
    assert is_card_number(grouping)


@pytest.mark.parametrize(
    "digits", ["4111111111111112", "411111111111", "4" * 20, "٤١١١١١١١١١١١١١١١"]
)
def test_other_digits_are_no_card_number(digits):
    assert not is_card_number(digits)


@pytest.mark.parametrize("recorded", [-1, 0, 1_700_000_000_000])
def test_a_timestamp_in_milliseconds_is_taken(recorded):
    check_timestamp(recorded)


@pytest.mark.parametrize("unit", [1_000, 1_000_000], ids=["microseconds", "nanoseconds"])
def test_a_timestamp_in_another_unit_is_refused(unit):
    with pytest.raises(Refused, match="timestamp"):
        check_timestamp(1_700_000_000_000 * unit)
