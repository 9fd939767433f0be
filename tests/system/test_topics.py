"""Topics that change under a fleet: what a worker says, and that what it advises leads out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.apps import set_up
from app.broker.broker import Broker
from app.settings import Settings, read_settings
from app.streams.fraud.messages import Feedback, Transaction, read_example, read_prediction
from tests.system.workers import Kafka, WorkerProcess, until, workers

NOW = 1_700_000_000_000
SESSION = "6s"  # the least that brokers allow


def settings_of(broker: Broker, fresh: str, **more: object) -> Settings:
    given = {"partitions": 1, "session_timeout": SESSION, "topic_prefix": fresh, **more}
    return read_settings(**{"brokers": broker.bootstrap, "app_id": fresh + "weir", **given})


def payment(n: int) -> Transaction:
    return Transaction(id=f"t{n}", at=NOW + n, customer="c1", merchant="m1", amount=10.0 + n)


def said(n: int) -> Feedback:
    return Feedback(id=f"t{n}", key="c1", label="fraud", source="analyst", at=NOW, label_id=f"l{n}")


@asynccontextmanager
async def administered(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def delete(settings: Settings, *topics: str) -> None:
    async with administered(settings) as admin:
        await admin.delete_topics(list(topics))

        async def gone() -> bool:
            return not set(topics) & set(await admin.list_topics())

        await until(gone)


async def make(settings: Settings, topic: str, partitions: int) -> None:
    async with administered(settings) as admin:
        await admin.create_topics([NewTopic(topic, partitions, 1)])

        async def there() -> bool:
            return topic in await admin.list_topics()

        await until(there)


async def recreate(settings: Settings, *topics: str) -> None:
    """As somebody does who wants them empty."""
    await delete(settings, *topics)
    assert set(await set_up(settings).create_topics()) == set(topics)


def reconfigure(worker: WorkerProcess, **more: object) -> None:
    """Follow an advice: other settings for the next start."""
    given = {**worker.settings.model_dump(exclude_unset=True), **more}
    worker.settings = read_settings(**given)


async def ended(worker: WorkerProcess) -> tuple[int, str]:
    """The exit code of a worker that ends by itself, and what it logged since its start."""
    assert worker.child is not None
    async with asyncio.timeout(60):
        code = await worker.child.wait()
    return code, since(worker)


def since(worker: WorkerProcess) -> str:
    return worker.log.read_bytes()[worker.begun :].decode()


def ask(worker: WorkerProcess, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"{worker.url}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except (URLError, OSError) as error:
        return 0, str(error)


async def has_decided(kafka: Kafka, *ids: str) -> bool:
    decided = {read_prediction(one.value).id for one in await kafka.read(kafka.topics.predictions)}
    return decided >= set(ids)


async def decide(kafka: Kafka, *numbers: int) -> None:
    """These payments come, and are decided and committed."""
    await kafka.transactions(payment(n) for n in numbers)
    await until(lambda: has_decided(kafka, *(f"t{n}" for n in numbers)))
    await until(kafka.caught_up)


async def labels(kafka: Kafka) -> list[str]:
    return [read_example(one.value).id for one in await kafka.read(kafka.topics.examples)]


async def decides_all_that_is_new(kafka: Kafka, worker: WorkerProcess) -> None:
    """Payments are decided from the new log's start, and a label of an old one is learned."""
    before = await labels(kafka)
    assert "t1" not in before
    await kafka.transactions(payment(n) for n in (10, 11, 1))
    await kafka.feedback([said(1)])
    worker.start()
    await until(lambda: has_decided(kafka, "t10", "t11"))
    assert await until(lambda: learned(kafka, before)) == [*before, "t1"]
    await until(kafka.caught_up)


async def learned(kafka: Kafka, before: list[str]) -> list[str] | None:
    return now if (now := await labels(kafka)) != before else None


async def commit(settings: Settings, topic: str, position: int) -> None:
    """A position that a broker did not drop with its topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers, group_id=settings.app_id)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.commit({TopicPartition(topic, 0): position})
    finally:
        await consumer.stop()


async def epochs(
    broker: Broker,
    fresh: str,
    path: Path,
    wiped: bool,
    *fields: str,
    asked: bool = True,
    position: int | None = None,
) -> None:
    """Topics are made again between two starts.

    `asked` lets a worker say first what is wrong, and follows its advice. `position` is one in
    the old log of transactions that the group still has.
    """
    settings = settings_of(broker, fresh)
    await set_up(settings).create_topics()
    async with workers(settings, path, 1) as (worker,), Kafka(settings) as kafka:
        await decide(kafka, *range(6))
        assert await worker.stop() == 0
        await recreate(settings, *(getattr(kafka.topics, field) for field in fields))
        if position is not None:
            await commit(settings, kafka.topics.events, position)
        if asked:
            worker.start()
            code, log = await ended(worker)
            assert code == 71
            assert "was deleted and made again" in log
            assert "raise WEIR_EPOCH" in log
        if wiped:
            worker.wipe()
        reconfigure(worker, epoch=2)
        await decides_all_that_is_new(kafka, worker)
        first = [one.value for one in await kafka.read(kafka.topics.predictions)]
        ids = [read_prediction(raw).id for raw in first]
        repeated = {raw for raw, id in zip(first, ids, strict=True) if id == "t1"}
        assert len(repeated) == 1, "a repeated id repeats its first decision"
        assert await worker.stop() == 0


async def test_transactions_that_were_made_again_are_decided_once_the_epoch_is_raised(
    broker: Broker, fresh: str, tmp_path: Path
):
    await epochs(broker, fresh, tmp_path, True, "events", asked=False)


@pytest.mark.chaos
@pytest.mark.parametrize("fields", [("events",), ("feedback",), ("events", "feedback")])
@pytest.mark.parametrize("wiped", [False, True], ids=["disk kept", "disk wiped"])
async def test_inputs_that_were_made_again_are_worked_on_once_the_epoch_is_raised(
    broker: Broker, fresh: str, tmp_path: Path, fields: tuple[str, ...], wiped: bool
):
    await epochs(broker, fresh, tmp_path, wiped, *fields)


@pytest.mark.chaos
@pytest.mark.parametrize("position", [2, 50], ids=["inside the new log", "beyond its end"])
async def test_a_position_in_the_old_log_does_not_count_in_the_new_one(
    broker: Broker, fresh: str, tmp_path: Path, position: int
):
    await epochs(broker, fresh, tmp_path, True, "events", position=position)


@pytest.mark.chaos
@pytest.mark.parametrize("what", ["examples", "customers"])
async def test_where_what_was_learned_is_lost_a_new_app_reads_everything_again(
    broker: Broker, fresh: str, tmp_path: Path, what: str
):
    settings = settings_of(broker, fresh)
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        await kafka.feedback([said(1)])
        await decide(kafka, 0, 1, 2)
        assert await worker.stop() == 0
        names = kafka.topics
        await recreate(settings, names.changelogs[what] if what == "customers" else names.examples)
        worker.start()
        code, log = await ended(worker)
        assert code == 71
        assert "choose a new WEIR_APP_ID and WEIR_DATA_DIR and run weir topics create" in log
        first = await kafka.read(names.predictions)
    anew = settings.model_copy(update={"app_id": f"{settings.app_id}2"})
    await set_up(anew).create_topics()
    (tmp_path / "anew").mkdir()
    async with workers(anew, tmp_path / "anew", 1), Kafka(anew) as kafka:
        await decide(kafka, 7)
        assert "t1" in await labels(kafka)
        again = [one.value for one in await kafka.read(kafka.topics.predictions)]
        assert set(again[:-1]) == {one.value for one in first}, "decisions stay as they were"
