"""Reading files of transactions."""

import csv
import json
import sys
from datetime import datetime
from pathlib import Path

import pytest

from app.cli.naming import columns_of
from app.data.options import FileOptions, Times
from app.errors import DataError
from app.streams.fraud.files import open_dataset
from app.streams.fraud.messages import Transaction

T = 1_700_000_000_000  # epoch ms
PLAIN = {
    "id": ["001", "2", "3"],
    "at": [T + 1000, T + 2000, T + 3000],
    "customer": ["7", "8", "7"],
    "merchant": ["m", "m", "n"],
    "amount": [1.5, 2.0, 0.0],
}
HANDBOOK_COLUMNS = {
    "TRANSACTION_ID": [0, 1, 2],
    "TX_DATETIME": [datetime(2018, 4, 1, 0, 0, second) for second in (31, 40, 59)],
    "CUSTOMER_ID": [596, 4961, 2],
    "TERMINAL_ID": [3156, 3412, 1365],
    "TX_AMOUNT": [57.16, 81.51, 146.0],
    "TX_FRAUD": [0, 1, 0],
    "TX_FRAUD_SCENARIO": [0, 2, 0],
}


def columns(**named: str) -> FileOptions:
    """Options that name a column for fields."""
    return FileOptions(columns={field: (name,) for field, name in named.items()})


def write(path: Path, columns: dict[str, list]) -> Path:
    """The columns as a file of the format that the path's ending names."""
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    if path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow.parquet import write_table

        write_table(pyarrow.table(columns), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
    return path


@pytest.fixture(params=["parquet", "csv", "jsonl"])
def path(request, tmp_path):
    return tmp_path / f"cards.{request.param}"


def test_a_plain_file_is_read_in_each_format(path):
    dataset = open_dataset(write(path, {**PLAIN, "is_fraud": [0, 1, None], "country": ["DE"] * 3}))
    rows = list(dataset)
    assert dataset.name == path.name
    assert [row.event.id for row in rows] == ["001", "2", "3"]
    assert [row.event.at for row in rows] == PLAIN["at"]
    assert [row.event.amount for row in rows] == [1.5, 2.0, 0.0]
    assert {row.event.country for row in rows} == {"DE"}
    assert [row.positive for row in rows] == [False, True, None]


def test_the_handbook_is_recognised_by_its_columns(path):
    dataset = open_dataset(write(path, HANDBOOK_COLUMNS))
    rows = list(dataset)
    assert dataset.name == "Fraud Detection Handbook"
    assert rows[1].event == Transaction(
        id="1", at=1_522_540_840_000, customer="4961", merchant="3412", amount=81.51
    )
    assert [(row.positive, row.kind) for row in rows] == [(False, 0), (True, 2), (False, 0)]


def test_a_data_set_can_be_read_again_and_again(path):
    dataset = open_dataset(write(path, PLAIN))
    assert list(dataset) == list(dataset)
    assert len(list(dataset)) == 3


def test_parquet_says_how_many_rows_it_has(tmp_path):
    assert open_dataset(write(tmp_path / "a.parquet", PLAIN)).rows == 3
    assert open_dataset(write(tmp_path / "a.csv", PLAIN)).rows is None


def test_the_label_is_read_as_the_truth_and_leaves_the_message(path):
    rows = list(open_dataset(write(path, {**PLAIN, "label": ["fraud", "legit", "unsure"]})))
    assert [row.positive for row in rows] == [True, False, None]
    assert {row.event.label for row in rows} == {None}


def test_optional_fields_may_begin_in_a_later_row_of_json_lines(tmp_path):
    usual = {"id": "1", "at": T, "customer": "c", "merchant": "m", "amount": 1}
    more = {**usual, "id": "2", "lat": 1.5, "lon": 2, "is_fraud": True}
    path = tmp_path / "a.jsonl"
    path.write_text(f"{json.dumps(usual)}\n\n{json.dumps(more)}\n")
    first, second = open_dataset(path)
    assert (first.event.lat, first.positive) == (None, None)
    assert (second.event.lat, second.event.lon, second.positive) == (1.5, 2.0, True)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1522540831000", 1_522_540_831_000),
        ("2018-04-01T00:00:31Z", 1_522_540_831_000),
        ("2018-04-01 00:00:31", 1_522_540_831_000),
        ("2018-04-01T02:00:31.250+02:00", 1_522_540_831_250),
    ],
    ids=["epoch ms", "RFC 3339", "without offset", "with offset"],
)
def test_times_are_epoch_ms_and_utc_when_they_have_no_offset(tmp_path, text, ms):
    columns = {name: values[:1] for name, values in PLAIN.items()}
    (only,) = open_dataset(write(tmp_path / "a.csv", {**columns, "at": [text]}))
    assert only.event.at == ms


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"amount": [1.0, -2.0, 3.0]}, "row 2 of .*amount"),
        ({"amount": [1.0, 2.0, float("nan")]}, "row 3 of .*`amount` is missing"),
        ({"customer": ["c", "c", "4111111111111111"]}, "row 3 of .*`customer` is a card number"),
        ({"at": [str(T), "soon", str(T)]}, "row 2 of .*column at, value 'soon': `at` is"),
        ({"label": ["fraud", "legit", "maybe"]}, "row 3 of .*value 'maybe': .*not a label"),
        ({"merchant": ["m", "", "m"]}, "row 2 of .*merchant"),
        ({"label": ["legit", "fraud", ""], "scenario": ["", "x", ""]}, "row 2 of .*`scenario`"),
    ],
    ids=["negative", "nan", "card number", "time", "label", "empty id", "scenario"],
)
def test_a_bad_row_is_named_with_its_field(path, change, says):
    dataset = open_dataset(write(path, {**PLAIN, **change}))
    with pytest.raises(DataError, match=says):
        list(dataset)


def test_a_mapping_names_the_columns_of_fields(path):
    columns = {
        "TX ID": ["a", "b"],
        "when": [T, T + 1],
        "customer": ["c", "c"],
        "shop": ["m", "n"],
        "EUR": [1.0, 2.0],
        "place": ["DE", "FR"],
        "bad": [1, 0],
    }
    named = columns_of("id=TX ID,at=when,merchant=shop,amount=EUR,country=place,label=bad")
    rows = list(open_dataset(write(path, columns), FileOptions(columns=named)))
    assert rows[1].event == Transaction(
        id="b", at=T + 1, customer="c", merchant="n", amount=2.0, country="FR"
    )
    assert [row.positive for row in rows] == [True, False]


def test_one_column_may_be_two_fields(path):
    rows = list(open_dataset(write(path, PLAIN), columns(category="merchant")))
    assert [(row.event.merchant, row.event.category) for row in rows] == [(m, m) for m in "mmn"]


def test_a_mapping_of_the_handbook_changes_what_it_names_alone(path):
    content = {**HANDBOOK_COLUMNS, "EUR": [1.0] * 3}
    dataset = open_dataset(write(path, content), columns(amount="EUR"))
    assert [(row.event.amount, row.kind) for row in dataset] == [(1.0, 0), (1.0, 2), (1.0, 0)]
    assert dataset.name == "Fraud Detection Handbook"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (dict(columns={"iban": ("id",)}), "iban is no field of a transaction; those are id, at"),
        (dict(columns={"at": ("TIME",)}), "lacks the column TIME; it has id, at, customer"),
        (dict(known="SINCE"), "lacks the column SINCE; it has id, at, customer"),
        (dict(time=Times(columns=("at", "TOD"))), "lacks the column TOD"),
        (dict(hashed=frozenset({"amount"})), "--hash amount: it is no text"),
        (dict(constants={"amount": "1"}), "--set amount: it is no text"),
        (dict(label_words={"SI": "yes"}), "--label-words yes: it is no label; those are fraud"),
        (
            dict(columns={"id": ("id",)}, constants={"id": "row"}),
            "id: either a column or one value",
        ),
        (dict(time=Times(start="2019-01-01")), "--time-start needs the --time-unit"),
    ],
    ids=["field", "column", "label time", "part of a time", "hash", "set", "word", "two", "start"],
)
def test_options_that_mean_nothing_for_a_file_are_refused(path, options, says):
    with pytest.raises(DataError, match=says):
        list(open_dataset(write(path, PLAIN), FileOptions(**options)))


@pytest.mark.parametrize("empty", [None, ""], ids=["null", "empty"])
def test_the_time_at_which_a_label_became_known_is_read(path, empty):
    since = ["2023-11-14T22:13:29Z", str(T + 5000), empty]
    labels = {"label": ["fraud", "legit", "legit"], "since": since}
    rows = list(open_dataset(write(path, {**PLAIN, **labels}), FileOptions(known="since")))
    assert [row.known for row in rows] == [T + 9000, T + 5000, None]


@pytest.mark.parametrize(
    ("since", "says"),
    [
        (
            [f"{T + 1000}", f"{T + 1999}", f"{T + 3000}"],
            "row 2 of .*transaction 2 became known at .*, before the trans",
        ),
        ([f"{T + 1000}", "soon", ""], "row 2 of .*column since, value 'soon': `since` is"),
        ([f"{T + 1000}", "", str(10**18)], "row 3 of .*`since` is .*nanoseconds"),
    ],
    ids=["before its transaction", "no time", "after all time"],
)
def test_a_label_time_that_cannot_be_is_refused_naming_the_row(path, since, says):
    dataset = open_dataset(
        write(path, {**PLAIN, "label": ["fraud"] * 3, "since": since}), FileOptions(known="since")
    )
    with pytest.raises(DataError, match=says):
        list(dataset)


def test_missing_columns_are_named(path):
    columns = {name: values for name, values in PLAIN.items() if name not in ("amount", "at")}
    with pytest.raises(DataError, match="lacks the columns at, amount; it has id, customer"):
        open_dataset(write(path, columns))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.jsonl", b"\n", "is empty"),
        ("a.csv", b"id,at,customer,merchant,amount\n", "has columns but no rows"),
        (
            "a.csv",
            b"id,at,customer,merchant,amount\n1,2\n",
            "row 1 of .*line 2.*: it has 2 fields, not 5",
        ),
        ("a.csv", b"\xff\xfe", "is empty"),
        ("a.csv", b'"id,at', "cannot be read as CSV"),
        ("a.jsonl", b"[1]\n[2]\n", "row 1 of .*is not JSON"),
        ("a.parquet", b"PAR1 and nothing else", "cannot be read as Parquet"),
        ("a.parquet", b"", "cannot be read as Parquet"),
        ("a.xlsx", b"PK", "ends in none of .csv, .*: save it as CSV|; save it as CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        list(open_dataset(tmp_path / name))


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read: No such file"):
        open_dataset(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        open_dataset(tmp_path)


def test_a_missing_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match=r"pip install 'weir\[data\]'"):
        open_dataset(path)
