"""docs/data.md: every command line of its tables does what the page says."""

import json
import re
import shlex
from inspect import signature
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.cli.file_options import file_options
from app.data.pseudonyms import pseudonymizer
from app.streams.fraud.known_sets import SETS
from tests.data_files import PAYMENT, SECRET, write_files
from tests.public_sets import SETS as SAMPLES

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text()
ALL = re.findall(r"^\|.*?`(weir [^`]+)`", PAGE, re.MULTILINE)
LINES = [line for line in ALL if line.startswith("weir replay")]
LABELS = [line for line in ALL if line.startswith("weir label")]
OTHERWISE = {
    "parts.csv": {"customer": "c1|b1"},
    "noid.csv": {"id": "row-1"},
    "nomerchant.csv": {"currency": "EUR"},
    "nocustomer.csv": {"customer": "row-1"},
    "latin.csv": {"category": "café"},
    "own.csv": {"fields": {"shop": "s1", "age": 3.0}},
    "pans.csv": {"customer": pseudonymizer(SECRET.encode())("4111111111111111")},
}  # what differs from the payment that the files hold
NAMES = {sample: shape.name for sample, shape in zip(SAMPLES, SETS, strict=True)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("pyarrow")
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line: str) -> str:
    done = CliRunner().invoke(cli, shlex.split(line)[1:], env={"COLUMNS": "250"})
    assert done.exit_code == 0, done.output
    return done.output


def file_of(line: str) -> str:
    return shlex.split(line)[2]


@pytest.mark.parametrize("line", [line for line in LINES if Path(file_of(line)).stem not in NAMES])
def test_a_line_of_the_page_reads_the_payment_of_its_file(folder: Path, line: str):
    shown = run(line)
    said, sent = re.search(
        r"^Row 1, 2019-01-01T00:00:05\+00:00, (.*):\n  (.*)$", shown, re.M
    ).groups()
    found = {name: value for name, value in json.loads(sent).items() if value not in ("", None)}
    assert found == {**PAYMENT, **OTHERWISE.get(file_of(line), {})}
    assert said == "fraud"


@pytest.mark.parametrize("line", [line for line in LINES if Path(file_of(line)).stem in NAMES])
def test_a_line_of_the_page_recognises_its_set(folder: Path, line: str):
    shown = run(line)
    assert shown.startswith(NAMES[Path(file_of(line)).stem])
    assert shown.count('{"id":') == len(SAMPLES[Path(file_of(line)).stem].splitlines()) - 1


@pytest.mark.parametrize("line", LABELS)
def test_a_line_of_the_page_reads_the_label_of_its_file(folder: Path, line: str):
    said = json.loads(next(row for row in run(line).splitlines() if row.startswith("{")))
    assert (said["id"], said["customer"], said["label"]) == ("t1", "c1", "fraud")


def test_the_page_names_every_option_and_every_set():
    options = {one for line in LINES for one in re.findall(r"--[a-z-]+", line)}
    listed = {
        f"--{name.strip('_').replace('_', '-')}" for name in signature(file_options).parameters
    }
    assert listed <= options
    assert {file_of(line) for line in LINES} >= {f"{name}.csv" for name in SAMPLES}


def test_what_the_page_says_of_bad_rows_is_so(folder: Path):
    assert "Left out because they cannot be used: 1," in run(
        "weir replay bad.csv --skip-bad --dry-run"
    )
    assert (folder / "bad.csv.bad.csv").read_text().startswith("row,line,column,reason,")
