"""`weir replay`: what it measures, and what it says when it cannot."""

import csv
import json
import re
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import DAY_MS, HOUR_MS
from app.wire import encode


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days of simulated traffic from 2026-01-01 on."""
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    with path.open("wb") as out:
        for hour in islice(transactions(Traffic(seed=4, customers=100)), 120):
            for row in hour:
                row.event.label = "fraud" if row.positive else "legit"
                out.write(encode(row.event) + b"\n")
    return path


def result(*arguments: str) -> dict:
    run = CliRunner().invoke(cli, ["replay", *arguments, "--json"], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout.splitlines()[-1])


def rows_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_it_decides_all_rows_and_measures_those_whose_labels_fall_due(file: Path):
    found, rows = result(str(file), "--label-delay", "1d"), rows_of(file)
    known = [row for row in rows if row["at"] + DAY_MS <= rows[-1]["at"]]
    assert found["rows"] == len(rows)
    assert found["learned"] == found["metrics"]["n"] == len(known)
    assert found["metrics"]["base_rate"] == sum(r["label"] == "fraud" for r in known) / len(known)


def test_from_and_to_are_days_whose_decisions_are_measured_and_the_rest_is_learned(file: Path):
    days = result(str(file), "--label-delay", "1d", "--from", "2026-01-02", "--to", "2026-01-03")
    on = [datetime.fromtimestamp(row["at"] / 1000, UTC).day for row in rows_of(file)]
    assert days["metrics"]["n"] == on.count(2) + on.count(3) < days["learned"]
    # On the 5th the labels of the 3rd are known, and nothing later would change the figures.
    assert days["rows"] == sum(day < 5 for day in on) < len(on)


def test_days_up_to_the_last_are_measured_though_the_file_ends_before_their_labels(file: Path):
    on = [datetime.fromtimestamp(row["at"] / 1000, UTC).date() for row in rows_of(file)]
    found = result(str(file), "--label-delay", "7d", "--to", str(max(on)))
    assert found["metrics"]["n"] == found["rows"] == len(on)


def test_the_weeks_add_up_and_begin_with_the_first_day(file: Path):
    found = result(str(file), "--label-delay", "1d")
    assert sum(week["n"] for week in found["by_week"]) == found["metrics"]["n"]
    assert [week["from"] for week in found["by_week"]] == ["2026-01-01"]
    found = result(str(file), "--label-delay", "1d", "--from", "2026-01-03")
    assert [week["from"] for week in found["by_week"]] == ["2026-01-03"]


def test_frauds_that_nobody_reports_are_learned_as_legitimate_and_measured_as_frauds(file: Path):
    told, untold = (
        result(str(file), "--label-delay", "1d", "--unreported", share) for share in ("0", "1")
    )
    assert untold["metrics"]["base_rate"] == told["metrics"]["base_rate"] > 0
    assert untold["metrics"]["log_loss"] > told["metrics"]["log_loss"]
    some = result(str(file), "--label-delay", "1d", "--unreported", "0.5")["metrics"]["log_loss"]
    assert told["metrics"]["log_loss"] < some < untold["metrics"]["log_loss"]


def test_the_result_has_all_its_figures(file: Path):
    found = result(str(file), "--label-delay", "1d")
    figures = {
        *("n", "base_rate", "average_precision", "roc_auc", "card_precision_100", "log_loss"),
        *("brier", "tpr_at_fpr", "recall_at_review_rate", "alerts", "alert_precision"),
        "alert_rate",
    }
    assert set(found["metrics"]) == set(found["mean_of_weeks"]) == figures
    assert set(found["by_week"][0]) == figures | {"from", "days"}
    for name in ("tpr_at_fpr", "recall_at_review_rate"):
        assert list(found["metrics"][name]) == ["0.001", "0.005", "0.01"]
    assert found["events_per_s"] > 0 and found["cpu_us_per_event"] > 0
    assert "models" not in found


def test_models_side_by_side_have_the_figures_that_each_has_alone(file: Path):
    models = ("logistic", "binned")
    options = [part for name in models for part in ("--model", name)]
    found = result(str(file), "--label-delay", "6h", *options)
    assert list(found["models"]) == list(models)
    for name in models:
        alone = result(str(file), "--label-delay", "6h", "--model", name)
        for figures in ("rows", "learned", "metrics", "by_week", "mean_of_weeks"):
            assert found["models"][name][figures] == alone[figures]
    assert found["metrics"] == found["models"]["logistic"]["metrics"]


def test_columns_of_other_names_and_times_of_labels_give_the_same(file: Path, tmp_path: Path):
    other = tmp_path / "other.csv"
    columns = ("TX", "WHEN", "WHO", "SHOP", "EUR", "BAD", "SINCE")
    fields = ("id", "at", "customer", "merchant", "amount", "label")
    with other.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(columns)
        for row in rows_of(file):
            table.writerow([*(row[field] for field in fields), row["at"] + DAY_MS])
    plain = tmp_path / "plain.jsonl"
    kept = [{field: row[field] for field in fields} for row in rows_of(file)]
    plain.write_text("".join(json.dumps(row) + "\n" for row in kept))
    mapping = ",".join(f"{field}={column}" for field, column in zip(fields, columns, strict=False))
    found = result(str(other), "--columns", mapping, "--label-time", "SINCE")
    usual = result(str(plain), "--label-delay", "1d")
    assert found["metrics"] == usual["metrics"]
    assert found["learned"] == usual["learned"] > 0


def test_known_customers_are_kept_unless_they_are_to_be_removed(file: Path):
    kept = result(str(file), "--label-delay", "1d")
    removed = result(str(file), "--label-delay", "1d", "--known-customers", "remove")
    assert (kept["known_customers"], removed["known_customers"]) == ("keep", "remove")
    assert removed["metrics"]["n"] + removed["left_out"] == kept["metrics"]["n"]
    assert kept["left_out"] == 0


def test_the_handbooks_known_customers_are_removed_and_the_text_says_how_many(tmp_path: Path):
    path = tmp_path / "handbook.csv"
    names = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD"
    rows = [f"{n},2018-04-{1 + n:02} 12:00:00,{n % 2},1,5.0,{int(n % 2)}" for n in range(29)]
    path.write_text("\n".join([names, *rows]))
    found = result(str(path), "--label-delay", "1d", "--from", "2018-04-09")
    # Customer 1 is known from 04-09 on: its frauds are from 04-02 on, the delay is 7 days.
    assert (found["left_out"], found["metrics"]["n"]) == (10, 10)
    text = CliRunner().invoke(cli, ["replay", str(path), "--from", "2018-04-09"]).output
    assert "customers who were known to be compromised" in text
    found = result(str(path), "--label-delay", "1d", "--known-customers", "keep")
    assert (found["left_out"], found["metrics"]["n"]) == (0, 28)


def test_a_file_that_says_nothing_of_fraud_is_decided_and_said_to_be_without_figures(
    file: Path, tmp_path: Path
):
    path = tmp_path / "unlabelled.jsonl"
    rows = [{k: v for k, v in row.items() if k != "label"} for row in rows_of(file)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = CliRunner().invoke(cli, ["replay", str(path), "--json"])
    assert "does not say which transactions are fraud" in run.stdout
    found = json.loads(run.stdout.splitlines()[-1])
    assert (found["rows"], found["learned"], found["metrics"]["n"]) == (len(rows), 0, 0)
    assert found["metrics"]["average_precision"] is None


def test_a_span_without_known_labels_is_said_to_be_one(file: Path):
    run = CliRunner().invoke(cli, ["replay", str(file), "--from", "2027-01-01", "--json"])
    assert run.exit_code == 0 and "nothing is measured" in run.stdout
    assert json.loads(run.stdout.splitlines()[-1])["by_week"] == []


def test_ids_that_come_again_and_labels_of_others_are_counted(file: Path, tmp_path: Path):
    path, rows = tmp_path / "twice.jsonl", rows_of(file)
    first, last = rows[0], rows[-1]
    more = [first, {**first, "customer": "other"}, *rows[1:], {**last, "id": "end"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in [first, *more]))
    run = CliRunner().invoke(cli, ["replay", str(path), "--label-delay", "1h", "--json"])
    found = json.loads(run.stdout.splitlines()[-1])
    assert (found["rows"], found["repeated"]) == (len(rows) + 3, 1)
    assert "whose decision they repeat: 1." in run.stdout
    known = [row for row in rows if row["at"] + HOUR_MS <= last["at"]]
    assert found["learned"] == found["metrics"]["n"] == len(known)


@pytest.mark.parametrize(
    ("options", "same"),
    [
        pytest.param(["--scope", "partition"], False, id="the own models alone"),
        pytest.param(["--model", "logistic"], False, id="another model"),
        pytest.param(["--features", "fraud-small"], False, id="fewer features"),
        pytest.param(["--features", "fraud-full"], True, id="the same features"),
        pytest.param([], True, id="nothing else"),
    ],
)
def test_options_reach_the_core(file: Path, options: list[str], same: bool):
    usual = result(str(file), "--label-delay", "6h")["metrics"]
    assert (result(str(file), "--label-delay", "6h", *options)["metrics"] == usual) is same


def test_events_ends_it_early(file: Path):
    assert result(str(file), "--events", "100")["rows"] == 100


@pytest.mark.parametrize(
    ("options", "reached"),
    [
        pytest.param(["--events", "200"], "100%", id="events"),
        pytest.param(["--to", "2026-01-02", "--label-delay", "1d"], "99%", id="event time"),
        pytest.param([], "", id="nobody knows"),
    ],
)
def test_a_terminal_shows_how_far_it_is_and_how_fast(file: Path, options: list[str], reached: str):
    arguments = ["replay", str(file), *options, "--json"]
    run = CliRunner().invoke(cli, arguments, env={"FORCE_COLOR": "1", "COLUMNS": "120"})
    rows = json.loads(run.stdout.splitlines()[-1])["rows"]
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", run.stderr)
    assert "Replaying" in shown and f"{rows:,} transactions, " in shown and "/s" in shown
    assert reached in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["nowhere.parquet"], "cannot be read", id="no such file"),
        pytest.param([__file__], "ends in none of", id="not a data file"),
        pytest.param(["--model", "oracle", "FILE"], "oracle", id="no such model"),
        pytest.param(["--features", "few", "FILE"], "fraud-small", id="no such features"),
        pytest.param(["--scope", "all", "FILE"], "WEIR_MODEL_SCOPE", id="no such scope"),
        pytest.param(["--label-delay", "soon", "FILE"], "not a duration", id="no duration"),
        pytest.param(["--columns", "at=TIME", "FILE"], "lacks the column TIME", id="no column"),
        pytest.param(["--columns", "iban=id", "FILE"], "is no field of", id="no field"),
        pytest.param(["--columns", "id", "FILE"], "FIELD=COLUMN", id="no mapping"),
        pytest.param(["--label-time", "when", "FILE"], "lacks the column when", id="no times"),
        pytest.param(["--label-time", "known", "EARLY"], "row 1 of", id="label too early"),
        pytest.param(["UNSORTED"], "sort the file by time", id="unsorted"),
        pytest.param(["EMPTY"], "is empty", id="empty"),
        pytest.param(
            ["--from", "2026-01-03", "--to", "2026-01-02", "FILE"], "lies before", id="no days"
        ),
    ],
)
def test_what_cannot_be_replayed_is_one_sentence(
    file: Path, tmp_path: Path, arguments: list[str], says: str
):
    lines = file.read_text().splitlines()[:3]
    contents = {"EMPTY": [], "UNSORTED": lines[::-1], "EARLY": [lines[0][:-1] + ',"known":5}']}
    paths = {"FILE": file} | {name: tmp_path / f"{name}.jsonl" for name in contents}
    for name, content in contents.items():
        paths[name].write_text("\n".join(content))
    run = CliRunner().invoke(cli, ["replay", *(str(paths.get(a, a)) for a in arguments)])
    assert run.exit_code in (1, 2)
    assert says in run.stderr
    assert "Traceback" not in run.output
