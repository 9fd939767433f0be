"""What files are compressed with, seen by their first bytes and read in bounded memory."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.data.readers.opening import open_table
from app.errors import DataError
from tests.data.readers.passes import rows_of

pa = pytest.importorskip("pyarrow")

ROWS = b"a,b\n" + b"1,2\n" * 50_000
JSON = b'{"a": "1", "b": "2"}\n' * 3


def zstd(raw: bytes) -> bytes:
    return pa.Codec("zstd").compress(raw, asbytes=True)


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), raw)
    return path


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstd,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.mark.parametrize("ending", PACKED)
def test_a_packed_file_is_read(tmp_path: Path, ending: str):
    path = tmp_path / f"rows.csv{ending}"
    path.write_bytes(PACKED[ending](ROWS))
    assert rows_of(path) == [["1", "2"]] * 50_000
    lines = tmp_path / f"rows.jsonl{ending}"
    lines.write_bytes(PACKED[ending](JSON))
    assert rows_of(lines) == [["1", "2"]] * 3


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_files_packed_one_after_the_other_are_one(tmp_path: Path, ending: str):
    path = tmp_path / f"rows.csv{ending}"
    path.write_bytes(PACKED[ending](b"a,b\n1,2\n") + PACKED[ending](b"1,2\n"))
    assert rows_of(path) == [["1", "2"]] * 2


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.zst"])
def test_the_first_bytes_count_and_not_the_name(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert rows_of(path) == [["1", "2"]]


def test_a_zip_of_one_file_is_read_whichever_of_the_two_names_says_the_format(tmp_path: Path):
    assert rows_of(zipped(tmp_path / "rows.csv.zip", data_txt=b"a,b\n1,2\n")) == [["1", "2"]]
    assert rows_of(zipped(tmp_path / "rows.zip", data_csv=b"a,b\n1,2\n")) == [["1", "2"]]
    mac = zipped(tmp_path / "mac.zip", data_csv=b"a,b\n1,2\n")
    with zipfile.ZipFile(mac, "a") as archive:
        archive.writestr("__MACOSX/._data.csv", b"x")
    assert rows_of(mac) == [["1", "2"]]


def test_a_zip_of_several_files_is_refused(tmp_path: Path):
    path = zipped(tmp_path / "rows.csv.zip", a_csv=b"a\n1\n", b_csv=b"a\n1\n")
    with pytest.raises(DataError, match=r"has 2 files in it \(a.csv, b.csv\); unpack it"):
        open_table(path)


@pytest.mark.parametrize("ending", [".gz", ".zst", ".zip"])
def test_packed_parquet_is_read(tmp_path: Path, ending: str):
    plain, path = tmp_path / "rows.parquet", tmp_path / f"rows.parquet{ending}"
    pytest.importorskip("pyarrow.parquet").write_table(pa.table({"a": [1], "b": [2]}), plain)
    if ending == ".zip":
        zipped(path, rows_parquet=plain.read_bytes())
    else:
        path.write_bytes(PACKED[ending](plain.read_bytes()))
    assert rows_of(path) == [[1, 2]]


@pytest.mark.parametrize("ending", [*PACKED, ".zip"])
def test_a_file_that_is_cut_is_refused(tmp_path: Path, ending: str):
    path = tmp_path / f"rows.csv{ending}"
    raw = zipped(path, rows_csv=ROWS).read_bytes() if ending == ".zip" else PACKED[ending](ROWS)
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match=r"is damaged or cannot be read"):
        rows_of(path)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.xlsx", "save it as CSV"),
        ("a.xls", "save it as CSV"),
        ("a.ods", "save it as CSV"),
        ("a.feather", "to_parquet"),
        ("a.orc", "to_parquet"),
        ("a.avro", "tojson"),
        ("a.sav.gz", "ends in none of .csv, .tsv, .txt"),
    ],
)
def test_other_formats_are_refused_with_the_way_to_convert_them(
    tmp_path: Path, name: str, advice: str
):
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=advice):
        open_table(tmp_path / name)
