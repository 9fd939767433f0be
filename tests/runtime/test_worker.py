"""The frame of a worker: what it does when a stop and a rebalance meet."""

from pathlib import Path

import faust
from faust.types import TP

from app.apps import set_up
from app.runtime.application import faust_settings
from app.serving.worker import Worker
from app.settings import read_settings


async def test_who_has_begun_to_stop_takes_no_partitions_any_more(tmp_path: Path):
    """There is no producer any more to take them with: that would end the process with 73."""
    settings = read_settings(data_dir=tmp_path)
    setup = set_up(settings)
    worker = Worker(setup, faust.App(settings.app_id, **faust_settings(settings)))
    worker.guard.stop_within(60)
    try:
        assert not await worker.take({TP(worker.sources[0].topic, 3)})
    finally:
        worker.guard.stop()
        worker.closed()
