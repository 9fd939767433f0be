"""Weir's own flow, lanes, steps and writers with the plain work as the step.

The classes are those of `app.runtime`, mends of Faust included. What a Weir worker has
besides is left out: labels, the log of examples, snapshots, decisions by id.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import faust
import mode.loop
from aiokafka import ConsumerRecord
from faust.types.tuples import TP

from app.cli.demo.fleet import choose_ports
from app.runtime.fence import Fence
from app.runtime.flow import Flow
from app.runtime.guard import Guard
from app.runtime.mends import install as faust_patches
from app.runtime.step import Step
from app.runtime.tables import new_table
from app.runtime.topics import Topics
from app.runtime.writer import Out, Writers
from app.serving.application import WeirApp, faust_settings
from app.serving.worker import CLOSE_SHARE
from app.settings import Settings, read_settings
from benchmarks.engines.job import Job, given
from benchmarks.engines.work import Judge, read


class Worker:
    """What `WeirApp` and `Flow` ask of a worker, around the plain work."""

    def __init__(self, job: Job, settings: Settings, app: faust.App) -> None:
        self.settings, self.source, self.predictions = settings, job.source, job.predictions
        self.guard = Guard(settings.session_timeout, settings.data_dir)
        self.writers = Writers(settings.brokers, self.guard.lease)
        self.fence = Fence(settings, self.writers, [job.changelog], job.predictions)
        topics = Topics.named(settings)._replace(changelogs={"rings": job.changelog})
        self.rings = new_table(app, "rings", settings, topics)
        self.judges: defaultdict[int, Judge] = defaultdict(Judge)
        limit = CLOSE_SHARE * settings.session_timeout
        self.flow = Flow(app, self.guard, settings.chunk, limit, self)
        self.flow.add(job.source, self.judge)

    async def judge(self, step: Step, records: Sequence[ConsumerRecord]) -> bool:
        """One step: compute into the overlay, RocksDB, changelog, predictions."""
        rings, judge, predictions = step.table(self.rings), self.judges[step.partition], []
        for record in records:
            rings[record.key], prediction = judge.work(read(record.value), rings.get(record.key))
            predictions.append(Out(record.key, prediction))
        step.store()
        await step.send(self.predictions, predictions).handed
        return True

    # -- what the flow asks

    def new_step(self, tp: TP, epoch: int) -> Step:
        return Step(tp, self.writers, partial(self.flow.mine, tp, epoch))

    async def take(self, tps: Collection[TP]) -> bool:
        await self.fence.take({tp.partition for tp in tps if tp.topic == self.source})
        return True

    async def ready(self, partition: int, epoch: int) -> None:
        """Nothing has to be opened."""

    async def flush(self) -> None:
        await self.writers.flush()

    def recovered(self) -> None:
        """Nothing waits for the tables."""

    def closed(self) -> None:
        self.judges.clear()

    # -- what the application asks

    async def start(self) -> None:
        await self.writers.start()
        self.guard.start(asyncio.get_running_loop())

    def stop_opening(self) -> None:
        """Nothing is being opened."""

    async def stop(self) -> None:
        await self.writers.stop()
        self.guard.disarm()


def create_app(job: Job) -> WeirApp:
    """The application, as `app.serving.application` builds the real one."""
    [port] = choose_ports(1, None)
    settings = read_settings(
        brokers=job.brokers,
        app_id=job.group,
        partitions=job.partitions,
        data_dir=Path(job.state),
        web_port=port,
    )
    app = WeirApp(settings.app_id, **faust_settings(settings))
    app.weir = worker = Worker(job, settings, app)  # type: ignore[assignment]
    faust_patches.install(worker.flow)
    topic = app.topic(job.source, key_type=bytes, value_type=bytes, partitions=job.partitions)

    async def judge(stream: Any) -> None:
        stream.noack()
        async for event in stream.events():
            worker.flow.take(event)

    app.agent(topic, name="judge")(judge)
    return app


if __name__ == "__main__":
    mode.loop.use("uvloop")
    faust.Worker(
        create_app(given()), loglevel="info", redirect_stdouts=False
    ).execute_from_commandline()
