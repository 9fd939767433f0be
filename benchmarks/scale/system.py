"""A broker with Weir's topics, workers on it, and what a benchmark has to wait for."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import psutil
from aiokafka import TopicPartition

from app.apps import set_up
from app.broker.broker import Broker
from app.cli.demo.fleet import Fleet, Member, choose_ports
from app.errors import WorkerError
from app.runtime.reading import reader
from app.runtime.writer import Writers
from app.serving.publish import Publisher
from app.settings import Settings, read_settings

POLL = 0.02  # seconds between two looks
STOP = 30.0  # seconds that a worker may take to stop
PATIENCE = 600.0  # seconds for anything that is waited for
LAST_LINES = 5  # of a worker's log, in an error


class System:
    """A running broker whose topics exist, and a producer.

    `directory` holds the broker's data, and the local state of each worker.
    """

    def __init__(self, settings: Settings, directory: Path, writers: Writers) -> None:
        self.settings, self.directory, self.writers = settings, directory, writers
        self.names = set_up(settings).topics
        self.publisher = Publisher(set_up(settings), writers)

    @asynccontextmanager
    async def counting(self, topic: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
        """A function that asks how many records were ever written to a topic."""
        count = 1 if topic == self.names.examples else self.settings.partitions
        tps = [TopicPartition(topic, partition) for partition in range(count)]
        async with reader(self.settings.brokers, *tps) as consumer:

            async def length() -> int:
                return sum((await consumer.end_offsets(tps)).values())

            yield length

    async def length(self, topic: str) -> int:
        """Records that were ever written to a topic."""
        async with self.counting(topic) as length:
            return await length()

    @asynccontextmanager
    async def workers(self, count: int) -> AsyncIterator["Workers"]:
        """So many workers, started, and stopped at the end; local state of earlier ones stays."""
        fleet = Fleet(self.settings, choose_ports(count, None), self.directory)
        await fleet.start()
        try:
            async with aiohttp.ClientSession() as http:
                yield Workers(self, fleet, http)
        finally:
            await fleet.stop(STOP)


class Workers:
    """Running workers: their readiness, processor time, memory and files."""

    def __init__(self, system: System, fleet: Fleet, http: aiohttp.ClientSession) -> None:
        self.system, self.fleet, self.http = system, fleet, http
        self.begun = time.monotonic()

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait until something holds.

        Raises
        ------
        WorkerError
            A worker left, or it took longer than `PATIENCE`; the end of a log is in its text.
        """
        late = time.monotonic() + PATIENCE
        while not await holds():
            for member in self.fleet.members:
                if not member.child.running:
                    raise WorkerError(f"{member.name} left: {last_lines(member.log)}")
            if time.monotonic() > late:
                log = last_lines(self.fleet.members[0].log)
                raise WorkerError(f"{what}: not within {PATIENCE:.0f} s: {log}")
            await asyncio.sleep(POLL)

    async def ready(self) -> float:
        """Wait until all are ready and every partition is held; seconds since the start."""
        await self.until(self._share_all, "the workers were to become ready")
        return time.monotonic() - self.begun

    async def reach(self, topic: str, wanted: int) -> None:
        """Wait until a topic has so many records."""
        async with self.system.counting(topic) as length:

            async def holds() -> bool:
                return await length() >= wanted

            await self.until(holds, f"{topic} was to have {wanted} records")

    def cpu_seconds(self) -> float:
        """Processor time of all of them since their start."""
        return self.fleet.cpu_seconds()

    def waited_seconds(self) -> float:
        """Time for which their main threads had work and no processor; 0 without /proc."""
        return sum(waited_seconds(member.child.pid) for member in self.fleet.members)

    def rss(self) -> int:
        """Resident memory of all of them, bytes."""
        return sum(psutil.Process(m.child.pid).memory_info().rss for m in self.fleet.members)

    async def _share_all(self) -> bool:
        held = [await self._held(member) for member in self.fleet.members]
        return all(held) and sum(held) == self.system.settings.partitions

    async def _held(self, member: Member) -> int:
        """Partitions of a worker that is ready, else 0."""
        try:
            async with self.http.get(f"{member.url}/status") as response:
                status: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, TimeoutError):
            return 0
        return len(status["partitions"]) if status["ready"] else 0


@asynccontextmanager
async def system(partitions: int) -> AsyncIterator[System]:
    """A fresh broker in a temporary directory; workers get the same settings."""
    with TemporaryDirectory(prefix="weir-bench-") as place, environment(WEIR_PARTITIONS=partitions):
        async with Broker(Path(place) / "kafka") as broker:
            settings = read_settings(brokers=broker.bootstrap)
            await set_up(settings).create_topics()
            writers = Writers(settings.brokers)
            await writers.start()
            try:
                yield System(settings, Path(place), writers)
            finally:
                await writers.stop()


@contextmanager
def environment(**values: object) -> Iterator[None]:
    """Variables of this process and of those that it starts, until the end of the block."""
    before = dict(os.environ)
    os.environ.update({name: str(value) for name, value in values.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder. Those that a running worker removes meanwhile are 0."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def waited_seconds(pid: int) -> float:
    """Time for which a process's main thread was runnable and did not run; 0 without /proc.

    References
    ----------
    https://docs.kernel.org/scheduler/sched-stats.html
    """
    try:
        _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except OSError:
        return 0.0
    return int(waited) / 1e9


def last_lines(log: Path) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
