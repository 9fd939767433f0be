import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from app.broker.child import Child
from tests.broker.clients import until

SLEEPER = [sys.executable, "-c", "print('here', flush=True); import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('here', flush=True); time.sleep(600)",
]
OWNER = """
import signal, sys
from pathlib import Path
from app.broker.child import Child
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
child = Child(sys.argv[2:], Path(sys.argv[1]), Path(sys.argv[1]) / "log")
print(child.pid, flush=True)
sys.stdin.read()
"""


async def has_written(log: Path) -> None:
    await until(lambda: log.exists() and b"here" in log.read_bytes())


def group(pid: int) -> list[int]:
    """Pids of the running processes in a group; a zombie does not count."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process.pid)
    return members


async def has_no_process(pid: int) -> None:
    await until(lambda: not group(pid))


async def test_its_output_and_errors_are_appended_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    child = Child(["sh", "-c", "pwd; echo wrong >&2; exit 3"], tmp_path, log)
    assert await child.wait() == 3
    child.kill()
    assert log.read_text() == f"before\n{tmp_path}\nwrong\n"


async def test_it_has_the_commands_pid_and_a_session_of_its_own(tmp_path: Path) -> None:
    child = Child(SLEEPER, tmp_path, tmp_path / "log")
    try:
        await has_written(tmp_path / "log")
        assert psutil.Process(child.pid).cmdline() == SLEEPER
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
    finally:
        child.kill()


async def test_stop_ends_it_with_sigterm_and_leaves_no_process(tmp_path: Path) -> None:
    child = Child(SLEEPER, tmp_path, tmp_path / "log")
    await has_written(tmp_path / "log")
    await child.stop(20.0)
    assert await child.wait() == -signal.SIGTERM
    assert not child.running
    await has_no_process(child.pid)


async def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    child = Child(STUBBORN, tmp_path, tmp_path / "log")
    await has_written(tmp_path / "log")
    await child.stop(0.1)
    assert await child.wait() == -signal.SIGKILL
    await has_no_process(child.pid)


async def test_stop_kills_when_it_is_cancelled(tmp_path: Path) -> None:
    child = Child(STUBBORN, tmp_path, tmp_path / "log")
    await has_written(tmp_path / "log")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await child.stop(600.0)
    await has_no_process(child.pid)


async def test_kill_may_come_twice_and_after_its_end(tmp_path: Path) -> None:
    child = Child(["true"], tmp_path, tmp_path / "log")
    assert await child.wait() == 0
    child.kill()
    child.kill()
    await child.stop(1.0)
    await has_no_process(child.pid)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
async def test_it_ends_when_its_owner_ends(tmp_path: Path, end: signal.Signals) -> None:
    pipe = asyncio.subprocess.PIPE
    arguments = [sys.executable, "-c", OWNER, str(tmp_path), *STUBBORN]
    owner = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe)
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    await has_written(tmp_path / "log")
    assert group(pid) != []
    owner.send_signal(end)
    await owner.wait()
    await has_no_process(pid)
