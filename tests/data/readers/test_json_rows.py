"""JSON in the shapes that programs write: lines, an array, objects one after the other."""

import json
from pathlib import Path

import pytest

from app.data.readers.json_rows import CHUNK
from app.data.readers.opening import open_table
from app.data.readers.table import Layout
from app.errors import DataError
from tests.data.readers.passes import broken_rows, rows_of

OBJECTS = [{"a": 1, "b": "x"}, {"a": 2}]
SHAPES = {
    "lines": "\n".join(map(json.dumps, OBJECTS)),
    "lines with blank ones": "\n\n".join(map(json.dumps, OBJECTS)) + "\n\n",
    "lines after a mark": "\ufeff" + "\n".join(map(json.dumps, OBJECTS)),
    "array": json.dumps(OBJECTS),
    "array of lines": json.dumps(OBJECTS, indent=2) + "\n",
    "array after a mark": "\ufeff" + json.dumps(OBJECTS),
}


@pytest.mark.parametrize("ending", ["json", "jsonl", "ndjson"])
@pytest.mark.parametrize("text", SHAPES.values(), ids=list(SHAPES))
def test_every_ending_may_hold_every_shape(tmp_path: Path, ending: str, text: str):
    path = tmp_path / f"rows.{ending}"
    path.write_text(text)
    assert open_table(path).columns == ["a", "b"]
    assert rows_of(path) == [[1, "x"], [2, None]]


def test_objects_may_be_spread_over_lines(tmp_path: Path):
    path = tmp_path / "rows.json"
    path.write_text("\n".join(json.dumps(one, indent=1) for one in OBJECTS))
    assert rows_of(path) == [[1, "x"], [2, None]]


def test_an_array_is_read_piece_by_piece(tmp_path: Path):
    rows = [{"a": n, "b": "x" * (n % 50)} for n in range(20_000)]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows))
    assert path.stat().st_size > 5 * CHUNK
    assert rows_of(path) == [list(row.values()) for row in rows]


@pytest.mark.parametrize(
    "number", [2**53 + 1, 2**63, 2**64 + 1, 10**30], ids=["2^53", "2^63", "2^64", "10^30"]
)
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_large_numbers_keep_all_their_digits(tmp_path: Path, ending: str, number: int):
    path = tmp_path / f"rows.{ending}"
    path.write_text(f'{{"a": {number}}}\n')
    assert rows_of(path) == [[number]]


@pytest.mark.parametrize(
    "text", ['{"a": NaN, "b": 1}', '[{"a": NaN, "b": 1}]'], ids=["line", "array"]
)
def test_nan_as_python_writes_it_is_no_value(tmp_path: Path, text: str):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    assert rows_of(path) == [[None, 1]]


def test_columns_may_begin_in_a_later_row(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2, "b": 3}\n')
    assert open_table(path).columns == ["a", "b"]


def test_latin_1_is_read_where_it_is_said(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"a": "café"}\n'.encode("latin-1"))
    assert rows_of(path, Layout(encoding="latin-1")) == [["café"]]


def test_a_broken_line_is_told_with_its_place_and_the_rest_is_read(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n[1]\n\n{"a": "caf\xe9"}\n{"a": 2}\n')
    cut, array, byte = broken_rows(path)
    assert cut[0] == 2 and cut[2].startswith("it is not JSON")
    assert array[0] == 3 and "orient='records'" in array[2]
    assert byte[:2] == (5, "a") and "--encoding" in byte[2]


@pytest.mark.parametrize(
    "text", ['[{"a": 1}, {"a": ', '[{"a": 1}, x]', '{"a": 1} x'], ids=["cut", "word", "behind"]
)
def test_an_array_that_breaks_off_is_refused_with_its_row(tmp_path: Path, text: str):
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"row 2 of .*: it is not JSON"):
        rows_of(path)
