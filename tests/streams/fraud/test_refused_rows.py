"""A row that cannot be used: what is said of it, and how a file is read without it."""

import csv
import gzip
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.cli.naming import columns_of
from app.data.cells import missing_of
from app.data.options import FileOptions, Times
from app.data.pseudonyms import pseudonymizer
from app.data.readers.table import Layout
from app.data.rows import Labelled
from app.errors import DataError
from app.streams.fraud.files import open_dataset

T = 1_700_000_000_000  # epoch ms
HEADER = "id,at,customer,merchant,amount,label,country,lat"
GOOD = f"t0,{T},c0,m0,1.5,0,DE,50.1"


def written(folder: Path, *rows: str, name: str = "cards.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def read(path: Path, **options: Any) -> list[Labelled]:
    return list(open_dataset(path, FileOptions(**options)))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"t1,{T},,m,1,0,DE,", "column customer, value '': `customer` is missing; --missing"),
        (f"t1,{T},nan,m,1,0,DE,", "column customer, value 'nan': `customer` is missing; --missing"),
        (f"NULL,{T},c,m,1,0,DE,", "column id, value 'NULL': `id` is missing.*--id row takes"),
        (f"t1,{T},c,NA,1,0,DE,", "column merchant, value 'NA': `merchant` is missing"),
        (f"t1,{T},c,m,None,0,DE,", "column amount, value 'None': `amount` is missing"),
        (r"t1,\N,c,m,1,0,DE,", r"column at, value '\\N'.*`at` is missing"),
        (f"t1,{T},c,m,-5,0,DE,", "column amount, value '-5': .*refund.*--negative skip"),
        (f"t1,{T},c,m,five,0,DE,", "column amount, value 'five': `amount` is not an amount"),
        (f"t1,{T},c,m,1e13,0,DE,", "column amount, value '1e13': `amount` is not <= 1"),
        (f"t1,{T},c,m,1,maybe,DE,", "column label, value 'maybe': .*--label-words"),
        (f"t1,{T},c,m,1,-1,DE,", "column label, value '-1': .*--label-words"),
        (f"t1,{T},c,m,1,0,DE,91", "column lat, value '91': `lat` is not <= 90"),
        (f"t1,{T},c,m,1,0,DE,north", "column lat, value 'north': `lat` is not a number"),
        ("t1,1546300800,c,m,1,0,DE,", "column at, value '1546300800': .*seconds.*--time-unit s"),
        ("t1,1546300800000000,c,m,1,0,DE,", "column at, .*microseconds.*--time-unit us"),
        ("t1,20190101,c,m,1,0,DE,", "column at, .*yyyymmdd.*--time-format '%Y%m%d'"),
        ("t1,43466,c,m,1,0,DE,", "column at, .*Excel.*--time-unit excel"),
        ("t1,1e9990001546300805000,c,m,1,0,DE,", "column at, value '1e9.*: `at` is"),
        ("t1,744,c,m,1,0,DE,", "column at, .*steps.*--time-unit .*--time-start"),
        ("t1,21/06/2020 12:14,c,m,1,0,DE,", "column at, .*--time-format '%d/%m/%Y %H:%M'"),
        ("t1,03/04/2020,c,m,1,0,DE,", "column at, .*'%d/%m/%Y' or '%m/%d/%Y'"),
        (
            f"t1,{T},4111111111111111,m,1,0,DE,",
            r"column customer, value \(a card number\): .*--hash",
        ),
        (
            f"t1,{T},4111 1111 1111 1111,m,1,0,DE,",
            r"column customer, value \(a card number\): .*--hash customer",
        ),
        (f"t1,{T},c,m,4111111111111111,0,DE,", r"column amount, value \(a card number\): "),
        (f"t1,{T},2.7E+15,m,1,0,DE,", r"column customer, value '2.7E\+15': .*spreadsheet"),
        (f"{'x' * 129},{T},c,m,1,0,DE,", "column id, value 'x{60}'...: `id` is longer than 128"),
        (f"t\x00,{T},c,m,1,0,DE,", r"column id, value 't\\x00': `id` contains a NUL"),
        (f"t1,{T},c,m,1,0,DE", "it has 7 fields, not 8"),
        (f"t1,{T},c,m,1,0,DE,,x", "it has 9 fields, not 8"),
        (f't1,{T},"c"x,m,1,0,DE,', "it is not CSV"),
    ],
)
def test_a_refusal_names_file_row_line_column_value_and_the_option_that_helps(
    tmp_path: Path, row: str, says: str
):
    path = written(tmp_path, GOOD, row, GOOD)
    with pytest.raises(DataError, match=rf"^row 2 of .*cards\.csv \(line 3\): {says}") as refused:
        read(path)
    assert "4111" not in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": True}, "column id, value True: `id` is a truth value, not a text"),
        ({"customer": ["c"]}, "column customer, value .*: `customer` is a list"),
        ({"amount": {"eur": 1}}, "column amount, .*: `amount` is a dict"),
        ({"label": ["fraud"]}, "column label, .*: it is a list, not a value"),
        ({"customer": None}, "column customer, value nothing: `customer` is missing"),
        ({"merchant": 12.5}, "column merchant, value 12.5: `merchant` is a number with a fraction"),
        ({"customer": 1e17}, r"column customer, value 1e\+17: .*too large for a column of floats"),
        ({"at": 1546300800.5}, "column at, .*seconds.*--time-unit s"),
        ({"at": None}, "column at, value nothing: `at` is missing"),
    ],
)
def test_json_is_refused_in_the_same_way(tmp_path: Path, fields: dict[str, Any], says: str):
    good = {"id": "t0", "at": T, "customer": "c", "merchant": "m", "amount": 1}
    path = tmp_path / "cards.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (good, {**good, **fields})))
    with pytest.raises(DataError, match=rf"row 2 of .*cards\.jsonl \(line 2\): {says}"):
        read(path)


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ([date(2020, 1, 1)] * 2, "the column customer holds dates, which are no `customer`"),
        ([True, False], "the column customer holds truth values, which are no `customer`"),
        ([["a"], ["b"]], "the column customer holds lists, which are no `customer`"),
    ],
    ids=["dates", "truth values", "lists"],
)
def test_a_column_whose_type_is_no_text_is_refused_before_a_row_is_read(
    tmp_path: Path, column: list, says: str
):
    pyarrow = pytest.importorskip("pyarrow")
    path = tmp_path / "cards.parquet"
    fields = {"id": ["1", "2"], "at": [T, T], "merchant": ["m", "m"], "amount": [1.0, 2.0]}
    table = pyarrow.table({**fields, "customer": column})
    pytest.importorskip("pyarrow.parquet").write_table(table, path)
    with pytest.raises(DataError, match=says):
        open_dataset(path)


def test_parquets_missing_values_and_bytes_are_what_they_are_on_the_wire(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    path, nan = tmp_path / "cards.parquet", float("nan")
    table = pyarrow.table(
        {
            "id": pyarrow.array([b"t1", b"t2"], pyarrow.binary()),
            "at": [T, T],
            "customer": pyarrow.array([7.0, 8.0]),
            "merchant": pyarrow.array([b"m", b"n"], pyarrow.binary()),
            "amount": [1.0, 2.0],
            "lat": [1.5, nan],
            "lon": [nan, nan],
            "label": [nan, 1.0],
            "country": pyarrow.array(["DE", None]).dictionary_encode(),
        }
    )
    pytest.importorskip("pyarrow.parquet").write_table(table, path)
    one, two = read(path)
    assert (one.event.id, one.event.merchant, one.event.customer) == ("t1", "m", "7")
    assert (one.event.lat, two.event.lat, two.event.lon) == (1.5, None, None)
    assert (one.event.country, two.event.country) == ("DE", "")
    assert (one.positive, two.positive) == (None, True)


def test_missing_values_are_the_same_in_every_optional_field(tmp_path: Path):
    header = "id,at,customer,merchant,amount,category,country,lat,lon,label,device"
    words = ["", "NULL", "\\N", "nan", "N/A", "None", "  "]
    rows = [
        f"t{n},{T},c,m,1,{word},{word},{word},{word},{word},{word}" for n, word in enumerate(words)
    ]
    for row in read(written(tmp_path, *rows, header=header)):
        event = row.event
        assert (event.category, event.country, event.device) == ("", "", "")
        assert (event.lat, event.lon, row.positive) == (None, None, None)


def test_na_is_namibia_in_a_country_and_missing_elsewhere(tmp_path: Path):
    header = "id,at,customer,merchant,amount,country,category"
    (row,) = read(written(tmp_path, f"t,{T},c,m,1,NA,NA", header=header))
    assert (row.event.country, row.event.category) == ("NA", "")


def test_other_spellings_of_missing_make_na_a_name(tmp_path: Path):
    path = written(tmp_path, f"t1,{T},NA,None,1,0,-,-")
    (row,) = read(path, missing=missing_of(["-"]))
    assert (row.event.customer, row.event.merchant) == ("NA", "None")
    assert (row.event.country, row.event.lat) == ("", None)


def test_ids_in_files_keep_their_zeros_and_long_digits(tmp_path: Path):
    path = written(tmp_path, f"0001,{T},490154203237518,18446744073709551617,1,0,DE,")
    (row,) = read(path)
    assert (row.event.id, row.event.customer) == ("0001", "490154203237518")
    assert row.event.merchant == "18446744073709551617"


# -- going on without them


def test_bad_rows_are_left_out_counted_and_written_with_their_reasons(tmp_path: Path):
    path = written(
        tmp_path,
        GOOD,
        f"t1,{T},c,m,five,0,DE,",
        "short",
        f"t2,{T},4111111111111111,m,1,0,DE,",
        f"t3,{T},c,m,2,1,DE,",
    )
    dataset = open_dataset(path, FileOptions(skip_bad=True))
    rows = list(dataset)
    assert [(row.event.id, row.row) for row in rows] == [("t0", 1), ("t3", 5)]
    (note,) = dataset.notes()
    assert note.startswith(f"Left out because they cannot be used: 3, which are in {path}.bad.csv")
    assert "row 2" in note
    with Path(f"{path}.bad.csv").open(newline="") as file:
        header, *bad = csv.reader(file)
    assert header[:4] == ["row", "line", "column", "reason"]
    assert [one[:3] for one in bad] == [
        ["2", "3", "amount"],
        ["3", "4", ""],
        ["4", "5", "customer"],
    ]
    assert "five" in bad[0] and "it has 1 fields" in bad[1][3]
    assert "4111111111111111" not in Path(f"{path}.bad.csv").read_text()


def test_what_is_hashed_is_not_shown_where_its_row_is_bad(tmp_path: Path):
    header = "id,at,card,merchant,amount"
    rows = [f"t1,{T},60416207185,m,five", "t2,60416207185", f"t3,{T},60416207185,m,1"]
    path = written(tmp_path, *rows, header=header)
    options = FileOptions(
        columns=columns_of("customer=card"),
        hashed=frozenset({"customer"}),
        pseudonym=pseudonymizer(b"0123456789abcdef"),
        skip_bad=True,
    )
    dataset = open_dataset(path, options)
    assert len(list(dataset)) == 1
    told = Path(f"{path}.bad.csv").read_text() + "".join(dataset.notes())
    assert "60416207185" not in told and "(not shown)" in told


def test_the_file_of_bad_rows_can_be_named_and_is_of_the_latest_reading(tmp_path: Path):
    path, out = written(tmp_path, GOOD, "short"), tmp_path / "bad.csv"
    dataset = open_dataset(path, FileOptions(skip_bad=True, bad_rows=out))
    assert list(dataset) == list(dataset)
    assert len(out.read_text().splitlines()) == 2


def test_a_file_of_bad_rows_that_cannot_be_written_is_said(tmp_path: Path):
    path = written(tmp_path, GOOD, "short")
    with pytest.raises(DataError, match=r"cannot be written to .*--bad-rows"):
        read(path, skip_bad=True, bad_rows=tmp_path / "no" / "bad.csv")


def test_a_file_in_which_most_rows_are_bad_is_refused_all_the_same(tmp_path: Path):
    path = written(tmp_path, *[GOOD] * 100, *["short"] * 2000)
    with pytest.raises(DataError, match=r"900 of the first 1,000 rows .*row 101 "):
        read(path, skip_bad=True)
    path = written(tmp_path, "short", "short")
    with pytest.raises(DataError, match=r"no row of .* can be used; the first: row 1"):
        read(path, skip_bad=True)


# -- the options that help


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("when;who;shop;EUR\n1546300800;c;m;12,50\n", dict(time=Times("s")), (1546300800000, 12.5)),
        ("when,who,shop,EUR\n43466.5,c,m,1\n", dict(time=Times("excel")), (1546344000000, 1.0)),
        (
            "when,who,shop,EUR\n2,c,m,1\n",
            dict(time=Times("h", "2019-01-01")),
            (1546308000000, 1.0),
        ),
        (
            "when,who,shop,EUR\n01/01/2019 00:00,c,m,$1.00\n",
            dict(time=Times(format="%d/%m/%Y %H:%M")),
            (1546300800000, 1.0),
        ),
        (
            "when,who,shop,EUR\n2019-01-01 01:00:00,c,m,1\n",
            dict(time=Times(zone="Europe/Paris")),
            (1546300800000, 1.0),
        ),
        ("when,who,shop,EUR\n2019-01-01,c,m,1.234\n", dict(decimal=","), (1546300800000, 1234.0)),
        ("when,who,shop,EUR\n2019-01-01,c,m,1.234\n", dict(decimal="."), (1546300800000, 1.234)),
        (
            "when,who,shop,EUR\n2019-01-01,c,m,1.234\n2019-01-01,c,m,1.5\n",
            {},
            (1546300800000, 1.234),
        ),
        (
            "when,who,shop,EUR\n2019-01-01,c,m,(1.20)\n",
            dict(negative="absolute"),
            (1546300800000, 1.2),
        ),
    ],
)
def test_options_read_what_is_refused_without_them(
    tmp_path: Path, text: str, options: dict[str, Any], expected: tuple[int, float]
):
    path = tmp_path / "cards.csv"
    path.write_text(text)
    columns = columns_of("at=when,customer=who,merchant=shop,amount=EUR")
    row = read(path, columns=columns, constants={"id": "row"}, **options)[0]
    assert (row.event.id, row.event.customer) == ("row-1", "c")
    assert (row.event.at, row.event.amount) == expected


def test_a_date_and_a_time_are_one_time(tmp_path: Path):
    header = "id,day,tod,customer,merchant,amount"
    path = written(tmp_path, "t,2019-01-01,00:00:05,c,m,1", header=header)
    (row,) = read(path, time=Times(columns=("day", "tod")))
    assert row.event.at == 1_546_300_805_000
    options = dict(time=Times(format="%d.%m.%Y %H:%M", columns=("day", "tod")))
    (row,) = read(written(tmp_path, "t,01.01.2019,00:01,c,m,1", header=header), **options)
    assert row.event.at == 1_546_300_860_000


def test_an_ambiguous_column_of_amounts_is_refused_at_its_first_row(tmp_path: Path):
    path = written(tmp_path, f"t,{T},c,m,7,0,DE,", f"t,{T},c,m,1.234,0,DE,")
    with pytest.raises(DataError, match=r"row 2 .*column amount.*may be 1.234 or 1234; --decimal"):
        read(path)


def test_a_hashed_field_is_the_same_pseudonym_as_a_producers(tmp_path: Path):
    pseudonym = pseudonymizer(b"0123456789abcdef")
    path = written(tmp_path, f"t,{T},4111111111111111,m,1,0,DE,")
    (row,) = read(path, hashed=frozenset({"customer"}), pseudonym=pseudonym)
    assert row.event.customer == pseudonym("4111111111111111")


def test_several_columns_are_one_field_and_odd_names_are_found(tmp_path: Path):
    header = 'id,at,"a, b","c=d","amount\n(EUR)",merchant'
    path = written(tmp_path, f"t,{T},x,y,3,m", header=header)
    named = columns_of('customer="a, b"+"c=d",amount="amount (EUR)"')
    (row,) = read(path, columns=named)
    assert (row.event.customer, row.event.amount) == ("x|y", 3.0)


def test_a_card_number_is_refused_within_joined_columns_too(tmp_path: Path):
    path = written(tmp_path, f"t,{T},4111111111111111,b,3,m", header="id,at,a,b,amount,merchant")
    named = columns_of("customer=a+b")
    says = r"column a \+ b, .*a card number.*--hash customer"
    with pytest.raises(DataError, match=says) as refused:
        read(path, columns=named)
    assert "4111" not in str(refused.value)
    pseudonym = pseudonymizer(b"0123456789abcdef")
    (row,) = read(path, columns=named, hashed=frozenset({"customer"}), pseudonym=pseudonym)
    assert row.event.customer == pseudonym("4111111111111111|b")


def test_rows_are_sorted_on_request(tmp_path: Path):
    rows = [f"t{n},{T + (n * 7919) % 1000},c,m,1,0,DE," for n in range(1000)]
    path = written(tmp_path, *rows)
    times = [row.event.at for row in read(path, sort=True)]
    assert times == sorted(times) and len(times) == 1000


def test_a_packed_file_in_another_encoding_with_tabs_is_one_file_like_all(tmp_path: Path):
    path = tmp_path / "cards.tsv.gz"
    text = f"id\tat\tcustomer\tmerchant\tamount\nt\t{T}\tc\tCafé\t1\n"
    path.write_bytes(gzip.compress(text.encode("latin-1")))
    with pytest.raises(DataError, match=r"row 1 .*column merchant.*--encoding"):
        read(path)
    (row,) = read(path, layout=Layout(encoding="latin-1"))
    assert row.event.merchant == "Café"


def test_columns_of_fields_may_be_in_other_letters(tmp_path: Path):
    path = written(tmp_path, f"t,{T},c,m,1,yes", header="ID,At,Customer,MERCHANT,Amount,Label")
    (row,) = read(path)
    assert (row.event.id, row.event.merchant, row.positive) == ("t", "m", True)


def test_a_file_without_a_header_is_said_to_be_one_and_shows_no_card_number(tmp_path: Path):
    path = written(tmp_path, GOOD, header=f"t1,{T},4111111111111111,m,1")
    with pytest.raises(DataError, match="the first line has to name the columns") as refused:
        open_dataset(path)
    assert "4111" not in str(refused.value)


def test_two_columns_of_a_name_are_refused_where_one_is_read(tmp_path: Path):
    path = written(tmp_path, f"t,{T},c,d,m,1", header="id,at,customer,customer,merchant,amount")
    with pytest.raises(DataError, match="two columns named customer; rename one"):
        open_dataset(path)


@pytest.mark.parametrize(
    ("zone", "hour", "ms"),
    [
        ("Europe/Paris", datetime(2018, 4, 1, 2), 1_522_540_800_000),
        ("Europe/Paris", datetime(2018, 3, 25, 2, 30), 1_521_941_400_000),
        ("Europe/Paris", datetime(2018, 10, 28, 2, 30), 1_540_686_600_000),
        (None, datetime(2018, 4, 1), 1_522_540_800_000),
    ],
)
def test_times_without_a_zone_are_the_same_in_parquet_and_in_csv(
    tmp_path: Path, zone: str | None, hour: datetime, ms: int
):
    pyarrow = pytest.importorskip("pyarrow")
    fields = {"id": ["t"], "customer": ["c"], "merchant": ["m"], "amount": [1.0]}
    packed = tmp_path / "cards.parquet"
    table = pyarrow.table({**fields, "at": pyarrow.array([hour], pyarrow.timestamp("ns"))})
    pytest.importorskip("pyarrow.parquet").write_table(table, packed)
    text = written(tmp_path, f"t,{hour},c,m,1", header="id,at,customer,merchant,amount")
    assert [read(path, time=Times(zone=zone))[0].event.at for path in (packed, text)] == [ms, ms]
