"""`weir inspect`: a fields file from a user's data, and what each field would be worth."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.apps import load
from app.cli import cli
from app.cli.gains import Gain, Gains, KeySample
from app.cli.naming import columns_of
from app.cli.proposed import fields_file
from app.data.files import Candidate, Proposal, open_dataset
from app.data.options import FileOptions
from app.settings import read_settings
from app.streams.fraud.custom.definitions import read_fields
from tests.shops import write_shops

MAPPING = ("--columns", "amount=Euro")


def run(*args: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(args), env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shops(tmp_path_factory.mktemp("inspect") / "shops.csv")


def test_a_fields_file_is_proposed_with_the_command_that_reads_it(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = run("inspect", str(file), *MAPPING, "--write", "fields.toml")
    fields = read_fields("fields.toml")
    assert [one.name for one in fields.words] == ["kind", "noise"]
    assert [one.name for one in fields.numbers] == ["age"]
    dry, learn = (line.removeprefix("weir ") for line in shown.splitlines()[-2:])
    assert dry.endswith("--fields fields.toml --dry-run")
    assert '"fields":{"kind":"k' in run(*dry.split())
    assert learn == dry.replace("--dry-run", "--label-delay 7d")
    assert "fields.toml is there already" in run(
        "inspect", str(file), *MAPPING, "--gain", "--write", "fields.toml", code=1
    )


def test_gains_are_measured_by_replaying_the_file_without_and_with_each(file):
    shown = run("inspect", str(file), *MAPPING, "--gain", "--label-delay", "1d")
    gains = {
        (name, way): float(gain)
        for name, way, gain in re.findall(
            r"^  (\w[\w ]*?) {2,}(word|number|word of the customer) +([+-][\d.]+) ", shown, re.M
        )
    }
    assert set(gains) == {
        *(("kind", "word"), ("kind", "word of the customer")),
        *(("noise", "word"), ("noise", "word of the customer")),
        ("age", "number"),
    }
    assert gains["kind", "word"] > 0.2 > abs(gains["noise", "word"])
    assert re.search(r"^\[\[word\]\]\nname = \"kind\"", shown, re.M)
    assert "average precision without fields is 0." in shown


def test_what_lacks_labels_or_a_column_is_said_in_words(file, tmp_path):
    assert "name the columns of amount with --columns" in run(
        "inspect", str(file), "--gain", code=1
    )
    short = tmp_path / "short.csv"
    short.write_text("\n".join(file.read_text().splitlines()[:200]) + "\n")
    said = run("inspect", str(short), *MAPPING, "--gain", code=1)
    assert "no gain can be measured" in said
    wrong = run("inspect", str(file), "--columns", "shoe=Shop", code=1)
    assert "shoe is no field of a transaction" in wrong


def test_the_time_is_bounded_and_some_keys_are_taken_over_the_whole_file(file):
    options = FileOptions(
        columns=columns_of("id=TX,at=When,customer=Client,merchant=Shop,amount=Euro")
    )
    dataset = open_dataset(load(read_settings()), file, options)
    late = KeySample(dataset, 1.0, 0.0)
    assert (list(late), late.cut) == ([], True)
    some = KeySample(dataset, 0.5, 60.0)
    rows = [row.row for row in some]
    assert (some.cut, dataset.name) == (False, some.name)
    assert 400 < len(rows) < 1100
    assert rows[0] < 20 and rows[-1] > 1480


def gained(one: Candidate, *gains: tuple[bool, float]) -> list[Gain]:
    return [Gain(one, customer, gain, 0.01) for customer, gain in gains]


@pytest.mark.parametrize(
    ("gains", "text"),
    [
        ([(False, 0.05), (True, 0.055)], '[[word]]\nname = "kind"\n'),
        ([(False, 0.05), (True, 0.07)], '[[word]]\nname = "kind"\ncustomer = true\n'),
        ([(False, -0.02), (True, 0.005)], ""),
        ([(False, -0.02), (True, 0.02)], '[[word]]\nname = "kind"\ncustomer = true\n'),
    ],
)
def test_the_customers_part_is_proposed_where_it_adds_more_than_chance(gains, text):
    kind = Candidate("kind", "word", "Kind", "7 different")
    proposal = Proposal("CSV", ["Kind"], [], [], [], [kind])
    found = Gains(1000, 50, 0.5, gained(kind, *gains), None, False)
    assert fields_file(proposal, found).partition("7 different\n")[2] == text
