"""Amounts: what they are worth, however they are written, and what nobody can say."""

from decimal import Decimal

import pytest

from app.data.amounts import Amounts, Left, negative_reader
from app.errors import Refused

WORTH = [
    ("12.5", "", 12.5),
    ("12", "", 12.0),
    (" 12.50 ", "", 12.5),
    (".5", "", 0.5),
    ("1e3", "", 1000.0),
    ("$12.00", "", 12.0),
    ("US$12.00", "", 12.0),
    ("12,00 €", "", 12.0),
    ("EUR 12.00", "", 12.0),
    ("12.00 eur", "", 12.0),
    ("£-5.25", "", -5.25),
    ("-$5.25", "", -5.25),
    ("5.25-", "", -5.25),
    ("\u22125.25", "", -5.25),
    ("+5.25", "", 5.25),
    ("(5.25)", "", -5.25),
    ("$(5.25)", "", -5.25),
    ("($1,234.50)", "", -1234.5),
    ("1,234.50", "", 1234.5),
    ("1.234,50", "", 1234.5),
    ("1 234,50", "", 1234.5),
    ("1\u202f234\u202f567,5", "", 1_234_567.5),
    ("1'234'567.50", "", 1_234_567.5),
    ("1,234,567", "", 1_234_567.0),
    ("1.234.567", "", 1_234_567.0),
    ("1,23,456.50", "", 123_456.5),
    ("0.123", "", 0.123),
    ("1234.567", "", 1234.567),
    ("12,5", "", 12.5),
    ("1.234", ".", 1.234),
    ("1.234", ",", 1234.0),
    ("1,234", ",", 1.234),
    ("1,234", ".", 1234.0),
    ("12.345.678,9", ",", 12_345_678.9),
]


@pytest.mark.parametrize(("text", "decimal", "worth"), WORTH)
def test_an_amount_is_worth_what_it_says(text: str, decimal: str, worth: float):
    assert Amounts("amount", decimal)(text) == worth


@pytest.mark.parametrize("value", [5, 5.0, Decimal("5.00")], ids=repr)
def test_numbers_are_amounts_as_they_are(value: object):
    assert Amounts("amount")(value) == 5.0


@pytest.mark.parametrize(
    ("text", "decimal", "says"),
    [
        ("1.234", "", "may be 1.234 or 1234; --decimal . or --decimal , says which"),
        ("1,234", "", "may be 1.234 or 1234; --decimal"),
        ("999.999", "", "--decimal"),
        ("12,50", ".", "--decimal names it"),
        ("12.50", ",", "--decimal names it"),
        ("1,2,3.50", "", "--decimal names it"),
        ("five", "", "not an amount"),
        ("1_000", "", "not an amount"),
        ("1_000", ".", "not an amount"),
        ("inf", ".", "not an amount"),
        ("12%", "", "not an amount"),
        ("--5", "", "not an amount"),
        ("(-5)", "", "not an amount"),
        ("(5", "", "not an amount"),
        ("1 23", "", "not an amount"),
        ("12.50 CR", "", "not an amount"),
        ("2020-01-31", "", "not an amount"),
        ("9" * 99, "", "not an amount"),
        (True, "", "not an amount"),
        ([5], "", "not an amount"),
        (float("inf"), "", "not an amount"),
    ],
)
def test_what_is_no_amount_or_may_be_two_is_refused(text: object, decimal: str, says: str):
    with pytest.raises(Refused, match=says):
        Amounts("amount", decimal)(text)


def test_an_amount_that_shows_the_decimal_sign_settles_it_for_the_column():
    read = Amounts("amount")
    read.learn(["7", "1.234", "12.50", "1,5"])
    assert read.decimal == "."
    assert (read("1.234"), read("1,234")) == (1.234, 1234.0)


def test_two_currencies_in_a_column_are_refused():
    read = Amounts("amount")
    assert read("$5.00") == read("5.00") == 5.0
    with pytest.raises(Refused, match=r"is in €, others of the column are in \$"):
        read("€5.00")


def test_what_becomes_of_a_negative_amount_is_an_option():
    amounts = Amounts("amount")
    assert negative_reader(amounts, "amount", "absolute")("-5.5") == 5.5
    with pytest.raises(Left):
        negative_reader(amounts, "amount", "skip")("-5.5")
    with pytest.raises(Refused, match=r"refund.*--negative skip .*--negative absolute"):
        negative_reader(amounts, "amount", "refuse")("-5.5")
