"""Workers that stop, and brokers that go away: on a broker of these tests' own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from app.apps import set_up
from app.broker.broker import Broker
from app.runtime.guard import Exit
from app.settings import Settings, read_settings
from app.streams.fraud.messages import Feedback, Transaction
from tests.system.workers import Kafka, WorkerProcess, until, workers

AT = 1_700_000_000_000
IN_TIME = 15.0  # seconds from SIGTERM


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mine() -> AsyncIterator[Broker]:
    async with Broker() as running:
        yield running


async def made(broker: Broker, fresh: str, **more: object) -> Settings:
    settings = read_settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=fresh + "weir", partitions=2, **more
    )
    await set_up(settings).create_topics(wait=30.0)  # a test before may have stopped the broker
    return settings


def some(count: int) -> list[Transaction]:
    return [
        Transaction(id=f"t{n}", customer=f"c{n % 50}", merchant="m1", amount=10.0, at=AT + n)
        for n in range(count)
    ]


async def stopped(worker: WorkerProcess) -> tuple[int, str]:
    """Exit code and log of a worker that is told to stop."""
    os.kill(worker.child.pid, signal.SIGTERM)
    async with asyncio.timeout(IN_TIME):
        code = await worker.child.wait()
    return code, worker.log.read_text()[worker.begun :]


async def test_a_stop_in_any_phase_is_a_clean_one(mine: Broker, fresh: str, tmp_path: Path):
    settings = await made(mine, fresh)
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        await kafka.transactions(some(5000))

        def says(words: str) -> Callable:
            async def said() -> bool:
                return words in worker.log.read_text()[worker.begun :]

            return said

        async def decided() -> bool:
            return await kafka.count(kafka.topics.predictions) > 0

        for phase in (says("Joined group"), decided, says("Restoring state")):
            await until(phase)
            code, log = await stopped(worker)
            assert (code, "Traceback" in log) == (0, False)
            if phase is decided:
                worker.wipe()
            worker.start()


async def test_a_stop_while_the_broker_is_away_ends_in_time(
    mine: Broker, fresh: str, tmp_path: Path
):
    settings = await made(mine, fresh)
    async with workers(settings, tmp_path, 1) as (worker,):
        await until(worker.joined)
        mine.kill()
        try:
            code, log = await stopped(worker)
        finally:
            await mine.restart()
        assert (code, "Traceback" in log) == (0, False)


async def test_a_stop_that_cannot_write_out_everything_says_so(
    mine: Broker, fresh: str, tmp_path: Path
):
    settings = await made(mine, fresh)
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        await until(worker.joined)

        async def decided() -> bool:
            return await kafka.count(kafka.topics.predictions) > 0

        await kafka.transactions(some(20_000))
        await until(decided)
        os.kill(mine.pid, signal.SIGSTOP)
        try:
            code, log = await stopped(worker)
        finally:
            os.kill(mine.pid, signal.SIGCONT)
        assert (code, "Traceback" in log) == (Exit.STOP, False)
        assert log.count("Leaving with code") == 1


async def test_of_two_workers_with_the_same_instance_id_one_leaves(
    mine: Broker, fresh: str, tmp_path: Path
):
    settings = await made(mine, fresh, instance_id="the-same", session_timeout=6.0)
    async with workers(settings, tmp_path, 2) as both:

        async def left() -> list[int]:
            return [worker.child._process.returncode for worker in both if not worker.child.running]

        codes = await until(left, 60)
        assert set(codes) <= {Exit.COMMIT, Exit.FENCE, Exit.GROUP, Exit.REJOINS}


async def test_workers_live_through_a_broker_that_is_killed_and_restarted(
    mine: Broker, fresh: str, tmp_path: Path
):
    settings = await made(mine, fresh, session_timeout=6.0)
    async with workers(settings, tmp_path, 2) as both, Kafka(settings) as kafka:
        for worker in both:
            await until(worker.joined)
        await kafka.transactions(some(2000))
        mine.kill()
        await mine.restart()
        labels = [
            Feedback(id=f"t{n}", key=f"c{n % 50}", label="fraud", source="analyst")
            for n in range(50)
        ]
        await kafka.feedback(labels)

        async def learned() -> bool:
            return await kafka.count(kafka.topics.examples) == len(labels)

        await until(learned)
        assert all(worker.child.running for worker in both)
