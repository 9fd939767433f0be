"""`weir replay`: what it measures, and what it says when it cannot."""

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.data.simulator import transactions
from app.data.traffic import Traffic
from app.messages import encode


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days of simulated traffic from 2026-01-01 on."""
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    with path.open("wb") as out:
        for hour in islice(transactions(Traffic(seed=4, customers=100)), 120):
            for row in hour:
                row.tx.label = "fraud" if row.fraud else "legit"
                out.write(encode(row.tx) + b"\n")
    return path


def result(*arguments: str) -> dict:
    run = CliRunner().invoke(cli, ["replay", *arguments, "--json"], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout.splitlines()[-1])


def rows_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_it_decides_all_rows_and_measures_those_whose_labels_fall_due(file: Path):
    found, rows = result(str(file), "--label-delay", "1d"), rows_of(file)
    known = [row for row in rows if row["at"] + 86_400_000 <= rows[-1]["at"]]
    assert found["rows"] == len(rows)
    assert found["learned"] == found["metrics"]["n"] == len(known)
    assert found["metrics"]["base_rate"] == sum(r["label"] == "fraud" for r in known) / len(known)


def test_from_and_to_are_days_whose_decisions_are_measured_and_the_rest_is_learned(file: Path):
    days = result(str(file), "--label-delay", "1d", "--from", "2026-01-02", "--to", "2026-01-03")
    on = [datetime.fromtimestamp(row["at"] / 1000, UTC).day for row in rows_of(file)]
    assert days["metrics"]["n"] == on.count(2) + on.count(3) < days["learned"]
    # On the 5th the labels of the 3rd are known, and nothing later would change the figures.
    assert days["rows"] == sum(day < 5 for day in on) < len(on)


def test_the_weeks_add_up(file: Path):
    found = result(str(file), "--label-delay", "1d")
    assert sum(week["n"] for week in found["by_week"].values()) == found["metrics"]["n"]
    assert list(found["by_week"]) == ["2025-12-29", "2026-01-05"]  # Mondays


@pytest.mark.parametrize(
    ("options", "same"),
    [
        pytest.param(["--partitions", "1", "--scope", "shared"], False, id="one partition"),
        pytest.param(["--model", "logistic"], False, id="another model"),
        pytest.param([], True, id="nothing else"),
    ],
)
def test_options_reach_the_core(file: Path, options: list[str], same: bool):
    usual = result(str(file), "--label-delay", "6h")["metrics"]
    assert (result(str(file), "--label-delay", "6h", *options)["metrics"] == usual) is same


def test_events_ends_it_early(file: Path):
    assert result(str(file), "--events", "100")["rows"] == 100


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["nowhere.parquet"], "cannot be read", id="no such file"),
        pytest.param([__file__], "ends in none of", id="not a data file"),
        pytest.param(["--model", "oracle", "FILE"], "oracle", id="no such model"),
        pytest.param(["--scope", "all", "FILE"], "WEIR_MODEL_SCOPE", id="no such scope"),
        pytest.param(["--label-delay", "soon", "FILE"], "not a duration", id="no duration"),
    ],
)
def test_what_cannot_be_replayed_is_one_sentence(file: Path, arguments: list[str], says: str):
    arguments = [str(file) if argument == "FILE" else argument for argument in arguments]
    run = CliRunner().invoke(cli, ["replay", *arguments])
    assert run.exit_code in (1, 2)
    assert says in run.stderr
    assert "Traceback" not in run.output
