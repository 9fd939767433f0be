"""An engine's process, as the harness sees it from outside."""

import contextlib
import sys
from pathlib import Path
from typing import NamedTuple

import psutil

from app.stream.child import Child
from benchmarks.engines.job import Job, arguments

ROOT = Path(__file__).parents[2]
PATIENCE = 15.0  # seconds that an engine may take to stop


class EngineError(Exception):
    """An engine did not do its work; the sentence says where its log is."""


class Use(NamedTuple):
    """Processor time in seconds since the start, all threads, and resident memory in bytes."""

    cpu: float
    rss: int


class Process:
    """A command with a log; it never outlives the harness."""

    def __init__(self, module: str, job: Job) -> None:
        directory = Path(job.directory)
        self.log = directory / "log"
        command = [
            "env",
            f"PYTHONPATH={ROOT}",
            sys.executable,
            "-m",
            f"benchmarks.engines.{module}",
            *arguments(job),
        ]
        self.child = Child(command, directory, self.log)
        self.process = psutil.Process(self.child.pid)

    def use(self) -> Use:
        """What it has used. A process that has ended has no memory any more.

        Raises
        ------
        EngineError
            It failed.
        """
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie is one for some calls
            times = self.process.cpu_times()
            with contextlib.suppress(psutil.ZombieProcess):
                return Use(times.user + times.system, self.process.memory_info().rss)
            return Use(times.user + times.system, 0)
        raise self.error("ended")

    def check(self, job: Job) -> None:
        """Raise EngineError if it has ended without being done."""
        if self.process.status() == psutil.STATUS_ZOMBIE and not job.done.exists():
            raise self.error("ended")

    def error(self, what: str) -> EngineError:
        """What happened to it, with the last lines of its log."""
        last = self.log.read_text(errors="replace").strip().splitlines()[-3:]
        return EngineError(f"{what}: {' / '.join(last)}")

    async def stop(self) -> None:
        """End it; what it still has to store it stores."""
        await self.child.stop(PATIENCE)


def size(directory: Path) -> int:
    """Bytes of all files below a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
