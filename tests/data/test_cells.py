"""Cells: what is missing, and texts and numbers that are never changed silently."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest

from app.data.cells import id_reader, missing_of, number_reader, text_reader, whole_reader
from app.errors import Refused

USUAL = [
    "",
    "NULL",
    "null",
    "Null",
    "\\N",
    "NaN",
    "nan",
    "NA",
    "N/A",
    "n/a",
    "None",
    "none",
    "<NA>",
]


@pytest.mark.parametrize("text", [*USUAL, "#N/A", "-nan", "nil", "NaT", None])
def test_the_usual_spellings_stand_for_no_value(text: str | None):
    assert text in missing_of()


def test_other_spellings_replace_the_usual_ones():
    assert {"-", "", None, "unk", "UNK"} <= missing_of(["-", "unk"])
    assert "NA" not in missing_of(["-"])


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("007", "007"),
        (" c1", " c1"),
        ("1234.0", "1234.0"),
        (2**63 + 1, "9223372036854775809"),
        (-5, "-5"),
        (1234.0, "1234"),
        (float(2**53), "9007199254740992"),
        (Decimal("1234"), "1234"),
        (Decimal("1234.00"), "1234"),
        (Decimal(10**30), "1" + "0" * 30),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    ],
    ids=repr,
)
def test_a_text_has_every_digit_of_what_was_there(cell: object, text: str):
    assert text_reader("customer")(cell) == id_reader("customer")(cell) == text


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (12.5, "number with a fraction"),
        (float(2**53 + 2), "too large for a column of floats"),
        (float("inf"), "number with a fraction"),
        (Decimal("1.5"), "number with a fraction"),
        (b"\xff", "no UTF-8 text"),
        (True, "is a truth value"),
        ([1], "is a list"),
        ({}, "is a structure"),
        (datetime(2020, 1, 1), "is a time"),
    ],
    ids=repr,
)
def test_what_would_be_changed_to_become_a_text_is_refused(cell: object, says: str):
    with pytest.raises(Refused, match=says):
        text_reader("customer")(cell)


def test_an_id_that_a_spreadsheet_has_rounded_is_refused():
    with pytest.raises(Refused, match="a spreadsheet has rounded; export the file again"):
        id_reader("customer")("2.70319E+15")
    assert id_reader("customer")("E+15") == "E+15"


def test_blanks_are_no_text():
    assert text_reader("category")("  ") is None


@pytest.mark.parametrize(
    ("cell", "number"), [("52.5", 52.5), ("52,5", 52.5), (7, 7.0), (" ", None)]
)
def test_a_number_may_be_text(cell: object, number: float | None):
    assert number_reader("lat")(cell) == number


@pytest.mark.parametrize("cell", ["north", "1_0", "inf", True, [1], "5,2,1"], ids=repr)
def test_what_is_no_number_is_refused(cell: object):
    with pytest.raises(Refused, match="`lat` is not a number"):
        number_reader("lat")(cell)


def test_a_whole_number_has_no_fraction():
    assert whole_reader("scenario")("2.0") == 2
    with pytest.raises(Refused, match="not a whole number"):
        whole_reader("scenario")("2.5")
