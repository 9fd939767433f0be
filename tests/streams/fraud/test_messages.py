"""Transactions and labels of them: what is read, and what is refused, by name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from app.core import messages
from app.core.labels import feedback_reader
from app.core.messages import Origin, label_id
from app.errors import Refused
from app.streams.fraud.messages import (
    LABELS,
    Example,
    Feedback,
    Prediction,
    make_transaction,
    read_example,
    read_feedback,
    read_prediction,
    read_transaction,
)
from app.wire import encode
from tests.core.samples import example
from tests.core.sayings import decision
from tests.test_wire import NO_MESSAGES, NO_TIMES, TIMES

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


@pytest.mark.parametrize(("at", "ms"), TIMES)
def test_times_are_read_as_rfc_3339_or_epoch_milliseconds(at, ms):
    assert read_transaction(transaction(at=at)).at == ms
    assert read_feedback(feedback(at=at)).at == ms


@pytest.mark.parametrize("at", NO_TIMES)
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


@pytest.mark.parametrize("field", [*WORDS, "lat", "lon", "label"])
def test_a_transaction_may_say_null_where_it_may_say_nothing(field):
    assert read_transaction(transaction(**{field: None})) == read_transaction(transaction())


@pytest.mark.parametrize("field", ["actor", "at", "reason", "note", "label_id"])
def test_a_label_may_say_null_where_it_may_say_nothing(field):
    assert read_feedback(feedback(**{field: None})) == read_feedback(feedback())


@pytest.mark.parametrize("spoilt", NO_MESSAGES)
def test_what_is_no_message_is_refused_with_a_sentence(spoilt):
    for read, raw in ((read_transaction, transaction()), (read_feedback, feedback())):
        with pytest.raises(Refused, match=r"\w+ `?\w+"):
            read(spoilt(raw))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_number_for_is_refused(number):
    with pytest.raises(Refused, match=r"\w+ `?\w+"):
        read_transaction(literally("amount", number))


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


@pytest.mark.parametrize(
    ("field", "value"), [("merchant", "m\0"), ("device", "4111111111111111"), ("amount", -1.0)]
)
def test_a_transaction_of_python_values_is_the_one_that_is_read(field, value):
    values = {**TX, "country": "DE", "lat": 52.4}
    assert make_transaction(values) == read_transaction(json.dumps(values).encode())
    with pytest.raises(Refused, match=rf"`(\$\.)?{field}`"):
        make_transaction({**values, field: value})


# -- what cards add to the messages of all applications


def test_the_customer_is_the_key():
    assert read_transaction(transaction(customer="c9")).key == "c9"
    said = read_feedback(feedback(customer="c9"))
    assert said.key == "c9"
    assert json.loads(encode(said))["customer"] == "c9"
    assert json.loads(encode(decision(key="c9")))["customer"] == "c9"


def test_messages_are_written_as_they_always_were():
    """Their fields, in this order: bytes that are stored are compared."""
    told = "id customer label source actor at reason note label_id"
    said = "id customer merchant location amount at score threshold decision reasons mode model"
    said += " features source engine"
    taught = "kind tx x y w previous score threshold version merchant location at known origin"
    taught += " end_of_step"
    assert " ".join(json.loads(encode(read_feedback(feedback())))) == told
    assert " ".join(json.loads(encode(decision()))) == said
    assert " ".join(json.loads(encode(example(1, Origin(1, 0, 0))))) == taught


def test_messages_are_read_as_they_were_written():
    prediction, taught = decision(), example(1, Origin(1, 0, 0))
    assert read_prediction(encode(prediction)) == prediction
    assert read_example(encode(taught)) == taught


@pytest.mark.parametrize(
    ("ours", "of_all"),
    [
        (Feedback, messages.Feedback),
        (Prediction, messages.PlainPrediction),
        (Example, messages.PlainExample),
    ],
    ids=["feedback", "prediction", "example"],
)
def test_messages_of_cards_have_every_field_of_all_applications(ours, of_all):
    """They are listed once more for their order: with the same types and defaults."""
    own = {field.name: field for field in fields(ours)}
    assert len(fields(of_all)) > 8
    for field in fields(of_all):
        mine = own[field.name]
        assert (mine.type, mine.default) == (field.type, field.default), field.name


def test_labels_of_cards_are_read_by_their_words():
    read = feedback_reader(Feedback, LABELS)
    assert read(feedback(label="none")) == read_feedback(feedback(label="none"))
    assert LABELS.words == ("fraud", "legit", "unsure", "none")


def test_a_label_id_is_that_of_any_application():
    said = read_feedback(feedback(at=1000, actor="ann"))
    assert label_id(said) == "37ea574d718bbc411668153d"
    assert label_id(read_feedback(encode(said))) == label_id(said), "published again"
