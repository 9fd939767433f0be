"""`weir features list`: alone, of a file, of a running worker."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.units import DAY_MS
from app.wire import encode
from tests.web.cards import AT, prediction
from tests.web.conftest import Serve, ViewOf, serve, view_of

__all__ = ["serve", "view_of"]  # fixtures of the web tests
CLOSED = "http://127.0.0.1:1"


def run(*args: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, ["features", "list", *args], env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    path = tmp_path / "fields.toml"
    path.write_text('[[word]]\nname = "shop"\ncustomer = true\n[[number]]\nname = "age"\n')
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Payments of ten days, of which every tenth is a fraud in a shop of its own."""
    path = tmp_path / "rows.jsonl"
    with path.open("wb") as out:
        for n in range(600):
            row = {
                **{
                    "id": f"t{n}",
                    "at": AT + n * DAY_MS // 60,
                    "customer": f"c{n % 7}",
                    "merchant": "m",
                },
                **{"amount": 5.0 + n % 3, "shop": "bad" if n % 10 == 0 else f"s{n % 4}"},
                **({"age": n % 50} if n % 2 else {}),
                "label": "fraud" if n % 10 == 0 else "legit",
            }
            out.write(encode(row) + b"\n")
    return path


def test_without_a_file_or_a_worker_there_are_features_and_no_figures(monkeypatch, fields):
    monkeypatch.setenv("WEIR_ADVERTISED_URL", CLOSED)
    shown = run("--fields", str(fields))
    for name in ("amount_zscore", "shop", "shop_amount", "shop_rate", "shop_ratio", "age"):
        assert f"  {name} " in shown
    assert "How often the customer used this shop before." in shown
    assert f"no worker answers at {CLOSED}: " in shown
    assert "; --data FILE replays a file." in shown
    found = json.loads(run("--fields", str(fields), "--json"))
    assert found["decisions"] == 0
    assert {(one["use"], one["worth"]) for one in found["table"]} == {(None, None)}


def test_a_file_shows_what_each_is_worth_on_it(file, fields):
    args = ("--data", str(file), "--fields", str(fields), "--label-delay", "1d", "--json")
    found = json.loads(run(*args))
    table = {one["name"]: one for one in found["table"]}
    assert found["decisions"] > 400
    assert table["shop"]["use"] == 1.0
    assert table["shop_ratio"]["use"] < 1.0
    best = max(table.values(), key=lambda one: one["worth"])
    assert best["name"].startswith("shop")
    assert table["km_from_home"] == table["km_from_home"] | {"use": 0.0, "worth": 0.0}


async def test_a_worker_shows_what_each_was_worth_lately(view_of: ViewOf, serve: Serve) -> None:
    view = view_of([0])
    view.sensors.newest.append(encode(prediction("t1", "c1")))
    await serve(view)
    shown = await asyncio.to_thread(run, "--url", view.settings.url)
    assert f"Use and worth: of the latest 1 decisions of {view.settings.url}." in shown
    assert "100.0%" in shown


def test_a_worker_that_was_named_has_to_answer():
    assert "no worker answers" in run("--url", CLOSED, code=1)


def test_options_about_a_file_need_one():
    assert "options about a file need the file" in run("--sort", code=2)
