"""A broker that is frozen for a while: the worker holds, tells of it in each way, and goes on."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from app.broker.broker import Broker
from app.settings import Settings
from tests.system.workers import WorkerProcess, until, workers

TOLD = (
    "so this worker holds",
    "Heartbeats are acknowledged again, after",
    "the broker has not acknowledged a write for",
    "The broker acknowledges writes again, after",
)
COUNTED = (
    "weir_holding 1.0",
    'weir_delays_total{what="heartbeat"} 1.0',
    'weir_delays_total{what="write"} 1.0',
)


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

        async def counted() -> bool:
            _, text = await ask("/metrics")
            return all(line in text for line in COUNTED)

        async def told() -> bool:
            log = worker.log.read_text()
            return all(log.count(line) == 1 for line in TOLD)

        await until(ready)
        assert "weir_holding 0.0" in (await ask("/metrics"))[1]
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            label = {"id": "t1", "customer": "c1", "label": "fraud"}
            posted = asyncio.ensure_future(http.post(worker.url + "/feedback", json=label))
            await until(holds, 20)
            await until(counted, 5)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert (await posted).status == 202
        await until(ready)
        assert "weir_holding 0.0" in (await ask("/metrics"))[1]
        await until(told)
        assert await worker.stop() == 0
