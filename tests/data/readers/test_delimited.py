"""CSV and its relatives: what separates fields, and what is said of rows that are broken."""

from pathlib import Path

import pytest

from app.data.readers.opening import open_table
from app.data.readers.table import Layout
from app.errors import DataError
from tests.data.readers.passes import broken_rows, rows_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b\n1,2\n", ["a", "b"]),
        ("a;b\n1;2\n", ["a", "b"]),
        ("a\tb\n1\t2\n", ["a", "b"]),
        ("a|b\n1|2\n", ["a", "b"]),
        ("\ufeffa,b\n1,2\n", ["a", "b"]),
        ("\na,b\n\n1,2\n\n", ["a", "b"]),
        ("a,b\r\n1,2\r\n", ["a", "b"]),
        ("a,b\r1,2\r", ["a", "b"]),
        (" a , b\n1,2\n", ["a", "b"]),
        ('"a, EUR";b\n1;2\n', ["a, EUR", "b"]),
        ('"a;1","b"\n1,2\n', ["a;1", "b"]),
        ('"a\nEUR",b\n1,2\n', ["a\nEUR", "b"]),
        ('"a ""x""",b\n1,2\n', ['a "x"', "b"]),
        ("a=1,b\n1,2\n", ["a=1", "b"]),
        ("a;b,c\n1;2\n", ["a", "b,c"]),
        ("a,x;b\n1;2\n", ["a,x", "b"]),
        ("sep=;\na;b\n1;2\n", ["a", "b"]),
        ("sep=;\r\na;b\r\n1;2\r\n", ["a", "b"]),
    ],
)
def test_the_header_shows_what_separates_the_fields(path: Path, text: str, columns: list[str]):
    path.write_text(text, newline="")
    assert open_table(path).columns == columns
    assert rows_of(path) == [["1", "2"]]


def test_a_header_that_leaves_it_open_needs_the_option(path: Path):
    path.write_text("a,x;b\n1,2;3\n")
    with pytest.raises(DataError, match="delimited by comma or semicolon; --delimiter says which"):
        open_table(path)
    assert rows_of(path, Layout(delimiter=";")) == [["1,2", "3"]]


@pytest.mark.parametrize("given", ["tab", "\t", "\\t"])
def test_a_delimiter_may_be_a_word(path: Path, given: str):
    path.write_text("a,x\tb\n1,2\t3\n")
    assert rows_of(path, Layout(delimiter=given)) == [["1,2", "3"]]


def test_a_tsv_is_delimited_by_tabs_whatever_its_header_holds(tmp_path: Path):
    (tmp_path / "a.tsv").write_text("a,b,c\td\n1,2,3\t4\n")
    assert rows_of(tmp_path / "a.tsv") == [["1,2,3", "4"]]


def test_another_quotation_mark_is_an_option(path: Path):
    path.write_text("a,b\n'1,5','2'\n")
    assert rows_of(path, Layout(quote="'")) == [["1,5", "2"]]


@pytest.mark.parametrize("layout", [Layout(delimiter=";;"), Layout(quote="''")], ids=str)
def test_delimiter_and_quote_are_one_character(path: Path, layout: Layout):
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="take one character each"):
        open_table(path, layout)


@pytest.mark.parametrize(
    ("encoding", "given"),
    [("latin-1", "latin-1"), ("cp1252", "cp1252"), ("utf-16", ""), ("utf-8-sig", "")],
)
def test_other_encodings_are_said_or_marked(path: Path, encoding: str, given: str):
    path.write_text("a,b\ncafé,2\n", encoding=encoding)
    assert rows_of(path, Layout(encoding=given)) == [["café", "2"]]


def test_an_unknown_encoding_is_refused(path: Path):
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="--encoding 'latin-99' is none that is known"):
        open_table(path, Layout(encoding="latin-99"))


def test_columns_that_nobody_asked_for_are_passed_over_and_others_are_none(path: Path):
    path.write_text("a,b,c\n1,2,3\n")
    assert rows_of(path, columns=["c", "a"]) == [["3", "1"]]
    assert rows_of(path, columns=["c", "x"]) == [["3", None]]
    assert rows_of(path, columns=["b"]) == [["2"]]


def test_a_broken_row_is_told_with_its_line_and_the_rest_is_read(path: Path):
    path.write_bytes(b'a,b\n1,2\n1\n"1\n",2\n1,2,3\n"1"x,2\n\xe9,2\n1,2\n')
    (few, many, quote, byte) = broken_rows(path)
    assert few == (3, "", "it has 1 fields, not 2")
    assert many == (6, "", "it has 3 fields, not 2")
    assert quote[0] == 7 and quote[2].startswith("it is not CSV: ")
    assert byte[:2] == (8, "a") and "not UTF-8 text; --encoding" in byte[2]


def test_a_byte_that_is_no_text_is_found_far_into_a_file(path: Path):
    rows = ["city,n", *(f"Köln,{n}" for n in range(20_000))]
    raw = [row.encode() for row in rows]
    raw[15_001] = "Köln,15000".encode("latin-1")
    path.write_bytes(b"\n".join(raw))
    assert [found[:2] for found in broken_rows(path)] == [(15_002, "city")]


def test_a_line_that_never_ends_is_refused(path: Path):
    path.write_text("a,b\n" + "x" * (1 << 21))
    with pytest.raises(DataError, match=r"line 2 of .* is longer than"):
        rows_of(path)
