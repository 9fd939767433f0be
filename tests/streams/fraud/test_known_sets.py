"""Public data sets are recognised by their columns, and each becomes what it says."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from app.cli.naming import columns_of
from app.data.options import FileOptions, Times
from app.data.pseudonyms import pseudonymizer
from app.data.readers.opening import open_table
from app.data.rows import Labelled
from app.errors import DataError
from app.streams.fraud.files import open_dataset
from app.streams.fraud.known_sets import shape_of
from app.streams.fraud.messages import Transaction
from app.wire import encode
from tests.public_sets import SETS, write_sets

HASHED = FileOptions(hashed=frozenset({"customer"}), pseudonym=pseudonymizer(b"0123456789abcdef"))


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    return write_sets(tmp_path_factory.mktemp("sets"))


def read(path: Path, options: FileOptions) -> list[Labelled]:
    return list(open_dataset(path, options))


def at(*moment: int) -> int:
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1000)


FIRST: dict[str, tuple[str, dict[str, Any], bool]] = {
    "handbook": (
        "Fraud Detection Handbook",
        dict(id="0", at=at(2018, 4, 1, 0, 0, 31), customer="596", merchant="3156", amount=57.16),
        False,
    ),
    "paysim": (
        "PaySim",
        dict(
            id="row-1",
            at=at(2017, 1, 1, 1),
            customer="C1231006815",
            merchant="M1979787155",
            amount=9839.64,
            category="PAYMENT",
        ),
        False,
    ),
    "sparkov": (
        "Sparkov",
        dict(
            id="0b242abb623afc578575680df30655b9",
            at=at(2019, 1, 1, 0, 0, 18),
            customer=pseudonymizer(b"0123456789abcdef")("4111111111111111"),
            merchant="fraud_Rippin, Kub and Mann",
            amount=4.97,
            category="misc_net",
            lat=36.011293,
            lon=-82.048315,
        ),
        False,
    ),
    "tabformer": (
        "IBM TabFormer",
        dict(
            id="row-1",
            at=at(2002, 9, 1, 6, 21),
            customer="0",
            merchant="3527213246127876953",
            amount=134.09,
            category="5300",
            channel="Swipe Transaction",
            country="CA",
        ),
        False,
    ),
    "ieee_cis": (
        "IEEE-CIS",
        dict(
            id="2987000",
            at=at(2017, 12, 2),
            customer="13926||150.0|discover|142.0|credit|315.0",
            merchant="W",
            amount=68.5,
            country="87.0",
        ),
        False,
    ),
    "banksim": (
        "BankSim",
        dict(
            id="row-1",
            at=at(2012, 11, 1),
            customer="C1093826151",
            merchant="M348934600",
            amount=4.55,
            category="es_transportation",
        ),
        False,
    ),
    "baf": (
        "Bank Account Fraud",
        dict(
            id="row-2",
            at=at(2017, 1, 1),
            customer="row-2",
            merchant="unknown",
            amount=1500.0,
            category="AB",
            channel="TELEAPP",
        ),
        False,
    ),
    "ulb": (
        "ULB creditcard",
        dict(id="row-1", at=at(2013, 9, 1), customer="row-1", merchant="unknown", amount=149.62),
        False,
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_known_by_its_columns_and_read_without_options(
    paths: Mapping[str, Path], name: str
):
    title, fields, fraud = FIRST[name]
    options = HASHED if name == "sparkov" else FileOptions()
    dataset = open_dataset(paths[name], options)
    first, *rest = list(dataset)
    assert dataset.name == title
    assert first.event == Transaction(**fields)
    assert first.positive is fraud
    assert [row.positive for row in rest].count(True) == 1
    assert [row.event.at for row in rest] == sorted(row.event.at for row in rest)


@pytest.mark.parametrize("name", [name for name in SETS if name not in ("handbook", "baf")])
def test_a_set_without_its_labels_is_known_as_well(
    paths: Mapping[str, Path], tmp_path: Path, name: str
):
    (label,) = shape_of(open_table(paths[name]).columns).truth
    path = tmp_path / f"{name}.csv"
    with paths[name].open() as file, path.open("w") as out:
        rows = csv.DictReader(file)
        kept = [column for column in rows.fieldnames or () if column != label]
        writer = csv.DictWriter(out, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    dataset = open_dataset(path, HASHED if name == "sparkov" else FileOptions())
    assert dataset.name == FIRST[name][0]
    assert {row.positive for row in dataset} == {None}


def test_a_set_of_card_numbers_is_refused_with_the_option_and_without_the_number(
    paths: Mapping[str, Path],
):
    says = r"row 1 of .*line 2\): column cc_num, value \(a card number\): .*--hash customer"
    with pytest.raises(DataError, match=says) as refused:
        read(paths["sparkov"], FileOptions())
    assert "4111" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "start", "first"),
    [
        ("paysim", "2020-02-01", at(2020, 2, 1, 1)),
        ("banksim", "2020-02-01", at(2020, 2, 1)),
        ("ieee_cis", "2020-02-01", at(2020, 2, 2)),
        ("ulb", "2020-02-01T10:00:00+02:00", at(2020, 2, 1, 8)),
        ("baf", "2020-02-01", at(2020, 2, 1)),
    ],
)
def test_a_set_that_counts_from_a_start_takes_another_one(
    paths: Mapping[str, Path], name: str, start: str, first: int
):
    rows = read(paths[name], FileOptions(time=Times(start=start)))
    assert rows[0].event.at == first


def test_a_set_that_is_not_in_order_is_sorted_and_its_ids_stay_those_of_its_rows(
    paths: Mapping[str, Path],
):
    rows = read(paths["tabformer"], FileOptions())
    assert [row.event.id for row in rows] == ["row-1", "row-3", "row-2"]
    unsorted = read(paths["tabformer"], FileOptions(sort=False))
    assert [row.event.id for row in unsorted] == ["row-1", "row-2", "row-3"]


def test_the_zone_of_a_sets_times_can_be_said(paths: Mapping[str, Path]):
    (row, *_) = read(paths["tabformer"], FileOptions(time=Times(zone="America/New_York")))
    assert row.event.at == at(2002, 9, 1, 10, 21)


def test_refunds_of_a_set_are_refused_until_an_option_says_what_they_are(
    paths: Mapping[str, Path], tmp_path: Path
):
    path = tmp_path / "cards.csv"
    path.write_text(paths["tabformer"].read_text().replace("$7.00", "$-7.00"))
    with pytest.raises(DataError, match=r"row 3 .*column Amount, value '\$-7.00'.*--negative skip"):
        read(path, FileOptions())
    dataset = open_dataset(path, FileOptions(negative="skip"))
    assert [row.event.id for row in dataset] == ["row-1", "row-2"]
    assert dataset.notes() == ["Left out because their amount is negative: 1."]
    assert read(path, FileOptions(negative="absolute"))[1].event.amount == 7.0


def test_a_mapping_changes_what_it_names_of_a_set(paths: Mapping[str, Path]):
    options = FileOptions(columns=columns_of("customer=nameDest,id=nameOrig,label=isFlaggedFraud"))
    first, second = read(paths["paysim"], options)
    assert (first.event.customer, first.event.id) == ("M1979787155", "C1231006815")
    assert (first.event.at, second.positive) == (at(2017, 1, 1, 1), False)


def test_sets_are_known_in_parquet_and_json_too(paths: Mapping[str, Path], tmp_path: Path):
    tables = pytest.importorskip("pyarrow.csv")
    parquet = pytest.importorskip("pyarrow.parquet")
    for name, path in paths.items():
        table = tables.read_csv(path)
        packed, lines = tmp_path / f"{name}.parquet", tmp_path / f"{name}.jsonl"
        parquet.write_table(table, packed)
        lines.write_bytes(b"".join(encode(texts(row)) + b"\n" for row in table.to_pylist()))
        options = HASHED if name == "sparkov" else FileOptions()
        usual = [replaced(row) for row in read(path, options)]
        assert [replaced(row) for row in read(packed, options)] == usual, name
        assert [replaced(row) for row in read(lines, options)] == usual, name


def texts(row: dict[str, Any]) -> dict[str, Any]:
    """A row for JSON: a time of day as people write it."""
    return {
        name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in row.items()
    }


def replaced(row: Labelled) -> Labelled:
    """A row whose joined and numeric texts are as those of typed columns: 87.0 is 87 there."""
    event = Transaction(
        **{
            name: value.replace(".0", "") if isinstance(value, str) else value
            for name, value in (
                (one, getattr(row.event, one)) for one in row.event.__struct_fields__
            )
        }
    )
    return row._replace(event=event)
