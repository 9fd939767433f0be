"""The benchmarks of the parts: each runs, and what they measure becomes a table."""

import json
import re
import subprocess
import sys
from pathlib import Path

import benchmarks.parts
from app.core.models.zoo import ZOO
from app.streams.fraud.extract import FILLS
from app.streams.fraud.features import SETS
from benchmarks.parts.__main__ import Parts, read, tables, whole

FOLDER = Path(benchmarks.parts.__file__).parent


def test_every_part_runs_once():
    command = [sys.executable, "-m", "pytest", FOLDER, "--benchmark-disable", "-q"]
    run = subprocess.run([*command, "-p", "no:cacheprovider"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"^(\d+) passed in", run.stdout, re.MULTILINE)
    assert passed is not None, run.stdout
    assert int(passed[1]) > 9 * len(SETS) + len(FILLS) + 3 * len(ZOO)


def part(group: str, name: str, seconds: float, **info: float) -> dict[str, object]:
    """A part as pytest-benchmark writes it, with rounds of 100 calls."""
    info = {"part": name, "rows": 100, **info}
    return {"group": group, "extra_info": info, "stats": {"min": seconds, "median": 2 * seconds}}


SET = [
    part("fraud-full", "features", 1e-3),
    part("fraud-full", "score: own and shared model", 2e-3),
    part("fraud-full", "merchant: view", 3e-3),
    part("fraud-full", "explanation, where it is held back", 5e-3, share=0.02),
    part("fraud-full", "learn: own and shared model", 4e-4),
    part("fraud-full", "merchant: learn", 5e-4),
]


def parts(folder: Path, *found: dict[str, object]) -> Parts:
    """What is read from a file of these parts."""
    file = folder / "parts.json"
    file.write_text(json.dumps({"benchmarks": found}))
    return read(file)


def test_a_round_is_shared_out_among_its_calls(tmp_path):
    *_, row, end = tables(parts(tmp_path, part("with any set", "rules", 1e-3)))
    assert (row, end) == ("| rules | 10.0 | 20.0 |", "")


def test_the_zoo_has_one_row_a_model(tmp_path):
    zoo = [part(group, "binned", 1e-3 * n) for n, group in enumerate(("score", "learn", "explain"))]
    assert "| binned | 0.0 | 10.0 | 20.0 |" in list(tables(parts(tmp_path, *zoo)))
    assert not list(tables(parts(tmp_path, *zoo[:2])))  # not a whole row


def test_an_explanation_counts_for_the_transactions_that_have_one(tmp_path):
    line = whole(parts(tmp_path, *SET)["fraud-full"])
    assert "features 10.0 + score 20.0 + learn 4.0 + merchants 35.0 = 69.0 µs" in line
    assert "2.0% of them: 70.0 µs" in line
