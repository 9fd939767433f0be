"""Parquet: every type that a field may have, and none that changes on the way."""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.data.cells import number_reader, text_reader
from app.data.readers.opening import open_table
from app.data.times import time_reader
from app.errors import DataError, Refused
from tests.data.readers.passes import rows_of

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

T = datetime(2018, 4, 1, 0, 0, 31)
MS = 1_522_540_831_000
CASES = [
    ("binary as text", pa.array([b"m1", None], pa.binary()), "", ["m1", None]),
    ("large binary", pa.array([b"m1"], pa.large_binary()), "", ["m1"]),
    ("fixed binary", pa.array([b"m1"], pa.binary(2)), "", ["m1"]),
    ("bytes that are no text", pa.array([b"m1", b"\xff"], pa.binary()), "", ["m1", b"\xff"]),
    ("text", pa.array(["007"]), "", ["007"]),
    ("category", pa.array(["a", "b", "a", None]).dictionary_encode(), "", ["a", "b", "a", None]),
    ("category of binary", pa.array([b"a"], pa.binary()).dictionary_encode(), "", ["a"]),
    ("large whole", pa.array([2**53 + 1]), "whole", [2**53 + 1]),
    ("unsigned", pa.array([2**63], pa.uint64()), "whole", [2**63]),
    ("nan", pa.array([1.5, float("nan"), None]), "float", [1.5, None, None]),
    ("decimal", pa.array([Decimal("12.50")]), "float", [Decimal("12.50")]),
    ("truth", pa.array([True, None]), "truth", [True, None]),
    ("date", pa.array([date(2018, 4, 1)]), "date", [date(2018, 4, 1)]),
    ("time in ms", pa.array([T], pa.timestamp("ms")), "time", [MS]),
    ("time in ns", pa.array([T], pa.timestamp("ns")), "time", [MS]),
    ("time in a zone", pa.array([T], pa.timestamp("us", "UTC")), "time", [MS]),
    ("time of day in ns", pa.array([1001], pa.time64("ns")), "", [time(0, 0, 0, 1)]),
    ("list", pa.array([[1]]), "other", [[1]]),
]


@pytest.mark.parametrize(
    ("column", "kind", "cells"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_column_keeps_what_it_holds(tmp_path: Path, column: Any, kind: str, cells: list):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"a": column}), path)
    assert open_table(path).kinds == {"a": kind}
    assert rows_of(path) == [[cell] for cell in cells]


def test_a_time_without_a_zone_is_on_the_clocks_of_the_one_that_is_given(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    zoned = pa.array([T], pa.timestamp("ns", "UTC"))
    parquet.write_table(pa.table({"a": pa.array([T], pa.timestamp("ns")), "b": zoned}), path)
    assert rows_of(path, zone="Europe/Paris") == [[T, MS]]


def test_more_rows_than_a_batch_are_read(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"a": list(range(20_000)), "b": [None] * 20_000}), path)
    assert rows_of(path, columns=["a"]) == [[n] for n in range(20_000)]
    assert open_table(path).size == 20_000


def test_text_that_is_none_is_left_as_bytes_for_the_reader_to_refuse(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    text = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")]
    )
    parquet.write_table(pa.table({"a": text}), path)
    assert rows_of(path) == [["a"], [b"\xff"]]


FAR = pa.array([2**31 - 1, 1], pa.int32()).cast(pa.date32())


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (text_reader("a"), r"`a` is a date32\[day\] out of range, not a text"),
        (time_reader(field="a"), r"`a` is a date32\[day\] out of range, not a time"),
        (number_reader("a"), "`a` is not a number"),
    ],
    ids=["text", "time", "number"],
)
def test_a_date_that_no_calendar_has_is_refused_for_itself(
    tmp_path: Path, read: Callable[[Any], Any], told: str
):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"a": FAR}), path)
    (far,), (near,) = rows_of(path)
    assert near == date(1970, 1, 2)
    with pytest.raises(Refused, match=told):
        read(far)


def test_a_column_whose_name_is_no_text_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"odd name": [1]}), path)
    path.write_bytes(path.read_bytes().replace(b"odd name", b"odd \xffame"))
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        rows_of(path)


@pytest.mark.parametrize("place", [-20, -60, 4], ids=["footer", "schema", "page"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, place: int):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"a": list(range(100))}), path)
    raw = bytearray(path.read_bytes())
    raw[place : place + 8 if place > 0 else place + 12] = b"\xff" * 8
    path.write_bytes(raw)
    with pytest.raises(DataError, match="cannot be read as Parquet") as refused:
        rows_of(path)
    assert "\n" not in str(refused.value)
