"""The benchmark as its user runs it, on a small stream, and the plays of Weir's models."""

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from app.apps import load
from app.data.hours import recorded
from app.data.replay import Replay
from app.settings import read_settings
from app.streams.fraud.features import GRIDS
from app.streams.fraud.files import open_dataset
from benchmarks.handbook.__main__ import arguments
from benchmarks.handbook.online import play, read_play
from benchmarks.handbook.transactions import FILE
from benchmarks.handbook.weeks import number
from tests.benchmarks.streams import on, stream, write

pytest.importorskip("pyarrow")
ROOT = Path(__file__).parents[2]
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def folder(seed: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(stream(seed, days=136, a_day=30), tmp_path_factory.mktemp("handbook"))


def test_a_play_has_the_scores_and_features_with_which_labels_are_learned(folder, tmp_path):
    end = number(on(20).date())
    played = read_play(play("binned", folder, end, tmp_path))
    application = load(read_settings(model="binned"))
    replay = Replay(application)
    rows = (row for row in open_dataset(folder / FILE) if row.event.at < end * DAY_MS)
    examples = [learned.example for learned in replay.run(recorded(application, rows, 7 * DAY_MS))]
    assert len(played.scores) == len(played.x) == replay.decided > len(examples) > 0
    for score, x, example in zip(played.scores, played.x, examples, strict=False):
        assert score == example.score
        given = [example.x.get(name, np.nan) for name in GRIDS]
        np.testing.assert_array_equal(x, np.array(given, dtype=np.float32))


def test_a_play_is_kept_for_the_next_time_but_not_for_another_end(folder, tmp_path):
    first = play("logistic", folder, number(on(3).date()), tmp_path)
    made = first.stat().st_mtime_ns
    assert play("logistic", folder, number(on(3).date()), tmp_path) == first
    assert first.stat().st_mtime_ns == made
    assert play("logistic", folder, number(on(4).date()), tmp_path) != first


def test_the_whole_benchmark_runs_and_says_all_in_json(folder, tmp_path):
    path = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks.handbook", "--data", str(folder)]
    done = subprocess.run(
        [*command, "--weeks", "test", "--json", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    assert found["weeks"] == ["2018-07-18", "2018-07-25", "2018-08-01", "2018-08-08"]
    assert len(found["models"]) == 4
    for model in found["models"].values():
        assert model["mean"]["average_precision"] == pytest.approx(
            np.mean([week["average_precision"] for week in model["by_week"]])
        )
    assert [len(chapter["models"]) for chapter in found["chapters"]] == [4, 3, 3]
    assert all(title in done.stdout for title in chain(found["models"], found["seconds"]))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--data", "nowhere"], "must name the folder"),
        (["--weeks", "test", "--tune"], "validation weeks alone"),
        (["--models", "oracle"], "invalid choice: 'oracle'"),
    ],
    ids=["data", "tune", "model"],
)
def test_what_cannot_be_done_is_said_in_a_sentence(folder, given, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        arguments(["--data", str(folder), *given])
    assert says in capsys.readouterr().err
