"""The faults: each a few lines that harm a running fleet, and then leave it to mend itself."""

import asyncio
import errno
import os
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos.fleet import Fleet, Supervised

BALLAST = "ballast"
BLOCK = b"\0" * (1 << 20)
HOUR = 3600


@dataclass
class Scene:
    """What a fault may harm. `broker` is a Broker, or a Cluster of three."""

    fleet: Fleet
    broker: Any
    session: float  # the group's session timeout, seconds
    random: random.Random

    def anyone(self) -> Supervised:
        """A worker that runs."""
        return self.random.choice(self.fleet.running)

    async def down(self, least: float = 0.5, most: float = 4.0) -> None:
        """Let some time pass in which a process is not there: how long is part of the fault."""
        await asyncio.sleep(self.random.uniform(least, most))


class Fault(NamedTuple):
    """A fault by name. `needs` is nothing, a cluster, or a small disk under worker-0."""

    name: str
    sentence: str
    strike: Callable[[Scene], Awaitable[None]]
    needs: str = ""


async def term(scene: Scene) -> None:
    worker = scene.anyone()
    await _terminate(scene, worker)
    await scene.down()
    worker.start()


async def kill(scene: Scene) -> None:
    worker = scene.anyone()
    worker.kill()
    await scene.down()
    worker.start()


async def stop_short(scene: Scene) -> None:
    await _pause(scene.anyone(), 0.35 * scene.session)


async def stop_long(scene: Scene) -> None:
    await _pause(scene.anyone(), scene.session * scene.random.uniform(1.3, 1.6))


async def scale(scene: Scene) -> None:
    _, *others = scene.fleet.running
    for worker in others:
        await _terminate(scene, worker)
    await scene.fleet.all_work(60)
    for worker in others:
        worker.start()


async def all_killed(scene: Scene) -> None:
    workers = scene.fleet.running
    for worker in workers:
        worker.kill()
    await scene.down()
    for worker in workers:
        worker.start()


async def wipe(scene: Scene) -> None:
    worker = scene.anyone()
    worker.kill()
    worker.wipe()
    await scene.down()
    worker.start()


async def truncate(scene: Scene) -> None:
    worker = scene.anyone()
    worker.kill()
    for path in _some_files(worker, scene.random):
        os.truncate(path, scene.random.randrange(path.stat().st_size))
    worker.start()


async def flip(scene: Scene) -> None:
    worker = scene.anyone()
    worker.kill()
    for path in _some_files(worker, scene.random):
        _flip(path, scene.random)
    worker.start()


async def disk_full(scene: Scene) -> None:
    worker = scene.fleet.workers[0]
    ballast = worker.data / BALLAST
    try:
        _fill(ballast)
        await scene.down(4.0, 8.0)
    finally:
        ballast.unlink(missing_ok=True)


async def clock(scene: Scene) -> None:
    worker = scene.anyone()
    worker.jump(scene.random.choice((-HOUR, -60, 60, HOUR)))
    await scene.down(3.0, 5.0)
    worker.jump(0)


async def broker_term(scene: Scene) -> None:
    await scene.broker.restart()


async def broker_kill(scene: Scene) -> None:
    scene.broker.kill()
    await scene.down(1.0, 5.0)
    await scene.broker.restart()


async def node_kill(scene: Scene) -> None:
    node = scene.random.choice(list(scene.broker.numbers))
    scene.broker.kill(node)
    await scene.down(4.0, 8.0)
    await scene.broker.restart(node)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("term", "SIGTERM to a worker, another start", term),
        Fault("kill", "SIGKILL of a worker", kill),
        Fault("stop-short", "SIGSTOP of a worker, shorter than the session timeout", stop_short),
        Fault("stop-long", "SIGSTOP of a worker, longer than the session timeout", stop_long),
        Fault("scale", "all workers but one stopped, then started: 3 -> 1 -> 3", scale),
        Fault("all-killed", "SIGKILL of all workers at once", all_killed),
        Fault("wipe", "SIGKILL of a worker, its state directory wiped", wipe),
        Fault("truncate", "SIGKILL of a worker, some of its files cut", truncate),
        Fault("flip", "SIGKILL of a worker, a bit flipped in some of its files", flip),
        Fault("disk-full", "a worker's disk full for some seconds", disk_full, "disk"),
        Fault("clock", "a worker's clock jumps and jumps back", clock),
        Fault("broker-term", "SIGTERM to the broker, another start", broker_term, "one broker"),
        Fault("broker-kill", "SIGKILL of the broker", broker_kill, "one broker"),
        Fault("node-kill", "SIGKILL of one of three brokers", node_kill, "three brokers"),
    )
}


async def _terminate(scene: Scene, worker: Supervised) -> None:
    code = await worker.terminate()
    if code != 0:
        scene.fleet.unclean.append(f"{worker.name} stopped with code {code}")


async def _pause(worker: Supervised, seconds: float) -> None:
    worker.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        worker.signal(signal.SIGCONT)


def _some_files(worker: Supervised, chance: random.Random) -> list[Path]:
    """Up to five files of a worker's RocksDBs that hold something."""
    found = [
        path
        for path in sorted(worker.data.rglob("*"))
        if path.is_file() and path.stat().st_size and path.name not in ("LOCK", "CURRENT")
    ]
    return chance.sample(found, min(len(found), 5))


def _flip(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        place = chance.randrange(path.stat().st_size)
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))


def _fill(path: Path) -> None:
    """Write until the disk takes no more."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(BLOCK)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
