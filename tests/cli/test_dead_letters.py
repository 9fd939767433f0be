"""`weir dead-letters`: what can be selected, what is refused in words, how a letter looks."""

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from app.cli import cli
from app.cli.letters import listed, plain, pretty, shown
from app.serving.dead_letters.journey import Journey, Refusal, header
from app.serving.dead_letters.read import Letter, read_letter
from tests.serving.dead_letters.test_write import kept_as


def letter(value: bytes | None = b'{"id": "t1"}', **headers: bytes) -> Letter:
    journey = Journey().after(Refusal("feedback", 1, 5, "[red]too early", 0, 9))
    told = {"reason": b"[red]no", "topic": b"feedback", "partition": b"1", "offset": b"6"}
    return read_letter(kept_as(value, (*{**told, **headers}.items(), header(journey))))


def printed(*tables: object) -> str:
    console = Console(width=160, color_system=None)
    with console.capture() as capture:
        for table in tables:
            console.print(table)
    return capture.get()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param([], "say which", id="nothing"),
        pytest.param(["--all", "0:1"], "leave out the rest", id="all and one"),
        pytest.param(["017"], "write PARTITION:OFFSET", id="no place"),
        pytest.param(["0:-1"], "write PARTITION:OFFSET", id="before the first"),
        pytest.param(["--since", "yesterday"], "is no time", id="a word for a time"),
        pytest.param(["--since", "2026-01-31T12:00:00"], "is no time", id="no offset"),
    ],
)
def test_a_selection_that_says_nothing_is_refused(args: list[str], words: str) -> None:
    result = CliRunner().invoke(cli, ["dead-letters", "replay", *args])
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize("args", [["show", "0", "1"], ["replay", "--all"], ["list"]], ids=str)
def test_without_a_broker_one_sentence_says_so(args: list[str], monkeypatch) -> None:
    from app import settings

    monkeypatch.setenv("WEIR_BROKERS", "127.0.0.1:1")
    settings.settings.cache_clear()
    result = CliRunner().invoke(cli, ["dead-letters", *args])
    settings.settings.cache_clear()
    assert result.exit_code == 1
    assert result.stderr.startswith("weir: no Kafka broker answers at 127.0.0.1:1")


def test_a_letter_is_shown_with_its_headers_and_history() -> None:
    text = printed(*shown(letter()))
    for words in ("2:40", "[red]no", "feedback[1] @ 6", "replays", "feedback[1] @ 5", "0:9"):
        assert words in text, "what came from outside is no markup"
    assert "(of the whole)" in printed(*shown(letter(sha256=b"ab" * 32)))
    assert "2:40" in printed(listed([letter()]))


def test_the_headers_of_a_producer_are_told_escaped() -> None:
    given = {"producer.\x1b[31m": b"\x1b[0m", "producer.trace": None}
    text = printed(*shown(letter(**given)))
    assert "\x1b" not in text and r"producer.\x1b[31m" in text and r"\x1b[0m" in text
    assert "(none)" in text
    told = json.loads(json.dumps(plain(letter(**given), whole=True)))
    assert told["producer_headers"] == [["\x1b[31m", "G1swbQ=="], ["trace", None]]


def test_json_has_the_whole_letter_only_when_asked() -> None:
    short, whole = plain(letter(), whole=False), plain(letter(), whole=True)
    assert "value" not in json.loads(json.dumps(short))
    assert json.loads(json.dumps(whole))["value"] == "eyJpZCI6ICJ0MSJ9"
    assert whole["headers"]["reason"] == "[red]no"
    assert plain(letter(None), whole=True)["value"] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(b"[1]", "[\n  1\n]", id="JSON"),
        pytest.param(b"\x1b[31m", "\\x1b[31m", id="what a terminal would obey"),
        pytest.param(b"[" * 100_000, "[" * 100_000, id="nested too deep"),
        pytest.param(None, "(no value)", id="none"),
    ],
)
def test_a_value_is_indented_where_it_is_json_and_escaped_where_not(value, text) -> None:
    assert pretty(value) == text
