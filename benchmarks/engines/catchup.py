"""One engine works off a log that was there before it started."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engines.job import Job
from benchmarks.engines.log import PARTITIONS, Log
from benchmarks.engines.peers import Engine, from_changelog, from_snapshots
from benchmarks.engines.process import EngineError, Process, size
from benchmarks.engines.work import Expected

POLL = 0.01  # seconds between two looks
PATIENCE = 180.0  # seconds for one run


@dataclass(frozen=True)
class CatchUp:
    """What one run measured; per event where it says so.

    Attributes
    ----------
    cpu_us: processor time an event, from the first output until all is stored and committed.
    events_per_s: from the first output to the last.
    rss: most memory seen, bytes.
    disk: bytes of local state after the stop.
    wire: bytes written to the broker, outputs and changelog.
    """

    cpu_us: float
    events_per_s: float
    rss: int
    disk: int
    wire: int
    outputs_equal: bool
    state_equal: bool


class Run:
    """A fresh group, fresh topics and a fresh directory for one engine."""

    def __init__(self, log: Log, engine: Engine, source: str, directory: Path, paced: bool) -> None:
        self.log, self.engine = log, engine
        directory.mkdir()
        name = directory.name
        self.job = Job(
            brokers=log.brokers,
            source=source,
            predictions=f"{name}-predictions",
            changelog=f"{name}-changelog",
            group=name,
            directory=str(directory),
            partitions=PARTITIONS,
            tuned=engine.tuned,
            paced=paced,
        )

    async def start(self) -> Process:
        """Make its topics and start it; `stop` has to follow."""
        own = self.engine.own_changelog or self.engine.customer is None
        await self.log.create(self.job.predictions, compacted=() if own else [self.job.changelog])
        return Process(self.engine.module, self.job)

    async def settled(self, count: int) -> bool:
        """Whether all is stored and committed that the outputs stand for."""
        if self.engine.customer is None:
            return self.job.done.exists()
        return await self.log.committed(self.job.group, self.job.source) >= count

    async def states(self) -> dict[str, bytes]:
        """The ring of each customer, from where a restarted engine would take it."""
        if self.engine.customer is None:
            return from_snapshots(self.job)
        [topic] = [name for name in await self.log.topics(self.job.group) if "changelog" in name]
        return from_changelog(self.engine, await self.log.read(topic))


async def catch_up(run: Run, count: int, expected: Expected) -> CatchUp:
    """Start an engine, wait until it has done everything, and stop it.

    Raises
    ------
    EngineError
        It ended early, or took longer than `PATIENCE`.
    """
    process = await run.start()
    try:
        async with asyncio.timeout(PATIENCE):
            cpu_us, rate, rss = await measure(run, process, count)
    except TimeoutError:
        raise process.error(f"not done within {PATIENCE:.0f} s") from None
    finally:
        await process.stop()
    topics = await run.log.topics(run.job.group)
    return CatchUp(
        cpu_us,
        rate,
        rss,
        size(run.job.state),
        run.log.size(topics),
        await outputs_equal(run, expected),
        await run.states() == expected.states,
    )


async def measure(run: Run, process: Process, count: int) -> tuple[float, float, int]:
    """Processor time an event, events a second, and most memory."""
    begun = 0
    while not begun:
        process.check(run.job)
        await asyncio.sleep(POLL)
        begun = await run.log.count(run.job.predictions)
    first, start = process.use(), time.monotonic()
    if begun == count:
        raise EngineError("all outputs came at once: nothing to measure")
    done, rss = begun, first.rss
    while done < count:
        await asyncio.sleep(POLL)
        process.check(run.job)
        done, rss = await run.log.count(run.job.predictions), max(rss, process.use().rss)
    took = time.monotonic() - start
    while not await run.settled(count):
        process.check(run.job)
        await asyncio.sleep(POLL)
    last = process.use()
    events = count - begun
    return (last.cpu - first.cpu) / events * 1e6, events / took, max(rss, last.rss)


async def outputs_equal(run: Run, expected: Expected) -> bool:
    """Whether each transaction has exactly the one prediction that the work gives it."""
    values = Counter(
        record.value for part in await run.log.read(run.job.predictions) for record in part
    )
    return values == Counter(expected.outputs.values())
