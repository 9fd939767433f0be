"""Files of labels: every row is the label that it says, or refused with what helps."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.messages import Feedback
from app.data.label_file import open_labels
from app.data.options import FileOptions, Times
from app.data.pseudonyms import pseudonymizer
from app.errors import DataError
from app.wire import encode
from tests.cards import cards

CARDS = cards()
PSEUDONYM = pseudonymizer(b"correct horse battery staple")


def written(folder: Path, text: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, **options: object) -> list[Feedback]:
    return list(open_labels(CARDS, path, FileOptions(**options)))


@pytest.mark.parametrize(
    "header",
    [
        "id,customer,label",
        "transaction,customer,label",
        "transaction_id,customer_id,label",
        "TRANSACTION_ID,CUSTOMER_ID,TX_FRAUD",
        "Transaction ID,Customer,is_fraud",
    ],
)
def test_columns_are_known_by_their_usual_names(tmp_path, header):
    (said,) = read(written(tmp_path, f"{header}\nt1,c1,1\n"))
    assert (said.id, said.key, said.label, said.source) == ("t1", "c1", "fraud", "analyst")


def test_an_id_of_the_row_is_not_taken_for_that_of_the_transaction(tmp_path):
    (said,) = read(written(tmp_path, "id,transaction_id,customer,label\n17,t1,c1,fraud\n"))
    assert said.id == "t1"


def test_everything_that_a_label_can_say_is_read(tmp_path):
    header = "id,customer,label,source,actor,at,reason,note,label_id\n"
    row = 't1,c1,legit,chargeback,anna,2026-01-31T12:00:00Z,10.4,"called, was fine",mine\n'
    (said,) = read(written(tmp_path, header + row))
    assert json.loads(encode(said)) == {
        "id": "t1",
        "customer": "c1",
        "label": "legit",
        "source": "chargeback",
        "actor": "anna",
        "at": 1_769_860_800_000,
        "reason": "10.4",
        "note": "called, was fine",
        "label_id": "mine",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.jsonl", '{"id": "t1", "customer": "c1", "label": "fraud", "actor": null}\n'),
        ("labels.json", '[{"id": "t1", "customer": "c1", "label": true}]'),
        ("labels.tsv", "id\tcustomer\tlabel\nt1\tc1\tFraud\n"),
        ("labels.csv", "id;customer;label\nt1;c1;yes\n"),
    ],
)
def test_every_format_says_the_same(tmp_path, name, text):
    (said,) = read(written(tmp_path, text, name))
    assert (said.id, said.key, said.label, said.actor) == ("t1", "c1", "fraud", "")


def test_a_later_row_of_json_may_say_more(tmp_path):
    first, second = '{"id": "t1", "customer": "c"}', '{"id": "t2", "customer": "c", "label": 1'
    path = written(tmp_path, f'{first}\n{second}, "actor": "anna"}}\n', "labels.jsonl")
    labels = open_labels(CARDS, path)
    assert [(one.id, one.actor) for one in labels] == [("t2", "anna")]
    assert labels.silent == 1


def test_parquet_says_the_same(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    at = pyarrow.array([1_769_860_800_000], pyarrow.timestamp("ms"))
    table = pyarrow.table({"id": [17], "customer": ["c1"], "label": [1], "at": at})
    parquet.write_table(table, tmp_path / "labels.parquet")
    (said,) = read(tmp_path / "labels.parquet")
    assert (said.id, said.label, said.at) == ("17", "fraud", 1_769_860_800_000)


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        *((cell, "fraud") for cell in ("fraud", "FRAUD", "1", "yes", "Y", "true", "t", "1.0")),
        *((cell, "legit") for cell in ("legit", "0", "No", "n", "false", "F", "0.0")),
        ("unsure", "unsure"),
        ("none", "none"),
    ],
)
def test_labels_are_said_in_the_usual_words(tmp_path, cell, word):
    assert [one.label for one in read(written(tmp_path, f"id,customer,label\nt,c,{cell}\n"))] == [
        word
    ]


def test_labels_are_said_in_words_of_its_own(tmp_path):
    path = written(tmp_path, "id,customer,label\nt1,c,BETRUG\nt2,c,ok\nt3,c,weiß nicht\n")
    words = {"Betrug": "fraud", "OK": "legit", "weiß nicht": "unsure"}
    assert [one.label for one in read(path, label_words=words)] == ["fraud", "legit", "unsure"]


@pytest.mark.parametrize("cell", ["", "NULL", "None", "nan", r"\N"])
def test_a_row_without_a_label_says_nothing_and_is_counted(tmp_path, cell):
    labels = open_labels(CARDS, written(tmp_path, f"id,customer,label\nt1,c1,{cell}\nt2,c1,1\n"))
    assert [one.id for one in labels] == ["t2"]
    assert labels.notes() == ["Rows without a label, which say nothing: 1."]


def test_options_say_where_columns_are_and_how_times_are_written(tmp_path):
    path = written(tmp_path, "TX,CLIENT,F,DAY,TIME\nt1,c1,1,31/01/2026,12:00\n")
    columns = {"id": ("TX",), "customer": ("CLIENT",), "label": ("F",)}
    times = Times(format="%d/%m/%Y %H:%M", zone="Europe/Paris", columns=("DAY", "TIME"))
    (said,) = read(path, columns=columns, time=times)
    assert (said.id, said.key, said.at) == ("t1", "c1", 1_769_857_200_000)


def test_a_column_is_hashed_as_that_of_transactions_is(tmp_path):
    path = written(tmp_path, "id,customer,label\nt1,4111111111111111,1\n")
    (said,) = read(path, hashed=frozenset({"customer"}), pseudonym=PSEUDONYM)
    assert said.key == PSEUDONYM("4111111111111111")


def test_what_a_row_does_not_say_is_said_for_all(tmp_path):
    path = written(tmp_path, "id,customer,label,source,actor\nt1,c,1,chargeback,\nt2,c,1,,bob\n")
    usual = {"source": "customer", "actor": "anna", "note": ""}
    said = list(open_labels(CARDS, path, usual=usual))
    assert [(one.source, one.actor) for one in said] == [
        ("chargeback", "anna"),
        ("customer", "bob"),
    ]


FILE = "id,customer,label,actor\nt1,c1,fraud,a\nt1,c1,legit,a\nt1,c1,fraud,a\nt1,c2,fraud,a\n"


def test_a_file_says_the_same_again_under_the_same_ids(tmp_path):
    path = written(tmp_path, FILE)
    ids = [one.label_id for one in read(path)]
    assert len(set(ids)) == 4, "what is said twice, with something else between, is said twice"
    assert [one.label_id for one in read(path)] == ids
    longer = written(tmp_path, FILE + "t9,c9,legit,a\n", "longer.csv")
    assert [one.label_id for one in read(longer)][:4] == ids


def test_a_label_with_a_time_or_an_id_keeps_it(tmp_path):
    path = written(tmp_path, "id,customer,label,at,label_id\nt1,c,1,2026-01-31,\nt2,c,1,,mine\n")
    assert [one.label_id for one in read(path)] == ["", "mine"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("t1,c1,stolen,,", "column label, value 'stolen': `label`: it is not a label; write fraud"),
        ("t1,c1,-1,,", "column label, value '-1': .*--label-words"),
        (",c1,1,,", "column id: `id` is missing|column id, value '': `id` is missing"),
        ("t1,,1,,", "column customer.*`customer` is missing"),
        ("t1,4111111111111111,1,,", "column customer, value .a card number.: .*--hash customer"),
        (f"{'x' * 129},c1,1,,", "column id, .*longer than 128"),
        ("t1,c1,1,bank,", "column source, value 'bank': `source` must be one of"),
        ("t1,c1,1,stream,", "column source, .*nobody says by hand"),
        ("t1,c1,1,,1546300800", "column at, .*seems to be seconds: give --time-unit s"),
        ("t1,c1,1,,03/04/2020", "column at, .*--time-format '%d/%m/%Y' or '%m/%d/%Y'"),
    ],
)
def test_a_row_that_is_no_label_is_refused_with_its_place_and_what_helps(tmp_path, row, says):
    header = "id,customer,label,source,at\nt0,c0,0,,\n"
    path = written(tmp_path, header + row + "\nt2,c2,1,,\n")
    with pytest.raises(DataError, match=rf"^row 2 of .*labels.csv \(line 3\): {says}") as refused:
        read(path)
    assert "4111" not in str(refused.value)


def test_rows_that_are_no_labels_are_left_out_on_request(tmp_path):
    path = written(tmp_path, "id,customer,label\nt1,c1,1\nt2,c2,what\nt3,c3,0\n")
    labels = open_labels(CARDS, path, FileOptions(skip_bad=True))
    assert [one.id for one in labels] == ["t1", "t3"]
    assert "t2,c2,what" in (tmp_path / "labels.csv.bad.csv").read_text()
    assert "labels.csv.bad.csv" in labels.notes()[0]


def test_a_file_of_which_no_row_can_be_used_is_refused(tmp_path):
    path = written(tmp_path, "id,customer,label\nt1,c1,what\nt2,c2,what\n")
    with pytest.raises(DataError, match=r"no row of .* can be used; the first: row 1"):
        read(path, skip_bad=True)


@pytest.mark.parametrize(
    ("header", "options", "says"),
    [
        ("id,label", {}, "no column for customer; it has id, label; --columns customer=COLUMN"),
        ("a,b,c", {}, "no column for id, customer, label; .*--columns id=COLUMN,customer=COLUMN"),
        ("id,customer,label", {"columns": {"amount": ("id",)}}, "amount is no field of a label"),
        ("id,customer,label", {"columns": {"at": ("when",)}}, "lacks the column when"),
        ("id,customer,label", {"columns": {"id": ("id", "label")}}, "one column, not several"),
        ("id,customer,label", {"label_words": {"x": "stolen"}}, "--label-words stolen"),
        ("id,customer,label", {"hashed": frozenset({"amount"})}, "amount is no field of a label"),
        ("id,customer,label", {"hashed": frozenset({"label"})}, "--hash label"),
    ],
)
def test_a_file_that_cannot_be_read_as_labels_is_refused_at_once(tmp_path, header, options, says):
    path = written(tmp_path, f"{header}\n" + ",".join("1" for _ in header.split(",")) + "\n")
    with pytest.raises(DataError, match=says):
        open_labels(CARDS, path, FileOptions(**options))


def test_the_mapping_says_what_is_read_as_what(tmp_path):
    path = written(tmp_path, "tx,customer,label,actor\nt1,c1,1,a\n")
    options = FileOptions(hashed=frozenset({"customer"}), pseudonym=PSEUDONYM)
    labels = open_labels(CARDS, path, options, {"actor": "anna", "source": "customer"})
    assert [tuple(one) for one in labels.mapping()] == [
        ("id", "tx", ""),
        ("customer", "customer", "a keyed hash of it"),
        ("label", "label", ""),
        ("actor", "actor", ""),
        ("actor", "else 'anna'", ""),
        ("source", "always 'customer'", ""),
    ]


def test_another_application_has_labels_of_its_own(tmp_path):
    machines = replace(CARDS, key="machine", events="readings")
    path = written(tmp_path, "reading,machine,label\nr1,m1,1\n")
    labels = open_labels(machines, path)
    assert labels.columns == {"id": ("reading",), "key": ("machine",), "label": ("label",)}
