"""What all messages share: times, texts, and what is refused before anybody asks what it means."""

import json
from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct, field

from app.errors import Refused
from app.wire import (
    MAX_ID_BYTES,
    MAX_MS,
    Id,
    Instant,
    Note,
    Word,
    check_texts,
    check_timestamp,
    check_unit,
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
    pytest.param("9999-12-31T23:59:59.9999Z", id="behind the last year once rounded"),
    pytest.param("9999-12-31T23:59:59-14:00", id="behind the last year in UTC"),
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
    pytest.param(more("NaN"), id="NaN where nobody looks"),
    pytest.param(lambda raw: raw.replace(b"t1", b"\\ud800"), id="a lone surrogate, escaped"),
    pytest.param(lambda raw: raw.replace(b"t1", b"\xed\xa0\x80"), id="a lone surrogate, encoded"),
    pytest.param(lambda raw: raw.replace(b"t1", b"\xff"), id="not UTF-8"),
    pytest.param(lambda raw: raw[:-1] + b', "\xff": 1}', id="a field's name is not UTF-8"),
    pytest.param(lambda raw: raw[:-1] + b', "more": "\xff"}', id="not UTF-8 where nobody looks"),
    pytest.param(lambda raw: BOM_UTF8 + raw[:-1] + b', "\xff": 1}', id="nor behind a mark"),
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


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("optional", ["device", "note", "tries"])
def test_null_is_an_optional_field_that_is_left_out(optional):
    others = {"device": "d", "note": "n", "tries": 3, "more": {"deep": [None]}, "none": None}
    left_out = {name: value for name, value in others.items() if name != optional}
    assert read(login(**{**others, optional: None})) == read(login(**left_out))


def test_all_optional_fields_may_be_null_and_a_byte_order_mark_come_first():
    assert read(BOM + login(device=None, note=None, tries=None)) == read(login())
    assert read(BOM + login(device="d")).device == "d"


@pytest.mark.parametrize("needed", GIVEN)
def test_null_in_a_field_that_is_needed_is_refused_by_name(needed):
    for others in ({}, {"device": None}):
        with pytest.raises(Refused, match=rf"got `null` - at `\$\.{needed}`"):
            read(login(**{needed: None}, **others))


@pytest.mark.parametrize(
    "raw",
    [BOM, BOM + b"x", BOM + BOM + login(), login() + BOM, BOM + b"null", login(device=None)[:-1]],
)
def test_what_is_no_message_stays_refused_with_a_mark_or_nulls(raw):
    with pytest.raises(Refused, match=r"\w+ `?\w+"):
        read(raw)


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


NOT_MILLISECONDS = [
    pytest.param(1_796_055_000.5, "is 1796055000.5, which seems to be seconds", id="seconds"),
    pytest.param(1_796_055_000 * 10**6, "seems to be microseconds; send", id="microseconds"),
    pytest.param(1_796_055_000 * 10**9, "seems to be nanoseconds; send", id="nanoseconds"),
    pytest.param(1.796055e18, "seems to be nanoseconds; send", id="nanoseconds as a float"),
    pytest.param(43466.5, "seems to be days as Excel counts them", id="a serial of Excel"),
    pytest.param(1_796_055_000_000.5, "not a whole number of milliseconds", id="a fraction"),
    pytest.param(10**30, "not a whole number of milliseconds", id="no time at all"),
    pytest.param("1796055000000", "a text; send milliseconds as a number", id="text"),
    pytest.param("2019-01-01", "'2019-01-01', not a date and time with an offset", id="a date"),
    pytest.param("01/02/2019 12:00", "not a date and time with an offset", id="another format"),
    pytest.param("x" * 100, "'" + "x" * 59 + r"\.\.\., not a date", id="a long text"),
    pytest.param(5_555_555_555_554_444, "is a card number, which", id="a card number"),
]


@pytest.mark.parametrize(("at", "says"), NOT_MILLISECONDS)
def test_a_time_that_cannot_be_read_is_refused_with_what_it_seems_to_be(at, says):
    with pytest.raises(Refused, match="^`at` is .*" + says.removeprefix("is ")):
        read(login(at=at))


@pytest.mark.parametrize(
    "behind",
    [b"]", b', "x": NaN}', b', "x": ' + b"[" * 100_000, b', "x": \x00'],
    ids=["more", "NaN", "nested without end", "a NUL"],
)
def test_a_time_in_what_is_no_json_is_refused_all_the_same(behind):
    with pytest.raises(Refused, match=r"`\$\.at`"):
        read(login(at="2019-01-01")[:-1] + behind)


@pytest.mark.parametrize(
    "digits", ["1e999", "-1e999", "9" * 5000, "9" * 5000 + ".5", '"' + "9" * 5000 + '"', "-9e18"]
)
def test_a_number_of_any_size_in_the_place_of_a_time_is_refused(digits):
    with pytest.raises(Refused, match=r"`(\$\.)?at`"):
        read(login(at="@").replace(b'"@"', digits.encode()))


SECONDS, RECORDED = 1_796_055_000, 1_796_055_000_123


@pytest.mark.parametrize(
    ("at", "recorded", "words"),
    [
        (SECONDS, RECORDED, "seconds"),
        (SECONDS, -1, "seconds"),
        (SECONDS - 40 * 366 * 86_400, RECORDED, "seconds"),
        (20_261_130, RECORDED, "a date written yyyymmdd"),
        (20_261_130_120_000, RECORDED, "a date written yyyymmddHHMMSS"),
        (202_611_301_200, RECORDED, "a date written yyyymmddHHMM"),
        (46_356, RECORDED, "days as Excel counts them"),
        (743, RECORDED, "a count of steps from a start"),
        (743, -1, "a count of steps from a start"),
    ],
)
def test_a_time_in_another_unit_is_told_by_its_record(at, recorded, words):
    with pytest.raises(Refused) as refused:
        check_unit(at, recorded)
    assert str(refused.value) == f"`at` is {at}, which seems to be {words}; send milliseconds"


@pytest.mark.parametrize(
    ("at", "recorded"),
    [
        pytest.param(0, 0, id="1970 beside a clock that begins at 0"),
        pytest.param(RECORDED, RECORDED, id="now"),
        pytest.param(RECORDED, -1, id="no timestamp"),
        pytest.param(441_763_200_000, RECORDED, id="of 1984"),
        pytest.param(5, 5, id="a clock that begins at 0"),
        pytest.param(SECONDS, 86_400_000, id="beside a clock that begins at 0"),
        pytest.param(99_000_000_000, 101_000_000_000, id="around 1973"),
        pytest.param(202_611_301_200, 202_611_301_200, id="of 1976"),
        pytest.param(MAX_MS, RECORDED, id="the last millisecond"),
    ],
)
def test_a_time_that_may_be_milliseconds_passes(at, recorded):
    check_unit(at, recorded)


@pytest.mark.parametrize("recorded", [RECORDED, -1])
def test_a_time_of_0_is_one_that_was_left_out(recorded):
    with pytest.raises(Refused, match="`at` is 0, as if it was left out"):
        check_unit(0, recorded)


def test_small_times_of_labels_pass_but_not_those_in_a_unit():
    check_unit(5, RECORDED, steps=False)
    with pytest.raises(Refused, match="seconds"):
        check_unit(SECONDS, RECORDED, steps=False)


def test_card_numbers_are_looked_for_in_the_fields_that_are_named():
    texts = [("device", "4111111111111111"), ("note", "4111 1111 1111 1111")]
    check_texts(texts, {"customer"})
    with pytest.raises(Refused, match="`note` is a card number") as refused:
        check_texts(texts, {"note"})
    assert "WEIR_CARD_NUMBER_FIELDS" in str(refused.value)
    assert "--hash note" in str(refused.value)
    assert "1111" not in str(refused.value)
    with pytest.raises(Refused, match="`device`"):
        check_texts(texts)


@pytest.mark.parametrize("recorded", [-1, 0, 1_700_000_000_000])
def test_a_timestamp_in_milliseconds_is_taken(recorded):
    check_timestamp(recorded)


@pytest.mark.parametrize("unit", [1_000, 1_000_000], ids=["microseconds", "nanoseconds"])
def test_a_timestamp_in_another_unit_is_refused(unit):
    with pytest.raises(Refused, match="timestamp"):
        check_timestamp(1_700_000_000_000 * unit)
