"""Which columns of a file are proposed as words and numbers, and why the others are not."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from app.data.files import Proposal
from app.data.options import FileOptions
from app.streams.fraud.custom.definitions import read_fields
from app.streams.fraud.files import propose

ROWS = 400
START = 1_700_000_000_000
CHANCE = random.Random(3)

# What a row has in a column, given its number and whether it is a fraud.
Cell = Callable[[int, bool], object]
COLUMNS: dict[str, tuple[Cell, str]] = {
    "Kind": (lambda n, y: f"k{n * n % 7}", "word"),
    "MCC": (lambda n, y: 5000 + n * n % 11, "word"),
    "zip_code": (lambda n, y: 10_000 + n * n % 90, "word"),
    "Points": (lambda n, y: n * 7919 % 1013, "number"),
    "Distance": (lambda n, y: "" if n % 3 else f"{n * 31 % 17},5", "number"),
    "Half known": (lambda n, y: CHANCE.choice("abcd") if not y else CHANCE.choice("ae"), "word"),
    "Session": (lambda n, y: f"s{n * 7919}", "an id, or free text"),
    "Comment": (lambda n, y: f"thank you, we would like to say for once {n % 90}", "free text"),
    "Country": (lambda n, y: "DE" if n % 5 else "FR", "word"),
    "": (lambda n, y: "ab"[n * n % 7 % 2], "it has no name"),
    "Same": (lambda n, y: "x", "always the same"),
    "Empty": (lambda n, y: "", "nearly always missing"),
    "Paid with": (lambda n, y: "4111111111111111", "always the same"),
    "Pan": (lambda n, y: ("4111111111111111", "5500000000000004")[n % 2], "card numbers"),
    "Counter": (lambda n, y: n + 7, "it says the same as the time"),
    "Quarter": (lambda n, y: n // 100, "it runs with the rows"),
    "Day": (lambda n, y: f"2024-01-{n * 13 % 28 + 1:02}", "times"),
    "Cents": (lambda n, y: (n % 19 + 1) * 100, "it says the same as the amount"),
    "Full name": (lambda n, y: f"Name {n % 60}", "it names the customer"),
    "Chargeback date": (lambda n, y: "2024-01-01" if y else "", "its name says"),
    "New balance": (lambda n, y: n * 7919 % 1013, "its name says"),
    "Case": (lambda n, y: "open" if y else "", "it tells the label too well"),
    "Risk": (lambda n, y: 90 + n % 9 if y else n % 90, "it tells the label too well"),
}


@pytest.fixture(scope="module")
def proposal(tmp_path_factory: pytest.TempPathFactory) -> Proposal:
    path = tmp_path_factory.mktemp("candidates") / "payments.csv"
    lines = [";".join(("id;at;customer;merchant;amount;label", *COLUMNS))]
    for n in range(ROWS):
        fraud = n % 13 == 0
        row = (f"t{n}", START + n * 60_000, f"c{n % 60}", f"m{n % 9}", n % 19 + 1, int(fraud))
        cells = (cell(n, fraud) for cell, _ in COLUMNS.values())
        lines.append(";".join(map(str, (*row, *cells))))
    path.write_text("\n".join(lines) + "\n")
    return propose(path, FileOptions())


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_is_a_word_a_number_or_none_for_a_reason(proposal: Proposal, column: str):
    expected = COLUMNS[column][1]
    kinds = {one.column: one.kind for one in proposal.candidates}
    if expected in ("word", "number"):
        assert kinds[column] == expected
    else:
        assert column not in kinds
        assert dict(proposal.passed)[column].startswith(expected)


def test_columns_of_the_transaction_are_none_but_its_words(proposal: Proposal):
    seen = {one.column for one in proposal.candidates} | {name for name, _ in proposal.passed}
    assert seen == set(COLUMNS)
    (country,) = (one for one in proposal.candidates if one.column == "Country")
    assert (country.name, country.kind) == ("country", "word")


def test_names_are_those_that_a_fields_file_may_have(tmp_path: Path):
    path = tmp_path / "odd.csv"
    heads = ["amount", "3-D Secure?", "Größe", "hour", "Hour", "", "x" * 40, "fields"]
    rows = [
        ",".join([str(n), *(f"v{n * n % (place + 5)}" for place in range(7))]) for n in range(60)
    ]
    path.write_text("\n".join([",".join(heads), *rows]) + "\n")
    found = propose(path, FileOptions()).candidates
    assert len(found) == 6
    text = "\n".join(f'[[{one.kind}]]\nname = "{one.name}"\n' for one in found)
    (tmp_path / "fields.toml").write_text(text)
    assert len(read_fields(tmp_path / "fields.toml").words) == 6


def test_no_more_are_proposed_than_a_file_may_declare(tmp_path: Path):
    path = tmp_path / "wide.csv"
    heads = ["amount", *(f"w{n}" for n in range(20)), *(f"n{n}" for n in range(40))]
    rows = [
        ",".join(
            [
                str(row),
                *(f"v{row * row % (n + 5)}" for n in range(20)),
                *(str(row * row % (n + 5)) for n in range(40)),
            ]
        )
        for row in range(100)
    ]
    path.write_text("\n".join([",".join(heads), *rows]) + "\n")
    proposal = propose(path, FileOptions())
    kinds = [one.kind for one in proposal.candidates]
    assert (kinds.count("word"), kinds.count("number")) == (16, 32)
    assert ("w16", "there are 16 words already") in proposal.passed


def test_a_list_among_the_labels_says_nothing(tmp_path: Path):
    path = tmp_path / "payments.jsonl"
    rows = [
        {
            **{"id": f"t{n}", "at": START + n * 60_000, "customer": f"c{n % 60}"},
            **{"merchant": f"m{n % 9}", "amount": 5, "kind": f"k{n * n % 7}"},
            "label": ["fraud"] if n == 7 else n % 13 == 0,
        }
        for n in range(ROWS)
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert [one.name for one in propose(path, FileOptions()).candidates] == ["kind"]
