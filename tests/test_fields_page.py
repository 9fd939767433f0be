"""docs/fields.md: its commands run, its examples are read, and what it says of sizes is so."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.core.hashing import hash64
from app.streams.fraud.custom.definitions import CUSTOMER, WORD, read_fields
from app.streams.fraud.history.habits import Asked
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.history.ring import Event
from app.streams.fraud.messages import read_transaction
from app.streams.fraud.own_fields import MOST_NUMBERS, MOST_WORDS
from tests.shops import HEAD, write_shops

PAGE = (Path(__file__).parents[1] / "docs" / "fields.md").read_text()
COMMANDS = re.findall(r"^    (weir .+)$", PAGE, re.MULTILINE)
(TOML,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
(PAYMENT,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
SAID = {
    "--gain": "average precision without fields is 0.",
    "--write": "Written to fields.toml.",
    "kind=Noise": '"fields":{"kind":"q',
    "--dry-run": '"fields":{"kind":"k',
    "replay": "1,500 transactions decided",
    "--data": "decisions on shops.csv.",
    "list": "kind_ratio",
    "inspect": "[[word]]",
}  # what the first of these that a command has makes it print


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_shops(tmp_path / "shops.csv")
    return tmp_path


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_does_what_it_says(folder: Path, line: str):
    if "--write" not in line:
        (folder / "fields.toml").write_text(TOML)
    done = CliRunner().invoke(cli, shlex.split(line)[1:], env={"COLUMNS": "250"})
    assert done.exit_code == 0, done.output
    words = next(words for option, words in SAID.items() if option in line)
    assert words in done.output


def test_the_page_shows_each_kind_of_command():
    for option in SAID:
        assert any(option in line for line in COMMANDS), option


def test_the_file_of_the_page_is_one_and_names_all_that_a_field_may_have(tmp_path: Path):
    path = tmp_path / "fields.toml"
    path.write_text(TOML)
    fields = read_fields(path)
    assert {name for word in fields.words for name in word.features} == {
        *(f"kind{end}" for end in (*WORD, *CUSTOMER)),
        *(f"channel{end}" for end in WORD),
    }
    said = {name for blocks in tomllib.loads(TOML).values() for one in blocks for name in one}
    assert said == {"name", "phrase", "customer", "unit"}
    assert f"At most {MOST_WORDS} words and {MOST_NUMBERS} numbers" in PAGE
    for end in (*WORD, *CUSTOMER):
        assert f"| `<word>{end}` |" in PAGE


def test_the_payment_of_the_page_has_the_words_and_the_number(tmp_path: Path):
    tx = read_transaction(json.dumps(json.loads(PAYMENT)).encode())
    assert (tx.channel, tx.fields) == ("online", {"kind": "travel", "age": 57.0})


def test_the_file_of_the_page_begins_with_the_payment_that_it_shows(folder: Path):
    lines = (folder / "shops.csv").read_text().splitlines()
    assert lines[0] == HEAD
    assert f"    {lines[0]}\n    {lines[1]}\n" in PAGE


def test_a_customers_part_takes_at_most_the_bytes_that_the_page_says():
    sizes = []
    for fields in ((), (7,), (7, 8)):
        history = History(1, Limits(32, 16, 16, Asked(fields)))
        for n in range(99):
            words = tuple(1 + n % 9 for _ in fields)
            history.insert(Event(n, hash64(f"t{n}"), n, 5.0, 9, words=words))
        sizes.append(len(history.encode()))
    assert (sizes[1] - sizes[0], sizes[2] - sizes[1]) == (231, 230)
    assert "230 at most by default" in PAGE
