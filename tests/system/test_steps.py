"""Steps of the two agents at the same time, one at a time where a test says so."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import faust
import pytest
from aiokafka import ConsumerRecord, TopicPartition
from faust.types.tuples import TP

from app.apps import set_up
from app.broker.broker import Broker
from app.runtime.application import faust_settings
from app.runtime.step import Step
from app.serving import decisions as scored
from app.serving.learn import Learn
from app.serving.partition import Partition
from app.serving.score import Score
from app.serving.worker import Worker
from app.settings import read_settings
from app.streams.fraud.messages import Feedback, Transaction, read_feedback, read_prediction
from app.wire import encode
from tests.system.workers import Kafka

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
        history_events=3,
        history_replay=1,
        review_threshold=0.0,  # every decision is a review item
    )
    setup = set_up(settings)
    await setup.create_topics()
    one = Worker(setup, faust.App(settings.app_id, **faust_settings(settings)))
    await one.writers.start()
    await open_partition(one)
    yield one
    one.closed()
    await one.writers.stop()


class Held:
    """Partition 0, which is always ours."""

    def __init__(self, committed: int | None) -> None:
        self.read = committed

    def mine(self) -> bool:
        return True

    def committed(self, topic: str) -> int | None:
        return self.read

    def position(self, topic: str) -> int:
        return self.read or 0


async def open_partition(
    worker: Worker, disk: str = "disk", committed: int | None = None, lost: bool = False
) -> None:
    """Open partition 0 with a disk of that name, as after a commit at that position.

    `lost`: the log of predictions is empty.
    """
    setup = worker.setup
    elsewhere = setup.settings.model_copy(update={"data_dir": setup.settings.data_dir / disk})
    shared = replace(worker.shared, setup=replace(setup, settings=elsewhere))
    worker.partitions[0] = one = Partition(shared, 0, Held(committed))
    if lost:
        one.decisions.tp = TopicPartition(setup.topics.dead_letters, 0)
    await one.decisions.recover(committed)


def record(topic: str, offset: int, message: object) -> ConsumerRecord:
    value = encode(message)
    return ConsumerRecord(topic, 0, offset, NOW, 0, b"c1", value, None, 2, len(value), ())


def step(worker: Worker, topic: str, *mine: bool) -> Step:
    """A step that asks so many times whether the partition is still its own, then it is."""
    answers = chain(mine, repeat(True))
    return Step(TP(topic, 0), worker.writers, lambda: next(answers))


def payment(tx: str) -> Transaction:
    return Transaction(id=tx, at=NOW, customer="c1", merchant="m1", amount=20.0)


async def score(worker: Worker, *txs: str, mine: Sequence[bool] = ()) -> bool:
    topic = worker.topics.events
    records = [record(topic, n, payment(tx)) for n, tx in enumerate(txs)]
    return await Score(worker.partitions[0], step(worker, topic, *mine)).run(records)


async def learn(worker: Worker, offset: int, tx: str, mine: Sequence[bool] = ()) -> bool:
    topic = worker.topics.feedback
    said = Feedback(id=tx, key="c1", label="fraud", source="analyst", at=NOW)
    one = Learn(worker.partitions[0], step(worker, topic, *mine))
    return await one.run([record(topic, offset, said)])


async def values(worker: Worker, topic: str) -> list[bytes]:
    await worker.flush()
    async with Kafka(worker.settings) as kafka:
        return [r.value for r in await kafka.read(topic)]


async def test_a_label_waits_for_a_decision_that_is_sent_again(worker: Worker):
    """The worker before died with the decision on its disk and not in the log."""
    first = Score(worker.partitions[0], step(worker, worker.topics.events))
    first.begin()
    tx = payment("t1")
    first.add(record(worker.topics.events, 0, tx), tx)
    first.decide()
    first.decisions.put(first.batch.fresh)
    scoring = asyncio.ensure_future(score(worker, "t1"))
    await asyncio.sleep(0)  # it has looked for labels, and its prediction is on its way
    assert await learn(worker, 0, "t1") and await scoring
    assert len(await values(worker, worker.topics.examples)) == 1


async def test_a_label_that_comes_while_a_new_disk_catches_up_is_learned_once(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scored, "TAIL", 4)
    monkeypatch.setattr(scored, "FOLLOW_ON", 10)
    await score(worker, *(f"t{n}" for n in range(60)))
    await worker.flush()
    worker.partitions.pop(0).close()
    await open_partition(worker, "a new one", committed=59)
    assert await learn(worker, 0, "t0")
    assert await values(worker, worker.topics.examples) == []
    async with asyncio.timeout(20):
        while not worker.partitions[0].decisions.whole:
            await asyncio.sleep(0.01)
    (again,) = await values(worker, worker.topics.feedback)
    assert read_feedback(again).id == "t0"
    for offset in (1, 2):
        assert await learn(worker, offset, "t0")
    assert len(await values(worker, worker.topics.examples)) == 1


async def test_a_replayed_label_sends_the_same_bytes_again(worker: Worker):
    """The disk may hold what the broker never got."""
    await score(worker, "t1")
    await worker.flush()
    for _ in range(2):
        assert await learn(worker, 0, "t1")
    for topic in (worker.topics.examples, worker.topics.changelogs["labels"]):
        first, again = filter(None, await values(worker, topic))
        assert first == again


@pytest.mark.parametrize("disk", ["disk", "a new one"])
async def test_a_replay_of_more_than_the_record_holds_repeats_its_decisions(worker: Worker, disk):
    """A commit was stuck for long: twelve transactions of a customer whose record holds four."""
    txs = [f"t{n}" for n in range(12)]
    await score(worker, *txs)
    first = await values(worker, worker.topics.predictions)
    worker.partitions.pop(0).close()
    await open_partition(worker, disk)
    await score(worker, *txs)
    assert await values(worker, worker.topics.predictions) == first * 2
    before, after = await values(worker, worker.topics.changelogs["customers"])
    assert before == after


async def test_what_has_left_the_record_and_whose_decision_is_lost_is_degraded(worker: Worker):
    txs = [f"t{n}" for n in range(12)]
    await score(worker, *txs)
    worker.partitions.pop(0).close()
    await open_partition(worker, "a new one", lost=True)
    again = Score(worker.partitions[0], step(worker, worker.topics.events))
    again.begin()
    for n, tx in enumerate(txs):
        again.add(record(worker.topics.events, n, payment(tx)), payment(tx))
    again.decide()
    modes = [read_prediction(out.value).mode for out in again.predictions]
    assert modes == ["degraded"] * 11 + ["rules"]


async def test_nothing_comes_of_a_label_when_the_partition_was_lost_while_it_was_stored(
    worker: Worker,
):
    await score(worker, "t1")
    await worker.flush()
    assert not await learn(worker, 0, "t1", mine=[True, *[False] * 9])
    assert await values(worker, worker.topics.examples) == []
    assert await learn(worker, 0, "t1")
    assert len(await values(worker, worker.topics.examples)) == 1


async def test_no_review_item_is_sent_when_the_partition_was_lost_before_the_decision_was_written(
    worker: Worker,
):
    assert not await score(worker, "t1", mine=[False] * 9)
    assert await values(worker, worker.topics.review) == []
    assert await score(worker, "t1")
    assert (
        await values(worker, worker.topics.review)
        == (await values(worker, worker.topics.predictions))[:1]
    )
