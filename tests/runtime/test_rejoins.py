"""A worker that keeps losing its place leaves; one that joins often does not."""

import subprocess
import sys

import pytest

from app.runtime.guard import Exit
from app.runtime.rejoins import JOINS, LOSSES, WINDOW

SESSION = 10.0
PROGRAM = """
import sys
from app.runtime.guard import leave
from app.runtime.rejoins import Rejoins
now = 0.0
rejoins = Rejoins(10.0, leave, clock=lambda: now)
for word in sys.argv[1:]:
    what, _, at = word.partition("@")
    now = float(at or now)
    getattr(rejoins, what)()
"""


def lost(every: float) -> list[str]:
    return [f"lost@{n * every}" for n in range(LOSSES)]


@pytest.mark.parametrize(
    ("story", "code"),
    [
        pytest.param(lost(SESSION), Exit.REJOINS, id="lost again and again"),
        pytest.param(lost(WINDOW * SESSION), 0, id="lost once in a long while"),
        pytest.param(["joined", "recovered"] * 2 * JOINS, 0, id="a long rolling restart"),
        pytest.param(["joined"] * (JOINS + 1), Exit.REJOINS, id="joins that come to nothing"),
    ],
)
def test_rejoins(story: list[str], code: int):
    left = subprocess.run(
        [sys.executable, "-c", PROGRAM, *story], capture_output=True, text=True, timeout=30
    )
    assert left.returncode == code, left.stderr
    assert left.stderr.count("Leaving with code") == (code != 0)
