"""Weir's own runtime, with the plain work as the step.

The classes are those of `app.runtime`, mends of Faust included. What a worker that predicts and
learns has besides is left out: labels, the log of examples, snapshots, decisions by id.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import faust
import mode.loop
from aiokafka import ConsumerRecord

from app.cli.demo.fleet import choose_ports
from app.runtime import application
from app.runtime.application import WeirApp
from app.runtime.lanes import Source
from app.runtime.step import Step
from app.runtime.worker import Worker
from app.runtime.writer import Out
from app.settings import Settings, read_settings
from benchmarks.engines.job import Job, given
from benchmarks.engines.work import Judge, read


class PlainWorker(Worker):
    """The plain work on a worker's runtime."""

    def __init__(self, job: Job, settings: Settings, app: faust.App) -> None:
        super().__init__(settings, app, {"rings": job.changelog}, ["rings"], job.predictions)
        self.predictions = job.predictions
        self.judges: defaultdict[int, Judge] = defaultdict(Judge)
        self.flow.add(Source(job.source, self.judge))

    async def judge(self, step: Step, records: Sequence[ConsumerRecord]) -> bool:
        """One step: compute into the overlay, RocksDB, changelog, predictions."""
        rings, judge = step.table(self.tables["rings"]), self.judges[step.partition]
        predictions = []
        for record in records:
            rings[record.key], prediction = judge.work(read(record.value), rings.get(record.key))
            predictions.append(Out(record.key, prediction))
        step.store()
        await step.send(self.predictions, predictions).handed
        return True

    def closed(self) -> None:
        """The partitions have been revoked."""
        self.judges.clear()


def create_app(job: Job) -> WeirApp[PlainWorker]:
    """The application of a job."""
    [port] = choose_ports(1, None)
    settings = read_settings(
        brokers=job.brokers,
        app_id=job.group,
        partitions=job.partitions,
        data_dir=Path(job.state),
        web_port=port,
    )
    return application.create_app(settings, lambda chosen, app: PlainWorker(job, chosen, app))


if __name__ == "__main__":
    mode.loop.use("uvloop")
    faust.Worker(
        create_app(given()), loglevel="info", redirect_stdouts=False
    ).execute_from_commandline()
