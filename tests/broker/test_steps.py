"""Steps of the two agents at the same time, one at a time where a test says so."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import faust
import pytest
from aiokafka import ConsumerRecord
from faust.types.tuples import TP

from app.messages import Feedback, Transaction, encode, read_example
from app.settings import read_settings
from app.stream import topics
from app.stream.agents import Learn, Score
from app.stream.application import faust_settings
from app.stream.broker import Broker
from app.stream.scored import ScoredPartition
from app.stream.step import Step
from app.stream.worker import Worker, new_account
from tests.broker.workers import Kafka

NOW = 1_700_000_000_000


@pytest.fixture
async def worker(broker: Broker, fresh: str, tmp_path: Path) -> AsyncIterator[Worker]:
    """A worker's parts without Faust's consumer: the test hands it the records."""
    settings = read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        partitions=1,
        data_dir=tmp_path,
    )
    await topics.create(settings)
    app = faust.App(settings.app_id, **faust_settings(settings))
    one = Worker(settings, app)
    await one.writers.start()
    await open_partition(one)
    yield one
    one.closed()
    await one.writers.stop()


async def open_partition(worker: Worker) -> None:
    settings, names = worker.settings, worker.topics
    worker.account = new_account(settings, worker.follower.state)
    path = settings.data_dir / "scored" / "0"
    scored = ScoredPartition(
        settings.brokers, names.predictions, 0, path, 1, settings.horizon, lambda tx: None
    )
    worker.scored[0] = scored
    await scored.recover(None)


def record(topic: str, offset: int, message: object) -> ConsumerRecord:
    value = encode(message)
    return ConsumerRecord(topic, 0, offset, NOW, 0, b"c1", value, None, 2, len(value), ())


def step(worker: Worker, topic: str) -> Step:
    return Step(TP(topic, 0), worker.writers, lambda: True)


async def score(worker: Worker, *txs: str) -> bool:
    topic = worker.topics.transactions
    records = [
        record(topic, n, Transaction(id=tx, at=NOW, customer="c1", merchant="m1", amount=20.0))
        for n, tx in enumerate(txs)
    ]
    return await Score(worker, step(worker, topic)).run(records)


async def learn(worker: Worker, offset: int, tx: str) -> bool:
    topic = worker.topics.feedback
    said = Feedback(id=tx, customer="c1", label="fraud", source="analyst", at=NOW)
    return await Learn(worker, step(worker, topic)).run([record(topic, offset, said)])


async def test_a_label_waits_for_a_decision_that_is_sent_again(worker: Worker):
    """The worker before died with the decision on its disk and not in the log."""
    first = Score(worker, step(worker, worker.topics.transactions))
    tx = Transaction(id="t1", at=NOW, customer="c1", merchant="m1", amount=20.0)
    first.decide(record(worker.topics.transactions, 0, tx), tx, False)
    first.scored.put(first.fresh)
    scoring = asyncio.ensure_future(score(worker, "t1"))
    await asyncio.sleep(0)  # it has looked for labels, and its prediction is on its way
    assert await learn(worker, 0, "t1") and await scoring
    await worker.flush()
    async with Kafka(worker.settings) as kafka:
        learned = [read_example(r.value).tx for r in await kafka.read(kafka.topics.examples)]
        assert learned == ["t1"]
