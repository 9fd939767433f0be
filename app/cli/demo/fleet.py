"""The demo's workers: processes of their own, asked over their web views."""

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NoReturn

import aiohttp

from app.broker.child import Child
from app.broker.ports import HOST, PORTS, is_free
from app.errors import WorkerError
from app.settings import Settings

COMMAND = (sys.executable, "-m", "app", "worker")
READY = 60.0  # seconds within which all of them must be ready
ANSWER = aiohttp.ClientTimeout(total=10.0)
POLL = 0.05  # seconds between two looks at what takes long
GLANCE = 0.002  # and at what is expected at once


class Member:
    """One worker: its process, its log, the address of its web views."""

    def __init__(self, name: str, settings: Settings, port: int, directory: Path) -> None:
        self.name, self.log = name, directory / f"{name}.log"
        self.url = f"http://{HOST}:{port}"
        told = {
            "BROKERS": settings.brokers,
            "REPLICATION": settings.replication,
            "DATA_DIR": directory / name,
            "INSTANCE_ID": "",
            "WEB_HOST": HOST,
            "WEB_PORT": port,
            "ADVERTISED_URL": self.url,
            # Workers run in a folder of their own.
            "FIELDS": Path(settings.fields).absolute() if settings.fields else "",
        }
        env = [f"WEIR_{key}={value}" for key, value in told.items()]
        self.child = Child(["env", *env, *COMMAND], directory, self.log)

    async def watch(self) -> NoReturn:
        """Never return: raise when it ends by itself."""
        status = await self.child.wait()
        raise WorkerError(f"{self.name} left with exit code {status} (log: {self.log})")

    @property
    def cpu_seconds(self) -> float:
        """Processor time it has used so far; 0 where the system has no /proc."""
        try:
            stat = Path(f"/proc/{self.child.pid}/stat").read_text()
        except OSError:
            return 0.0
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Fleet:
    """The workers of one demo, one for each port."""

    def __init__(self, settings: Settings, ports: Sequence[int], directory: Path) -> None:
        self.settings, self.ports, self.directory = settings, ports, directory
        self.members: list[Member] = []
        self._http: aiohttp.ClientSession

    async def start(self) -> None:
        """Start the processes; `stop` has to follow."""
        self._http = aiohttp.ClientSession(timeout=ANSWER)
        for number, port in enumerate(self.ports, 1):
            self.members.append(Member(f"worker-{number}", self.settings, port, self.directory))

    async def stop(self, patience: float) -> None:
        """End them, by force after `patience` seconds."""
        await self._http.close()
        await asyncio.gather(*(member.child.stop(patience) for member in self.members))

    async def ready(self) -> None:
        """Wait until every worker judges and learns. Raises WorkerError after `READY`."""
        try:
            async with asyncio.timeout(READY):
                for member in self.members:
                    while not await self._is_ready(member):
                        await asyncio.sleep(POLL)
        except TimeoutError:
            raise WorkerError(
                f"{member.name} was not ready within {READY:.0f} s (log: {member.log})"
            ) from None

    async def watch(self) -> None:
        """Never return: raise WorkerError as soon as one of them has ended."""
        await asyncio.gather(*(member.watch() for member in self.members))

    async def reaches(self, version: int) -> None:
        """Wait until every worker has folded the examples below `version`."""
        for member in self.members:
            while await self._version(member) < version:
                await asyncio.sleep(GLANCE)

    def cpu_seconds(self) -> float:
        """Processor time that the workers have used since their start."""
        return sum(member.cpu_seconds for member in self.members)

    async def _version(self, member: Member) -> int:
        async with self._http.get(f"{member.url}/status") as response:
            response.raise_for_status()
            return (await response.json())["learning"]["version"]

    async def _is_ready(self, member: Member) -> bool:
        try:
            async with self._http.get(f"{member.url}/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


def choose_ports(count: int, first: int | None) -> list[int]:
    """Free ports for web views, `first` in front if that is given.

    Raises
    ------
    WorkerError
        `first` is taken, or there are not enough.
    """
    if first is not None and not is_free(first):
        raise WorkerError(f"port {first} of {HOST} is not free; choose another with --web-port")
    free = (port for port in random.sample(PORTS, len(PORTS)) if port != first and is_free(port))
    ports = ([] if first is None else [first]) + list(islice(free, count - (first is not None)))
    if len(ports) < count:
        raise WorkerError(f"{HOST} has no {count} free ports from {PORTS[0]} to {PORTS[-1]}")
    return ports
