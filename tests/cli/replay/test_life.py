"""`weir replay` with a life that is played: what it measures, and what it refuses."""

import json
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.wire import encode

LIVELY = ("--reviews", "6/d", "--chargebacks", "3d", "--missed", "0.2", "--maturity", "4d")
LOW = {"WEIR_BLOCK_THRESHOLD": "0.3", "WEIR_REVIEW_THRESHOLD": "0.2"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve days of simulated traffic with many frauds."""
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    traffic = Traffic(seed=4, customers=28, stolen=0.08, testing=0.08)
    with path.open("wb") as out:
        for hour in islice(transactions(traffic), 12 * 24):
            for row in hour:
                row.event.label = "fraud" if row.positive else "legit"
                out.write(encode(row.event) + b"\n")
    return path


def result(*arguments: str, **env: str) -> dict:
    command = ["replay", *arguments, "--json"]
    run = CliRunner().invoke(cli, command, catch_exceptions=False, env={**LOW, **env})
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout.splitlines()[-1])


def sources(life: dict) -> set[str]:
    return {told["source"] for told in life["labels_told"]}


def test_all_decisions_are_measured_against_the_truth_also_those_nobody_spoke_of(file: Path):
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    found = result(str(file), *LIVELY)
    frauds = sum(row["label"] == "fraud" for row in rows)
    assert found["metrics"]["n"] == found["rows"] == len(rows)
    assert found["metrics"]["base_rate"] == pytest.approx(frauds / len(rows))
    life = found["life"]
    assert sum(part["n"] for part in life["by_days"]) == len(rows)
    assert sum(part["positives"] for part in life["by_days"]) == frauds
    assert sum(band["n"] for band in life["calibration"]) == len(rows)
    flagged = [month["blocks"] + month["reviews"] for month in life["blocks_by_month"]]
    assert sum(flagged) == found["metrics"]["alerts"]
    assert [part["days"] for part in life["by_days"]] == ["0-10", "10-20"]
    said = sum(told["n"] for told in life["labels_told"])
    assert 0.9 * said < found["learned"] <= said  # who says the same again teaches nothing


def test_an_option_alone_plays_a_life_and_none_plays_none(file: Path):
    assert "life" not in result(str(file), "--label-delay", "1d")
    for option in (["--reviews", "1/d"], ["--seed", "2"], ["--complain", "0"]):
        assert "life" in result(str(file), "--events", "100", *option)


def test_each_option_changes_what_is_said(file: Path):
    usual = result(str(file), *LIVELY)["life"]
    assert sources(usual) >= {"analyst", "chargeback", "maturity", "customer"}
    lives = [usual]
    for option, value in (
        *(("--reviews", "12/d"), ("--strategy", "risk+random")),
        *(("--chargebacks", "1d"), ("--missed", "0.9"), ("--maturity", "0"), ("--wrong", "0.5")),
        *(("--complain", "0"), ("--seed", "7")),
    ):
        lives.append(result(str(file), *LIVELY, option, value)["life"])
    assert all(life not in lives[:place] for place, life in enumerate(lives))
    assert "maturity" not in sources(lives[5])
    assert "customer" not in sources(lives[7])


def test_whoever_looks_for_doubt_looks_elsewhere_than_at_the_highest_risk(file: Path):
    risk, doubt = (
        result(str(file), "--strategy", name, "--reviews", "3/d", WEIR_BLOCK_THRESHOLD="1")["life"]
        for name in ("risk", "uncertain")
    )
    assert risk["labels_told"] != doubt["labels_told"]


def test_value_is_caught_by_blocks_and_by_reviews_that_recognize(file: Path):
    never = result(str(file), "--reviews", "0/d", WEIR_BLOCK_THRESHOLD="1")["life"]
    assert never["value_caught"] == 0
    everything = result(str(file), "--reviews", "100000/d", WEIR_BLOCK_THRESHOLD="1")["life"]
    assert everything["value_caught"] > 0.95  # all but the last hour's
    assert sources(everything) == {"analyst"}
    mistaken = result(
        *(str(file), "--reviews", "100000/d", "--wrong", "1"), WEIR_BLOCK_THRESHOLD="1"
    )["life"]
    assert mistaken["value_caught"] == 0


def test_models_side_by_side_live_lives_of_their_own(file: Path):
    both = result(str(file), *LIVELY, "--model", "logistic", "--model", "binned")["models"]
    for name in ("logistic", "binned"):
        alone = result(str(file), *LIVELY, "--model", name)
        assert both[name]["life"] == alone["life"]
        assert both[name]["metrics"] == alone["metrics"]
    assert both["logistic"]["life"]["labels_told"] != both["binned"]["life"]["labels_told"]


def test_days_that_are_measured_count_from_the_first_event_and_the_end_waits_for_no_label(
    file: Path,
):
    found = result(str(file), *LIVELY, "--from", "2026-01-05", "--to", "2026-01-08")
    assert [part["days"] for part in found["life"]["by_days"]] == ["0-10"]
    assert found["metrics"]["n"] < found["rows"]
    assert max(told["from"] for told in found["life"]["labels_told"]) == "2026-01-08"


def test_the_text_has_the_figures_by_days_and_by_months(file: Path):
    text = CliRunner().invoke(cli, ["replay", str(file), *LIVELY], env=LOW).stdout
    for words in ("by days since the first event", "score/base", "by months of 30 days", "Labels"):
        assert words in text


def test_the_report_plots_a_life(file: Path, tmp_path: Path):
    pytest.importorskip("matplotlib")
    report = tmp_path / "report.html"
    result(str(file), *LIVELY, "--report", str(report))
    page = report.read_text()
    charts = "Average precision by days", "Mean score over", "Labels by source", "chargeback"
    for words in ("Value caught", *charts):
        assert words in page
    assert page.count("<svg") == 12
    result(str(file), "--events", "300", "--label-delay", "1h", "--report", str(report))
    assert report.read_text().count("<svg") == 8


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--reviews", "many"], "write 50/d, 2/h or 100/w"),
        (["--reviews", "50"], "write 50/d"),
        (["--reviews", "-5/d"], "write 50/d"),
        (["--strategy", "luck"], "there are risk, risk+random, uncertain"),
        (["--missed", "1.5"], "--missed 1.5 is no share between 0 and 1"),
        (["--wrong", "-0.1"], "--wrong -0.1 is no share"),
        (["--complain", "nan"], "--complain nan is no share"),
        (["--maturity", "400d"], "shorter than WEIR_HORIZON"),
        (["--chargebacks", "400d"], "shorter than WEIR_HORIZON"),
        (["--maturity", "soon"], "--maturity 'soon' is not a duration"),
        (["--chargebacks", "later"], "not a duration"),
        (["--actors", "0"], "actors"),
        (["--reviews", "1/d", "--label-delay", "7d"], "--chargebacks stands for"),
        (["--reviews", "1/d", "--unreported", "0.1"], "--missed stands for"),
    ],
)
def test_what_means_nothing_is_one_sentence(file: Path, options: list[str], says: str):
    run = CliRunner().invoke(cli, ["replay", str(file), *options], env={"COLUMNS": "200"})
    assert run.exit_code in (1, 2)
    assert says in run.stderr
    assert "Traceback" not in run.output


def test_a_file_without_labels_has_nothing_that_anybody_could_find_out(file: Path, tmp_path: Path):
    path = tmp_path / "unlabelled.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()[:50]]
    lines = (json.dumps({k: v for k, v in row.items() if k != "label"}) for row in rows)
    path.write_text("\n".join(lines))
    run = CliRunner().invoke(cli, ["replay", str(path), "--reviews", "50/d"])
    assert run.exit_code == 1
    assert "does not say which transactions are fraud" in run.stderr
