"""The guard ends the process when its loop has stalled, and leaving says why in one line."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from app.runtime.guard import STALL_SHARE, Exit, Guard
from app.runtime.mark import FENCE_MARK

TIMEOUT = 10.0
LIMIT = STALL_SHARE * TIMEOUT

LEAVE = """
import atexit, logging, sys
from app.runtime.guard import Exit, leave
logging.basicConfig(stream=sys.stderr, format="%(message)s")
atexit.register(print, "cleaned up")
leave(Exit.PRODUCE, "the broker refused a batch")
"""

STALL = """
import logging, sys
from pathlib import Path
from app.runtime.guard import Guard
logging.basicConfig(stream=sys.stderr, format="%(message)s")
now = 0.0
guard = Guard(10.0, Path(sys.argv[1]), clock=lambda: now)
for now in map(float, sys.argv[2:]):
    guard.check()
print("alive")
"""

STOPPED_LOOP = """
import asyncio, logging, sys, time
from pathlib import Path
from app.runtime.guard import Guard
logging.basicConfig(stream=sys.stderr, format="%(message)s")

async def main():
    Guard(0.5, Path(sys.argv[1])).start(asyncio.get_running_loop())
    await asyncio.sleep(0)
    time.sleep(60)

asyncio.run(main())
"""


LATE_STOP = """
import logging, sys, time
from pathlib import Path
from app.runtime.guard import Guard
logging.basicConfig(stream=sys.stderr, format="%(message)s")
Guard(10.0, Path(sys.argv[1])).stop_within(0.1)
time.sleep(60)
"""

GUARDED = """
import sys
from pathlib import Path
from app.runtime.guard import Exit, Guard
Guard(10.0, Path(sys.argv[1])).leave(Exit[sys.argv[2]], "so")
"""

BLOCKED = """
import logging, os, sys, threading
from app.runtime.guard import Exit, leave
reader, writer = os.pipe()  # nobody reads what is logged
logging.basicConfig(stream=os.fdopen(writer, "w"))
os.set_blocking(writer, True)
leave(Exit.PRODUCE, "x" * (1 << 20))
"""


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_leaving_says_why_in_one_line_and_cleans_nothing_up():
    left = run(LEAVE)
    assert left.returncode == Exit.PRODUCE == 73
    assert left.stderr == "Leaving with code 73 (produce): the broker refused a batch\n"
    assert left.stdout == ""


def test_exit_codes_are_told_apart_from_those_of_python_and_signals():
    assert len(set(Exit)) == len(Exit)
    assert all(64 < code < 128 for code in Exit)


def test_a_stalled_process_leaves_and_marks_its_state(tmp_path: Path):
    left = run(STALL, tmp_path / "data", 3.0, 6.1)
    assert left.returncode == Exit.FENCE
    assert left.stderr.count("\n") == 1
    assert "stalled for more than 6.0 s" in left.stderr
    assert (tmp_path / "data" / FENCE_MARK).exists()


def test_a_pause_up_to_the_limit_is_none(tmp_path: Path):
    left = run(STALL, tmp_path / "data", 3.0, LIMIT)
    assert (left.returncode, left.stdout) == (0, "alive\n")
    assert not (tmp_path / "data").exists()


def test_a_thread_sees_that_the_loop_stands_still(tmp_path: Path):
    left = run(STOPPED_LOOP, tmp_path)
    assert left.returncode == Exit.FENCE
    assert (tmp_path / FENCE_MARK).exists()


async def test_a_loop_that_goes_on_moves_the_mark(tmp_path: Path):
    now = 0.0
    guard = Guard(TIMEOUT, tmp_path, clock=lambda: now)
    guard.start(asyncio.get_running_loop())
    try:
        for beat in range(1, 4):
            now = beat * 0.9 * LIMIT
            async with asyncio.timeout(10):
                while guard.last < now:
                    await asyncio.sleep(0.01)
            guard.check()
    finally:
        guard.stop()
    assert not (tmp_path / FENCE_MARK).exists()


def test_a_stop_that_does_not_end_is_ended_and_trusts_its_state(tmp_path: Path):
    left = run(LATE_STOP, tmp_path)
    assert left.returncode == Exit.STOP
    assert left.stderr.count("\n") == 1
    assert not (tmp_path / FENCE_MARK).exists()


@pytest.mark.parametrize("code", Exit)
def test_only_doubt_in_the_local_state_marks_it(tmp_path: Path, code: Exit):
    assert run(GUARDED, tmp_path, code.name).returncode == code
    assert (tmp_path / FENCE_MARK).exists() is (code in (Exit.FENCE, Exit.DAMAGED))


def test_leaving_does_not_wait_for_who_reads_the_log():
    assert run(BLOCKED).returncode == Exit.PRODUCE
