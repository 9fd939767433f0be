"""What is read from the wire, and what is refused, by name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refused
from app.messages import (
    MAX_MS,
    Feedback,
    check_timestamp,
    encode,
    is_card_number,
    label_id,
    read_feedback,
    read_transaction,
)

TX = {"id": "t1", "at": 0, "customer": "c1", "merchant": "m1", "amount": 1.5}
SAID = {"id": "t1", "customer": "c1", "label": "fraud", "source": "analyst"}
WORDS = ["currency", "category", "channel", "country", "device", "ip"]


def transaction(**fields: object) -> bytes:
    return json.dumps({**TX, **fields}).encode()


def feedback(**fields: object) -> bytes:
    return json.dumps({**SAID, **fields}).encode()


def literally(field: str, text: str) -> bytes:
    """A transaction one of whose values is not what json.dumps would write."""
    return transaction(**{field: "@"}).replace(b'"@"', text.encode())


@pytest.mark.parametrize(
    ("at", "ms"),
    [
        pytest.param(0, 0, id="the first millisecond"),
        pytest.param(1_522_540_800_000, 1_522_540_800_000, id="epoch milliseconds"),
        pytest.param(MAX_MS, MAX_MS, id="the last millisecond"),
        pytest.param("2018-04-01T00:00:00Z", 1_522_540_800_000, id="UTC"),
        pytest.param("2018-04-01T02:00:00+02:00", 1_522_540_800_000, id="an offset"),
        pytest.param("2018-03-31T18:30:00-05:30", 1_522_540_800_000, id="an offset to the west"),
        pytest.param("2018-04-01 00:00:00Z", 1_522_540_800_000, id="a space"),
        pytest.param("2018-04-01T00:00:00.25Z", 1_522_540_800_250, id="a fraction"),
        pytest.param("2018-04-01T00:00:00.1234567Z", 1_522_540_800_123, id="beyond milliseconds"),
    ],
)
def test_times_are_read_as_rfc_3339_or_epoch_milliseconds(at, ms):
    assert read_transaction(transaction(at=at)).at == ms
    assert read_feedback(feedback(at=at)).at == ms


@pytest.mark.parametrize(
    "at",
    [
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
    ],
)
def test_a_time_that_is_none_is_refused_by_name(at):
    for read, raw in ((read_transaction, transaction(at=at)), (read_feedback, feedback(at=at))):
        with pytest.raises(Refused, match=r"`(\$\.)?at`"):
            read(raw)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(pytest.param(name, "x" * 129, id=f"{name} of 129 bytes") for name in WORDS),
        *(pytest.param(name, "", id=f"empty {name}") for name in ("id", "customer", "merchant")),
        *(pytest.param(name, 5, id=f"{name} as number") for name in ("id", "customer", "ip")),
        *(pytest.param(name, None, id=f"no {name}") for name in TX),
        *(pytest.param(name, ["x"], id=f"{name} as list") for name in TX),
        pytest.param("id", "x" * 129, id="id of 129 bytes"),
        pytest.param("id", "é" * 64 + "x", id="id of 65 characters in 129 bytes"),
        pytest.param("customer", "\N{GRINNING FACE}" * 33, id="33 characters in 132 bytes"),
        pytest.param("merchant", "m\0", id="NUL"),
        pytest.param("device", "4111111111111111", id="a card number"),
        pytest.param("id", "4111 1111 1111 1111", id="a card number in groups"),
        pytest.param("customer", "3782-822463-10005", id="15 digits with hyphens"),
        pytest.param("amount", -0.01, id="a negative amount"),
        pytest.param("amount", 1e12 + 1, id="an amount that is too large"),
        pytest.param("amount", 10**400, id="an amount of 400 digits"),
        pytest.param("amount", "5", id="an amount as text"),
        pytest.param("amount", True, id="an amount as truth value"),
        pytest.param("lat", 90.01, id="beyond the pole"),
        pytest.param("lon", -180.01, id="beyond the date line"),
        pytest.param("lat", "52", id="a latitude as text"),
        pytest.param("label", "stolen", id="an unknown label"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused_by_name(field, value):
    with pytest.raises(Refused, match=rf"`(\$\.)?{field}`"):
        read_transaction(transaction(**{field: value}))


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
@pytest.mark.parametrize("field", ["amount", "lat", "lon"])
def test_a_number_beyond_all_floats_is_refused_by_name(field, number):
    with pytest.raises(Refused, match=rf"`\$\.{field}`"):
        read_transaction(literally(field, number))


@pytest.mark.parametrize("missing", TX)
def test_a_transaction_without_a_field_it_needs_is_refused_by_name(missing):
    fields = {name: value for name, value in TX.items() if name != missing}
    with pytest.raises(Refused, match=f"`{missing}`"):
        read_transaction(json.dumps(fields).encode())


@pytest.mark.parametrize("missing", SAID)
def test_a_label_without_a_field_it_needs_is_refused_by_name(missing):
    fields = {name: value for name, value in SAID.items() if name != missing}
    with pytest.raises(Refused, match=f"`{missing}`"):
        read_feedback(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(None, id="no value"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00", id="bytes"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"1", id="a number"),
        pytest.param(b'{"id": "t1"', id="cut"),
        pytest.param(transaction() + b"{}", id="two in one"),
        pytest.param(b"\xef\xbb\xbf" + transaction(), id="a byte order mark"),
        pytest.param(literally("amount", "NaN"), id="NaN"),
        pytest.param(literally("amount", "Infinity"), id="infinity"),
        pytest.param(literally("amount", "-Infinity"), id="negative infinity"),
        pytest.param(literally("more", "NaN"), id="NaN where nobody looks"),
        pytest.param(literally("id", '"\\ud800"'), id="a lone surrogate, escaped"),
        pytest.param(transaction().replace(b"t1", b"\xed\xa0\x80"), id="a lone surrogate, encoded"),
        pytest.param(transaction().replace(b"t1", b"\xff"), id="not UTF-8"),
        pytest.param(literally("more", "[" * 100_000 + "]" * 100_000), id="nested without end"),
        pytest.param(b"[" * 100_000, id="opened without end"),
    ],
)
def test_what_is_no_message_is_refused_with_a_sentence(raw):
    for read in (read_transaction, read_feedback):
        with pytest.raises(Refused, match=r"\w+ `?\w+"):
            read(raw)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"id": "x" * 128}, id="128 bytes"),
        pytest.param({"id": "é" * 64}, id="64 characters in 128 bytes"),
        pytest.param({"merchant": "\N{GRINNING FACE}" * 32}, id="32 characters in 128 bytes"),
        pytest.param({"amount": 0}, id="nothing to pay"),
        pytest.param({"amount": 1e12}, id="the largest amount"),
        pytest.param({"amount": 5e-324}, id="the smallest amount"),
        pytest.param({"lat": 90, "lon": -180}, id="the pole"),
        pytest.param({"label": "unsure"}, id="a label inside"),
        pytest.param({"device": "4111111111111112"}, id="16 digits that are no card number"),
        pytest.param({"device": "4" * 20}, id="20 digits"),
        pytest.param({"id": "٤١١١١١١١١١١١١١١١"}, id="digits of another script"),
    ],
)
def test_the_edges_of_what_is_allowed_come_through(fields):
    read = read_transaction(transaction(**fields))
    assert {name: getattr(read, name) for name in fields} == fields


def test_unknown_fields_are_ignored():
    assert read_transaction(transaction(more={"deep": [1, None]}, v=2)) == read_transaction(
        transaction()
    )


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        pytest.param({"label": "stolen"}, "label", id="an unknown label"),
        pytest.param({"source": "bank"}, "source", id="an unknown source"),
        pytest.param({"note": "x" * 2001}, "note", id="a note of 2001 characters"),
        pytest.param({"note": "4111111111111111"}, "note", id="a card number as note"),
        pytest.param({"reason": "a\0"}, "reason", id="NUL"),
        pytest.param({"label_id": "x" * 129}, "label_id", id="an id of 129 bytes"),
        pytest.param({"label_id": "l\0"}, "label_id", id="an id with NUL"),
        pytest.param({"customer": ""}, "customer", id="an empty customer"),
        pytest.param({"actor": 5}, "actor", id="an actor as number"),
    ],
)
def test_a_label_that_cannot_be_used_is_refused_by_name(fields, named):
    with pytest.raises(Refused, match=rf"`(\$\.)?{named}`"):
        read_feedback(feedback(**fields))


def test_a_note_is_free_text():
    note = "é" * 1998 + "\0\n"
    assert read_feedback(feedback(note=note)).note == note


@given(st.text(max_size=40), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_number_is_read_as_it_was_or_refused(text, number):
    try:
        read = read_transaction(transaction(id=text, amount=number))
    except Refused:
        return
    assert (read.id, read.amount) == (text, number)
    assert read_transaction(encode(read)) == read


def test_a_label_id_that_is_given_counts():
    assert label_id(read_feedback(feedback(label_id="l1"))) == "l1"


def test_a_label_id_is_the_same_in_every_process():
    assert label_id(read_feedback(feedback(at=1000, actor="ann"))) == "2291775e0d91f7508590e6b7"


@pytest.mark.parametrize(
    "other",
    [{"id": "t2"}, {"source": "customer"}, {"actor": "bob"}, {"label": "legit"}, {"at": 1001}],
    ids=lambda other: next(iter(other)),
)
def test_a_label_id_tells_apart_who_says_what_when(other):
    said = {"at": 1000, "actor": "ann"}
    again = label_id(read_feedback(feedback(**said)))
    assert again == label_id(read_feedback(feedback(**said, note="more", reason="r")))
    assert again != label_id(read_feedback(feedback(**{**said, **other})))


def test_a_label_id_is_the_same_after_it_was_published_again():
    for said in (feedback(), feedback(at="2018-04-01T00:00:00.25Z")):
        read = read_feedback(said)
        assert label_id(read_feedback(encode(read))) == label_id(read)


def test_label_ids_do_not_run_into_each_other():
    one, other = (
        Feedback(id=tx, customer="c", label="fraud", source="analyst", actor=actor)
        for tx, actor in (("t", "1"), ("t1", ""))
    )
    assert label_id(one) != label_id(other)


@pytest.mark.parametrize("grouping", ["4222222222222", "4222-2222 22222", "42 22 22 22 22 22 2"])
def test_a_card_number_is_found_however_it_is_grouped(grouping):
    assert is_card_number(grouping)


@pytest.mark.parametrize(
    ("fields", "location"),
    [
        ({}, ""),
        ({"country": "DE"}, "DE"),
        ({"lat": 52.4, "lon": 13.6}, "52,14"),
        ({"lat": 52.4}, ""),
        ({"country": "DE", "lat": 52.4, "lon": 13.6}, "DE"),
    ],
    ids=["nowhere", "country", "degree cell", "half a place", "both"],
)
def test_a_location_is_coarse(fields, location):
    assert read_transaction(transaction(**fields)).location == location


@pytest.mark.parametrize("recorded", [-1, 0, 1_700_000_000_000])
def test_a_timestamp_in_milliseconds_is_taken(recorded):
    check_timestamp(recorded)


@pytest.mark.parametrize("unit", [1_000, 1_000_000], ids=["microseconds", "nanoseconds"])
def test_a_timestamp_in_another_unit_is_refused(unit):
    with pytest.raises(Refused, match="timestamp"):
        check_timestamp(1_700_000_000_000 * unit)
