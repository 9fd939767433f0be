"""One engine works off a log that was there before it started."""

import asyncio
from collections import Counter
from pathlib import Path

from benchmarks.engines.job import Job, arguments
from benchmarks.engines.log import PARTITIONS, Log
from benchmarks.engines.peers import Engine, from_changelog, from_snapshots
from benchmarks.engines.process import EngineError, Process, Stopwatch, Use, size
from benchmarks.engines.rows import Measured
from benchmarks.engines.work import Expected

POLL = 0.01  # seconds between two looks
PATIENCE = 300.0  # seconds for one run


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
        module = f"benchmarks.engines.{self.engine.module}"
        return Process([module, *arguments(self.job)], Path(self.job.directory), {})

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


async def catch_up(run: Run, count: int, expected: Expected) -> Measured:
    """Start an engine, wait until it has done everything, and stop it.

    Raises
    ------
    EngineError
        It ended early, or took longer than `PATIENCE`.
    """
    process = await run.start()
    try:
        async with asyncio.timeout(PATIENCE):
            used = await measure(run, process, count)
    except TimeoutError:
        raise process.error(f"not done within {PATIENCE:.0f} s") from None
    finally:
        await process.stop()
    return Measured(
        *used,
        disk=size(run.job.state),
        wire=run.log.size(await run.log.topics(run.job.group)),
        outputs_equal=await outputs_equal(run, expected),
        state_equal=await run.states() == expected.states,
    )


async def measure(run: Run, process: Process, count: int) -> Use:
    """From the first output until all is done."""
    stopwatch = Stopwatch(process)
    done = begun = 0
    while done < count:
        await asyncio.sleep(POLL)
        done = await run.log.count(run.job.predictions)
        stopwatch.look()
        if not begun and done:
            begun = done
            stopwatch.start()
    took = stopwatch.seconds()
    while not await run.settled(count):
        await asyncio.sleep(POLL)
        stopwatch.look()
    if begun == count:
        raise EngineError("all outputs came at once: nothing to measure")
    events = count - begun
    return Use(stopwatch.cpu() / events * 1e6, events / took, stopwatch.rss)


async def outputs_equal(run: Run, expected: Expected) -> bool:
    """Whether each transaction has exactly the one prediction that the work gives it."""
    values = Counter(
        record.value for part in await run.log.read(run.job.predictions) for record in part
    )
    return values == Counter(expected.outputs.values())
