"""A transactional producer upstream: what it commits is judged, what it aborts never happened."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from aiokafka import AIOKafkaProducer

from app.apps import set_up
from app.broker.broker import Broker
from app.settings import read_settings
from app.streams.fraud.messages import Feedback, Transaction, read_example, read_prediction
from app.wire import encode
from tests.system.workers import Kafka, until, workers

NOW = 1_700_000_000_000


def payment(tx: str) -> Transaction:
    return Transaction(id=tx, at=NOW, customer="c1", merchant="m1", amount=20.0)


def fraud(tx: str) -> Feedback:
    return Feedback(id=tx, key="c1", label="fraud", source="analyst", at=NOW)


class Upstream:
    """Somebody's producer that writes payments and labels in transactions."""

    def __init__(self, kafka: Kafka, producer: AIOKafkaProducer) -> None:
        self.kafka, self.producer = kafka, producer

    async def write(self, txs: Iterable[str]) -> None:
        for tx in txs:
            for topic, message in (
                (self.kafka.topics.events, payment(tx)),
                (self.kafka.topics.feedback, fraud(tx)),
            ):
                await self.producer.send_and_wait(topic, encode(message), partition=0)

    async def commit(self, *txs: str) -> None:
        await self.producer.begin_transaction()
        await self.write(txs)
        await self.producer.commit_transaction()

    async def abort(self, *txs: str) -> None:
        await self.producer.begin_transaction()
        await self.write(txs)
        await self.producer.abort_transaction()


async def decided(kafka: Kafka) -> list[str]:
    """What was decided, in order; a worker that starts repeats the last decision."""
    records = await kafka.read(kafka.topics.predictions)
    return list(dict.fromkeys(read_prediction(record.value).id for record in records))


async def learned(kafka: Kafka) -> list[str]:
    return [read_example(r.value).id for r in await kafka.read(kafka.topics.examples)]


async def has_learned(kafka: Kafka, *txs: str) -> bool:
    return set(txs) <= set(await learned(kafka))


async def test_committed_transactions_are_decided_and_learned_aborted_ones_are_not(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=fresh + "weir", partitions=1, chunk=3
    )
    await set_up(settings).create_topics()
    open_one, other = (
        AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=fresh + name)
        for name in ("open", "other")
    )
    async with Kafka(settings) as kafka, open_one, other:
        upstream, theirs = Upstream(kafka, open_one), Upstream(kafka, other)
        await upstream.abort("gone 0")
        await upstream.commit("kept 0", "kept 1")
        await upstream.abort("gone 1", "gone 2", "gone 3", "gone 4")
        await open_one.begin_transaction()
        await upstream.write(["gone 5"])
        await theirs.commit("kept 2")  # between the records of one that is aborted
        await upstream.write(["gone 6"])
        await open_one.abort_transaction()
        async with workers(settings, tmp_path, 1) as (worker,):
            await until(partial(has_learned, kafka, "kept 2"))
            assert await worker.stop() == 0
            await upstream.abort("gone 7")  # the log goes on with a hole
            await theirs.commit("kept 3")
            worker.start()
            await until(partial(has_learned, kafka, "kept 3"))
            await upstream.abort("gone 8")
            await theirs.commit("kept 4")
            await until(partial(has_learned, kafka, "kept 4"))
            assert await worker.stop() == 0
        kept = [f"kept {n}" for n in range(5)]
        assert await decided(kafka) == kept
        assert sorted(await learned(kafka)) == kept  # a label may come before its decision
        assert await kafka.read(kafka.topics.dead_letters) == []
