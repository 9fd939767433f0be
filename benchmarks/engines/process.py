"""An engine's process, as the harness sees it from outside."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from app.broker.child import Child

ROOT = Path(__file__).parents[2]
PATIENCE = 15.0  # seconds that an engine may take to stop


class EngineError(Exception):
    """An engine did not do its work; the sentence says where its log is."""


class Use(NamedTuple):
    """Processor time in microseconds an event, events a second, and most memory in bytes."""

    cpu_us: float
    events_per_s: float
    rss: int


class Process:
    """A Python module with a log; it never outlives the harness.

    Parameters
    ----------
    module: its name, and its arguments.
    directory: where it runs, and where its log lies.
    environment: variables beside those of this process.
    """

    def __init__(
        self, module: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> None:
        self.log = directory / "log"
        variables = {"PYTHONPATH": str(ROOT), **environment}
        env = [f"{name}={value}" for name, value in variables.items()]
        self.child = Child(["env", *env, sys.executable, "-m", *module], directory, self.log)
        self.process = psutil.Process(self.child.pid)

    def cpu(self) -> float:
        """Seconds of processor time since its start, all its threads together."""
        times = self.process.cpu_times()
        return times.user + times.system

    def rss(self) -> int:
        """Resident memory, bytes."""
        return self.process.memory_info().rss

    def check(self) -> None:
        """Raise EngineError if it has ended."""
        if not self.process.is_running() or self.process.status() == psutil.STATUS_ZOMBIE:
            raise self.error("ended")

    def error(self, what: str) -> EngineError:
        """What happened to it, with the last lines of its log."""
        last = self.log.read_text(errors="replace").strip().splitlines()[-3:]
        return EngineError(f"{what}: {' / '.join(last)}")

    async def stop(self) -> None:
        """End it; what it still has to store it stores."""
        await self.child.stop(PATIENCE)


class Stopwatch:
    """Processor time and wall time of a process since `start`, and most memory that was seen."""

    def __init__(self, process: Process) -> None:
        self.process, self.rss = process, 0
        self.start()

    def start(self) -> None:
        """Begin to measure."""
        self.began, self.before = time.monotonic(), self.process.cpu()

    def look(self) -> None:
        """Note its memory. Raises EngineError if it has ended."""
        self.process.check()
        self.rss = max(self.rss, self.process.rss())

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def cpu(self) -> float:
        """Seconds of processor time."""
        return self.process.cpu() - self.before

    def use(self, events: int) -> Use:
        """What so many events took."""
        return Use(self.cpu() / events * 1e6, events / self.seconds(), self.rss)


def size(directory: Path) -> int:
    """Bytes of all files below a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
