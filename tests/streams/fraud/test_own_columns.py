"""Declared words and numbers in files: where they come from, and what cannot be read of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from app.data.options import FileOptions
from app.data.rows import Labelled
from app.errors import DataError
from app.streams.fraud.files import Dataset, open_dataset

HEAD = "id,at,customer,merchant,amount"
AT = 1_700_000_000_000
DECLARED = {"shop": str, "age": float, "category": str}


def opened(path: Path, **options: Any) -> Dataset:
    return open_dataset(path, FileOptions(**{"declared": DECLARED, **options}))


def written(path: Path, head: str, *rows: str) -> Path:
    lines = [f"{HEAD},{head}", *(f"t{n},{AT},c1,m1,5,{row}" for n, row in enumerate(rows))]
    path.write_text("\n".join(lines) + "\n")
    return path


def fields(rows: Any) -> list[dict[str, Any]]:
    return [row.event.fields or {} for row in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payments.csv"


@pytest.mark.parametrize("head", ["shop,age", "SHOP,Age", "Shop ,AGE?", "shop,Shop,age"])
def test_a_column_named_as_a_field_is_read_without_options(path: Path, head: str):
    row = "s1,other,30" if head.count(",") > 1 else "s1,30"
    assert fields(opened(written(path, head, row))) == [{"shop": "s1", "age": 30.0}]


def test_two_columns_that_may_be_meant_are_not_guessed(path: Path):
    dataset = opened(written(path, "SHOP,Shop", "s1,s2"))
    assert fields(dataset) == [{}]
    assert ("shop", "none", "no column is named so") in dataset.mapping()
    named = opened(path, columns={"shop": ("Shop",)})
    assert fields(named) == [{"shop": "s2"}]


def test_what_is_not_declared_is_not_sent(path: Path):
    assert fields(opened(written(path, "shop,age", "s1,30"), declared={})) == [{}]


def test_a_declared_column_of_transactions_stays_where_it_is(path: Path):
    (row,) = opened(written(path, "category", "food"))
    assert (row.event.category, row.event.fields) == ("food", UNSET)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *(("30", 30.0), ("-1.5", -1.5), ('"2,5"', 2.5), ("1e3", 1000.0)),
        *(("old", None), ("1e19", None), ("1_000", None), ("inf", None)),
    ],
)
def test_what_is_no_number_is_missing_and_counted_and_the_row_stays(path: Path, cell, number):
    dataset = opened(written(path, "age,shop", f"{cell},s1", ",s1", "NULL,s1"))
    first, *others = fields(dataset)
    assert first == ({"shop": "s1"} if number is None else {"shop": "s1", "age": number})
    assert others == [{"shop": "s1"}] * 2
    left = f"Left out of `age` because they cannot be read: a value, such as '{cell}'."
    assert dataset.notes() == ([left] if number is None else [])


def test_values_of_hashed_fields_are_hashed(path: Path):
    hashed = {"hashed": frozenset({"shop"}), "pseudonym": str.upper}
    dataset = opened(written(path, "shop", "s1"), **hashed)
    assert fields(dataset) == [{"shop": "S1"}]


def test_a_card_number_in_a_word_is_refused_by_the_name_of_its_column(path: Path):
    with pytest.raises(DataError, match=r"--hash shop") as refused:
        list(opened(written(path, "STORE", "4111111111111111"), columns={"shop": ("STORE",)}))
    assert "column STORE" in str(refused.value) and "4111" not in str(refused.value)


def test_a_word_may_be_joined_or_the_same_in_all_rows(path: Path):
    written(path, "city,street", "Rome,Corso", "Rome,", ",")
    joined = opened(path, columns={"shop": ("city", "street")})
    assert fields(joined) == [{"shop": "Rome|Corso"}, {"shop": "Rome|"}, {}]
    assert fields(opened(path, constants={"shop": "s1"})) == [{"shop": "s1"}] * 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": {"city": ("city",)}}, r"city is no field .* WEIR_FIELDS"),
        ({"columns": {"age": ("city", "street")}}, r"age\+city\+street: a number has one column"),
        ({"constants": {"age": "7"}}, r"--set age: it is no text"),
        ({"hashed": frozenset({"age"})}, r"--hash age: it is no text"),
        ({"columns": {"shop": ("STORE",)}}, r"lacks the column STORE"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_in_words(path: Path, options, words):
    with pytest.raises(DataError, match=words):
        opened(written(path, "city,street", "Rome,Corso"), **options)


def rows_of(path: Path, *found: dict[str, Any]) -> list[Labelled]:
    usual = {"at": AT, "customer": "c1", "merchant": "m1", "amount": 5}
    lines = [json.dumps({"id": f"t{n}", **usual, **one}) for n, one in enumerate(found)]
    path.write_text("\n".join(lines) + "\n")
    return list(opened(path))


def test_json_has_them_as_a_topic_has_or_side_by_side(tmp_path: Path):
    rows = rows_of(
        tmp_path / "a.jsonl",
        {"fields": {"shop": "s1", "age": 30, "unread": 1}},
        {"fields": {"shop": None, "age": "old"}},
        {"fields": "no object"},
        {},
    )
    assert fields(rows) == [{"shop": "s1", "age": 30.0}, {}, {}, {}]
    rows = rows_of(tmp_path / "b.jsonl", {"shop": "s1", "fields": {"shop": "s2", "age": 1}})
    assert fields(rows) == [{"shop": "s1", "age": 1.0}]


def test_a_truth_value_is_a_word_or_a_number_and_a_list_is_neither(tmp_path: Path):
    found = rows_of(tmp_path / "a.jsonl", {"shop": True, "age": False}, {"shop": [1], "age": {}})
    assert fields(found) == [{"shop": "true", "age": 0.0}, {}]


def test_texts_in_quotes_of_a_known_set_are_read_without_them(tmp_path: Path):
    path = tmp_path / "banksim.csv"
    path.write_text(
        "step,customer,age,gender,zipcodeOri,merchant,zipMerchant,category,amount,fraud\n"
        "0,'C1','4','M','28007','M3','28007','es_health',4.55,0\n"
    )
    declared = {"age": float, "gender": str, "zipcode_ori": str}
    (row,) = opened(path, declared=declared)
    assert row.event.fields == {"age": 4.0, "gender": "M", "zipcode_ori": "28007"}


def test_what_is_hashed_of_an_object_of_fields_is_not_shown_where_its_row_is_bad(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    good = {"id": "t1", "at": AT, "customer": "c1", "merchant": "m1", "amount": 5}
    bad = {**good, "amount": "five", "fields": {"shop": "s1"}}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")
    hashed = {"hashed": frozenset({"shop"}), "pseudonym": str.upper}
    dataset = opened(path, skip_bad=True, **hashed)
    assert len(list(dataset)) == 1
    told = Path(f"{path}.bad.csv").read_text()
    assert "five" in told and "s1" not in told
