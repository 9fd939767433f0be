"""The options about files: what they mean, that commands share them, and what they show."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.cli import cli
from app.cli.naming import columns_of, values_of, words_of
from app.data.pseudonyms import pseudonymizer
from tests.public_sets import write_sets

T = 1_700_000_000_000  # epoch ms
COMMANDS = {
    "replay": ["replay"],
    "publish": ["publish"],
    "demo": ["demo", "--data"],
}


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ("id=A,at=B", {"id": ("A",), "at": ("B",)}),
        ("id=TX ID, at = B ", {"id": ("TX ID",), "at": ("B",)}),
        ('id="a,b",at=B', {"id": ("a,b",), "at": ("B",)}),
        ('id="a=b"', {"id": ("a=b",)}),
        ('id="a ""x"" b"', {"id": ('a "x" b',)}),
        ('id="a\nb"', {"id": ("a\nb",)}),
        ('customer=a+"b+c"', {"customer": ("a", "b+c")}),
        (None, {}),
        ("", {}),
    ],
)
def test_columns_are_named_with_quotes_around_what_is_odd(text: str | None, mapping: dict):
    assert columns_of(text) == mapping


@pytest.mark.parametrize(
    "text", ["id", "id=", "=A", "id=A,id=B", 'id="A', 'id="A"B', "id=A,", "id=A=B=", ",", 'id=A"B"']
)
def test_what_names_no_columns_is_refused(text: str):
    with pytest.raises(typer.BadParameter, match="in --columns"):
        columns_of(text)


def test_values_and_words_are_lists_with_quotes_too():
    assert values_of("--set", 'merchant="a, b",currency=EUR') == {
        "merchant": "a, b",
        "currency": "EUR",
    }
    assert values_of("--label-words", "fraud=A,fraud=B", many=True) == [
        ("fraud", "A"),
        ("fraud", "B"),
    ]
    assert words_of("--missing", r'NULL,\N,"a,b",-') == ["NULL", r"\N", "a,b", "-"]
    with pytest.raises(typer.BadParameter, match="two values"):
        values_of("--set", "merchant=a,merchant=b")
    with pytest.raises(typer.BadParameter, match="is not NAME=VALUE"):
        values_of("--set", "merchant")


def run(*arguments: str, code: int = 0) -> str:
    """What a command prints, on both channels."""
    done = CliRunner().invoke(cli, arguments, env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "cards.csv"
    rows = [f"{T + n};c{n % 3};m;{n},50;{'SI' if n == 3 else 'NO'}" for n in range(9)]
    path.write_text("\n".join(["cuando;cliente;tienda;importe;fraude", *rows]) + "\n")
    return path


MAPPING = ("--columns", "at=cuando,customer=cliente,merchant=tienda,amount=importe,label=fraude")
WORDS = ("--label-words", "fraud=SI,legit=NO", "--id", "row", "--set", "currency=EUR")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_that_reads_a_file_shows_the_same_mapping_and_does_nothing(
    path: Path, command: list[str]
):
    shown = run(*command, str(path), *MAPPING, *WORDS, "--dry-run")
    assert "CSV, semicolon" in shown and "always 'EUR'" in shown and "row-1" in shown
    sent = [json.loads(line) for line in shown.splitlines() if line.startswith("  {")]
    assert len(sent) == 5
    first = {name: value for name, value in sent[0].items() if value not in ("", None)}
    assert first == {
        "id": "row-1",
        "at": T,
        "customer": "c0",
        "merchant": "m",
        "amount": 0.5,
        "currency": "EUR",
    }
    assert re.search(r"^Row 4, 2023-11-14T22:13:20.003000\+00:00, fraud:$", shown, re.MULTILINE)
    assert "Nothing was sent or learned." in shown


def test_a_replay_with_options_reads_what_they_say(path: Path):
    found = json.loads(run("replay", str(path), *MAPPING, *WORDS, "--json").splitlines()[-1])
    assert found["rows"] == 9


def test_rows_that_were_left_out_are_said_at_the_end(path: Path):
    text = path.read_text().replace("4,50", "-4,50").replace("5,50", "x")
    path.write_text(text)
    said = run("replay", str(path), *MAPPING, *WORDS, "--negative", "skip", "--skip-bad")
    assert f"Left out because they cannot be used: 1, which are in {path}.bad.csv" in said
    assert "Left out because their amount is negative: 1." in said
    out = path.with_name("other.csv")
    run("replay", str(path), *MAPPING, *WORDS, "--negative", "skip", "--bad-rows", str(out))
    assert len(out.read_text().splitlines()) == 2


def test_a_hash_needs_its_key_and_gives_a_producers_pseudonym(tmp_path: Path):
    path, key = write_sets(tmp_path)["sparkov"], tmp_path / "key"
    key.write_text("0123456789abcdef\n")
    shown = run("replay", str(path), "--hash", "customer", "--hash-key", str(key), "--dry-run")
    assert pseudonymizer(b"0123456789abcdef")("4111111111111111") in shown
    assert "a keyed hash of it" in shown and "4111" not in shown
    says = "--hash and --hash-key belong together"
    assert says in re.sub(r"\s+", " ", run("replay", str(path), "--hash", "customer", code=2))
    missing = str(tmp_path / "none")
    refused = run("replay", str(path), "--hash", "customer", "--hash-key", missing, code=1)
    assert "openssl rand -hex 32" in refused


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--id", "TX"], "a column is --columns id=COLUMN"),
        (["--decimal", ";"], "is neither . nor ,"),
        (["--time-unit", "weeks"], "'weeks' is no --time-unit"),
        (["--time-zone", "Mars"], "no --time-zone"),
        (["--time-format", "soon"], "no directives"),
        (["--time-start", "2019-01-01"], "--time-start needs the --time-unit"),
        (["--label-words", "yes=SI"], "--label-words yes: it is no label"),
        (["--encoding", "klingon"], "--encoding 'klingon'"),
        (["--set", "lat=5"], "--set lat: it is no text"),
        (["--negative", "maybe"], "--negative"),
    ],
)
def test_an_option_that_means_nothing_is_refused(path: Path, options: list[str], says: str):
    done = CliRunner().invoke(cli, ["replay", str(path), *MAPPING, *WORDS[2:4], *options])
    assert done.exit_code in (1, 2)
    assert says in re.sub(r"[\s│]+", " ", done.stderr)


@pytest.mark.parametrize("option", [["--dry-run"], ["--sort"], ["--decimal", ","]], ids=str)
def test_a_demo_without_a_file_takes_no_options_about_one(option: list[str]):
    assert "need the file: --data FILE" in run("demo", *option, code=2)


# -- weir inspect


def test_inspect_names_a_public_set_and_the_option_that_it_needs(tmp_path: Path):
    paths = write_sets(tmp_path)
    assert "PaySim, CSV, comma" in run("inspect", str(paths["paysim"]))
    shown = run("inspect", str(paths["sparkov"]))
    assert shown.splitlines()[-1].endswith("--hash customer --hash-key FILE --dry-run")
    assert "4111" not in shown


FILES = {
    "german": (
        'Datum;"Kunde, Nr";Shop;Betrag;Fraud',
        "{day:02}/03/2021 12:14;K{n};Shop 1;{n},50 €;{label}",
        {"customer": "K21", "amount": 21.5},
    ),
    "numbers": (
        "txid,ts,user_id,shop,amount,is_fraud",
        "t{n},{seconds},u{n},s,{n}.5,{n}",
        {"id": "t21", "customer": "u21", "at": 1_546_300_821_000},
    ),
    "apart": (
        "ref|Date|Time|Account|Merchant|Value",
        "r{n}|2021-03-{day:02}|12:{n}|A{n}|M|$-{n}.50",
        {"id": "r21", "customer": "A21", "at": 1_616_329_260_000, "amount": 21.5},
    ),
    "plain": (
        "id,at,customer,merchant,amount",
        "t{n},2021-03-{day:02},c,m,{n}",
        {"id": "t21", "customer": "c", "amount": 21.0},
    ),
    "steps": (
        "step,amount,client,vendor",
        "{n},1.5,c{n},v",
        {"id": "row-1", "customer": "c21"},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_the_command_that_inspect_proposes_reads_the_file(tmp_path: Path, name: str):
    header, row, expected = FILES[name]
    path = tmp_path / "my payments.csv"
    rows = [
        row.format(n=n, day=n, label="NY"[n % 2], seconds=1_546_300_800 + n) for n in range(21, 28)
    ]
    if name == "numbers":
        rows = [line[:-2] + str(n % 2) for n, line in enumerate(rows)]
    path.write_text("\n".join([header, *rows]) + "\n")
    line = (
        run("inspect", str(path)).splitlines()[-1].replace("--negative skip", "--negative absolute")
    )
    assert line.startswith(f"weir replay '{path}' ")
    shown = run(*shlex.split(line)[1:])
    sent = json.loads(next(line for line in shown.splitlines() if line.startswith("  {")))
    assert {field: sent[field] for field in expected} == expected


def test_inspect_says_what_it_has_not_found(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("foo,bar\n1,2\n")
    shown = run("inspect", str(path))
    for field in ("at", "customer", "merchant", "amount"):
        assert f"No column seems to be `{field}`: name it with --columns {field}=COLUMN." in shown


def test_inspect_of_what_is_no_file_is_one_sentence(tmp_path: Path):
    assert "cannot be read: No such file" in run("inspect", str(tmp_path / "a.csv"), code=1)


def test_inspect_proposes_what_refunds_need_and_what_it_was_given_itself(tmp_path: Path):
    path = write_sets(tmp_path)["tabformer"]
    path.write_text(path.read_text().replace("$7.00", "$-7.00"))
    line = run("inspect", str(path), "--delimiter", ",", "--encoding", "latin-1").splitlines()[-1]
    assert line.endswith("--delimiter , --encoding latin-1 --negative skip --dry-run")
    assert '"id":"row-1"' in run(*shlex.split(line)[1:])
