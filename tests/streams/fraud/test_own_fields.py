"""`fields` of a transaction: what is read, what is missing then, and what is refused."""

import json
from math import isnan

import pytest

from app.errors import Refused
from app.streams.fraud.messages import Transaction, make_transaction, read_transaction
from app.streams.fraud.own_fields import COLUMNS, TAKEN

TX = {"id": "t1", "at": 0, "customer": "c1", "merchant": "m1", "amount": 1.5}
CARD = "4111 1111 1111 1111"


def read(text: str):
    return read_transaction(json.dumps({**TX, "fields": "@"}).replace('"@"', text).encode())


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("{}", {}),
        ("null", {}),
        ('{"a": "x", "b_2": 3, "c": -1.5e3}', {"a": "x", "b_2": 3.0, "c": -1500.0}),
        ('{"a": null, "b": ""}', {}),
        (
            '{"a": 4111111111111112, "b": 1796096216018}',
            {"a": 4111111111111112.0, "b": 1796096216018.0},
        ),
    ],
)
def test_texts_and_numbers_are_read(text, fields):
    tx = read(text)
    assert tx.own == fields
    assert all(type(value) in (str, float) for value in tx.own.values())
    assert make_transaction({**TX, "fields": json.loads(text) or {}}).own == fields


@pytest.mark.parametrize("value", ["true", "[1]", '{"b": 1}', "1e999", "-1e19", "1" * 400])
def test_a_value_that_is_neither_is_missing(value):
    tx = read(f'{{"a": {value}, "b": 1}}')
    assert isnan(tx.fields["a"]) and tx.raw == {"b": 1.0}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (["a"], r"Expected `object`, got `array` - at `\$.fields`"),
        ({"A": 1}, "'A' is no name in `fields`: write a small letter"),
        ({"id": "x"}, "`fields` has `id`, which a transaction has itself"),
        ({"a" * 33: 1}, "is no name in `fields`"),
        ({CARD: 1}, "a card number is no name"),
        ({f"w{n}": "x" for n in range(17)}, "`fields` has 17 texts and 0 numbers; at most 16 and"),
        ({f"n{n}": n for n in range(33)}, "`fields` has 0 texts and 33 numbers"),
        ({"a": "x" * 129}, "`a` is longer than 128 bytes"),
        ({"a": "x\0"}, "`a` contains a NUL"),
        ({"a": CARD}, "`a` is a card number"),
        ({"a": int(CARD.replace(" ", ""))}, "`a` is a card number"),
        ({"a": float(CARD.replace(" ", ""))}, "`a` is a card number"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused_in_a_sentence(fields, why):
    with pytest.raises(Refused, match=why) as refused:
        read(json.dumps(fields))
    assert CARD not in str(refused.value)
    with pytest.raises(Refused):
        make_transaction({**TX, "fields": fields})


def test_every_field_of_a_transaction_is_a_word_or_taken():
    assert {*TAKEN, *COLUMNS} == set(Transaction.__struct_fields__)


def test_card_numbers_may_be_left_to_whoever_asks_for_it():
    raw = json.dumps({**TX, "fields": {"a": CARD}}).encode()
    assert read_transaction(raw, card_fields={"customer"}).fields == {"a": CARD}
    number = json.dumps({**TX, "fields": {"a": 4111111111111111}}).encode()
    assert read_transaction(number, card_fields={"customer"}).raw == {"a": 4111111111111111.0}


def test_a_column_of_its_own_counts_before_a_field_of_that_name():
    tx = read_transaction(json.dumps({**TX, "ip": "::1", "fields": {"ip": "x", "a": 1}}).encode())
    assert tx.raw == {"ip": "::1", "a": 1.0}
