"""A broker that is frozen for a while: the worker holds, tells of it in each way, and goes on."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from app.broker.broker import Broker
from app.settings import Settings
from tests.system.workers import WorkerProcess, until, workers


@pytest.fixture
def partitions() -> int:
    return 1


async def answer(http: ClientSession, worker: WorkerProcess, path: str) -> tuple[int, str]:
    """Status and text; 0 while nothing listens."""
    try:
        async with http.get(worker.url + path) as response:
            return response.status, await response.text()
    except ClientError:
        return 0, ""


async def test_a_worker_that_holds_says_so_until_the_broker_is_back(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    quick = settings.model_copy(update={"session_timeout": 6.0})
    async with workers(quick, tmp_path, 1) as (worker,), ClientSession() as http:
        ask = partial(answer, http, worker)

        async def ready() -> bool:
            return (await ask("/readyz"))[0] == 200

        async def holds() -> bool:
            status, text = await ask("/readyz")
            return status == 503 and "so this worker holds" in text

        await until(ready)
        assert "weir_holding 0.0" in (await ask("/metrics"))[1]
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            await until(holds, 20)
            metrics = (await ask("/metrics"))[1]
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert "weir_holding 1.0" in metrics
        assert 'weir_delays_total{what="heartbeat"} 1.0' in metrics
        await until(ready)
        assert "weir_holding 0.0" in (await ask("/metrics"))[1]
        told = worker.log.read_text()
        assert told.count("so this worker holds") == 1
        assert told.count("Heartbeats are acknowledged again, after") == 1
        assert await worker.stop() == 0
