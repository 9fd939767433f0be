"""The workers of a run, and what stands in for Kubernetes: who leaves is started again."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout

from app.settings import Settings
from tests.system.workers import WorkerProcess

POLL = 0.1  # seconds
DECIDED = re.compile(r"^weir_decisions(?:_repeated)?_total(?:\{.*\})? (\S+)$", re.MULTILINE)
LAG = re.compile(r"^weir_learning_lag (\S+)$", re.MULTILINE)
DISK = "128m"  # size of a small disk
CLEAN_STOP = 15.0  # seconds


class Invalid(Exception):
    """A run that proves nothing: no load while a fault was mended, or no way to strike it."""


class Stuck(Exception):
    """The workers did not come back to work."""


class Supervised(WorkerProcess):
    """A worker process that is to run, or not, and how its lives have ended."""

    module = ("tests.chaos.worker",)

    def __init__(self, settings: Settings, directory: Path, name: str, leave_out: str) -> None:
        super().__init__(settings, directory, name)
        self.name = name
        self.clock, self.learned = directory / f"{name}.clock", directory / f"{name}.learned"
        self.environment = {
            "CHAOS_CLOCK": str(self.clock),
            "CHAOS_LEARNED": str(self.learned),
            "CHAOS_LEAVE_OUT": leave_out,
        }
        self.wanted = False
        self.mounted = False

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.running

    def start(self) -> None:
        """Start it, and let it be started again whenever it leaves."""
        super().start()
        self.wanted = True

    def kill(self) -> None:
        """SIGKILL; it stays down until it is started."""
        self.wanted = False
        super().kill()

    async def terminate(self) -> int:
        """SIGTERM, as Kubernetes does before it starts another; the exit code."""
        self.wanted = False
        return await self.stop()

    def signal(self, number: int) -> None:
        assert self.child is not None
        if self.child.running:
            os.kill(self.child.pid, number)

    def jump(self, seconds: int) -> None:
        """Set its clock wrong by so many seconds."""
        self.clock.write_text(str(seconds))
        self.signal(signal.SIGUSR1)

    def wipe(self) -> None:
        """Remove its local state; the directory stays, it may be a mount."""
        for path in self.data.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def mount(self) -> bool:
        """Give it a small disk of its own, where this system lets us."""
        self.data.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "weir-chaos", str(self.data)]
        self.mounted = subprocess.run(command, capture_output=True).returncode == 0
        return self.mounted

    def unmount(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.data)], check=True)


class Fleet:
    """All workers of a run."""

    def __init__(self, workers: list[Supervised]) -> None:
        self.workers = workers
        self.exits: Counter[int] = Counter()  # of workers that left by themselves
        self.unclean: list[str] = []  # stops that were not as they should be
        self._session = ClientSession(timeout=ClientTimeout(total=2))

    @property
    def running(self) -> list[Supervised]:
        return [worker for worker in self.workers if worker.wanted]

    async def watch(self) -> None:
        """Start again whoever left without being told to, and note the code."""
        while True:
            for worker in self.running:
                assert worker.child is not None
                if not worker.child.running:
                    self.exits[await worker.child.wait()] += 1
                    worker.start()
            await asyncio.sleep(POLL)

    async def ready(self) -> bool:
        """Whether every worker that is to run says that it is ready."""
        return all([await self._asked(worker, "/readyz") is not None for worker in self.running])

    async def decided(self) -> dict[str, float]:
        """How many decisions each worker that runs has made or repeated since its start."""
        found = {}
        for worker in self.running:
            text = await self._asked(worker, "/metrics")
            if text is not None:
                found[worker.name] = sum(map(float, DECIDED.findall(text)))
        return found

    async def level(self) -> bool:
        """Whether every worker that runs has learned the whole log."""
        texts = [await self._asked(worker, "/metrics") for worker in self.running]
        lags = [float(lag) for text in texts for lag in LAG.findall(text or "")]
        return len(lags) == len(texts) and not any(lags)

    async def all_work(self, within: float) -> None:
        """Return once all workers are ready and each has decided something since.

        Raises
        ------
        Stuck
            That did not come to be within so many seconds.
        """
        began = time.monotonic()
        while time.monotonic() - began < within:
            if await self.ready():
                before = await self.decided()
                if await self._advanced(before, began + within):
                    return
            await asyncio.sleep(POLL)
        raise Stuck(f"lost: not all workers worked again within {within:.0f} s")

    async def _advanced(self, before: dict[str, float], until: float) -> bool:
        while time.monotonic() < until:
            now = await self.decided()
            if now.keys() != before.keys() or any(now[name] < before[name] for name in now):
                return False  # somebody was started anew meanwhile
            if all(now[name] > before[name] for name in now):
                return True
            await asyncio.sleep(POLL)
        return False

    async def stop(self) -> None:
        """Stop all workers cleanly, one after another; note what was not clean."""
        for worker in self.running:
            began, said = time.monotonic(), worker.log.stat().st_size
            try:
                code = await worker.terminate()
            except TimeoutError:
                self.unclean.append(f"{worker.name} did not stop")
                continue
            if code != 0:
                self.unclean.append(f"{worker.name} stopped with code {code}")
            if (took := time.monotonic() - began) > CLEAN_STOP:
                self.unclean.append(f"{worker.name} took {took:.1f} s to stop")
            if b"Traceback" in worker.log.read_bytes()[said:]:
                self.unclean.append(f"{worker.name} left a traceback")

    def learned(self) -> dict[str, dict]:
        """Version and digest that each cleanly stopped worker has told."""
        return {
            worker.name: json.loads(worker.learned.read_text())
            for worker in self.workers
            if worker.learned.exists()
        }

    async def close(self) -> None:
        """Leave no process and no mount behind."""
        await self._session.close()
        for worker in self.workers:
            if worker.child is not None:
                worker.kill()
            worker.unmount()

    async def _asked(self, worker: Supervised, path: str) -> str | None:
        try:
            async with self._session.get(worker.url + path) as response:
                return await response.text() if response.status == 200 else None
        except (ClientError, TimeoutError):
            return None


@asynccontextmanager
async def fleet(settings: Settings, directory: Path, count: int, leave_out: str) -> AsyncIterator:
    """A fleet of workers, none started yet; whatever happens, none is left."""
    names = [f"worker-{n}" for n in range(count)]
    made = Fleet([Supervised(settings, directory, name, leave_out) for name in names])
    try:
        yield made
    finally:
        await made.close()
