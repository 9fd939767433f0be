"""Topics that change under a running worker: unready at once, and an end where it must be."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.apps import set_up
from app.broker.broker import Broker
from app.errors import TopicsError
from app.settings import Settings
from tests.system.test_topics import (
    administered,
    ask,
    decide,
    delete,
    ended,
    has_decided,
    make,
    payment,
    said,
    settings_of,
    since,
)
from tests.system.workers import Kafka, WorkerProcess, until, workers


async def ready(worker: WorkerProcess) -> bool:
    return (await asyncio.to_thread(ask, worker, "/readyz"))[0] == 200


async def unready(worker: WorkerProcess, why: str) -> bool:
    """Whether it says that it is not ready, and why."""
    code, text = await asyncio.to_thread(ask, worker, "/readyz")
    return code == 503 and why in text


async def metric(worker: WorkerProcess, name: str) -> float:
    _, text = await asyncio.to_thread(ask, worker, "/metrics")
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


async def configure(settings: Settings, topic: str, **configs: str) -> None:
    async with administered(settings) as admin:
        named = {name.replace("_", "."): value for name, value in configs.items()}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])


async def raise_partitions(settings: Settings, topic: str, count: int) -> None:
    async with administered(settings) as admin:
        await admin.create_partitions({topic: NewPartitions(count)})


async def cut(settings: Settings, topic: str, before: int) -> None:
    """As retention does."""
    async with administered(settings) as admin:
        tp = TopicPartition(topic, 0)
        await admin.delete_records({tp: RecordsToDelete(before_offset=before)})


async def test_settings_are_warned_of_and_partitions_that_were_raised_end_a_worker(
    broker: Broker, fresh: str, tmp_path: Path
):
    settings = settings_of(broker, fresh)
    names = set_up(settings).topics
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1, start=False) as (worker,):
        worker.module = ("tests.system.watchful_worker",)
        worker.start()
        await until(lambda: ready(worker))
        await configure(settings, names.events, cleanup_policy="compact")

        async def warned() -> bool:
            return await metric(worker, "weir_topic_settings_wrong") > 0

        await until(warned)
        assert await ready(worker)
        assert f"--entity-name {names.events} --add-config cleanup.policy=delete" in since(worker)
        await raise_partitions(settings, names.events, 2)
        sentence = f"{names.events} has 2 partitions, but the settings say 1: delete"
        await until(lambda: unready(worker, sentence), 15)
        code, log = await ended(worker)
        assert (code, log.count(f"(state): {sentence}")) == (71, 1)


@pytest.mark.chaos
async def test_partitions_that_were_raised_are_said_at_the_next_start_and_the_advice_leads_out(
    broker: Broker, fresh: str, tmp_path: Path
):
    settings = settings_of(broker, fresh, partitions=2)
    names = set_up(settings).topics
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1) as (worker,):
        async with Kafka(settings) as kafka:
            await decide(kafka, 0, 1, 2)
        await raise_partitions(settings, names.events, 4)
        _, running = await ended(worker)
        worker.start()
        code, starting = await ended(worker)
        assert code == 71
        sentence = f"{names.events} has 4 partitions, but the settings say 2: delete"
        assert sentence in running
        assert sentence in starting
        with pytest.raises(TopicsError, match="nothing was created: delete"):
            await set_up(settings).create_topics()
        # The first advice, and the next one that it leads to.
        await delete(settings, names.events)
        assert await set_up(settings).create_topics() == [names.events]
        worker.start()
        code, log = await ended(worker)
        assert (code, "raise WEIR_EPOCH" in log) == (71, True)
        worker.settings = worker.settings.model_copy(update={"epoch": 2})
        worker.start()
        async with Kafka(settings) as kafka:
            await decide(kafka, 7)
        assert await worker.stop() == 0
    # The other advice: more partitions under other names, and the records once more.
    more = settings_of(broker, f"{fresh}n-", partitions=4)
    await set_up(more).create_topics()
    (tmp_path / "anew").mkdir()
    async with workers(more, tmp_path / "anew", 1), Kafka(more) as kafka:
        await decide(kafka, 0, 1, 2, 8)


@pytest.mark.chaos
@pytest.mark.parametrize("field", ["events", "feedback", "predictions", "examples"])
async def test_a_topic_that_is_made_again_under_a_worker_ends_it(
    broker: Broker, fresh: str, tmp_path: Path, field: str
):
    settings = settings_of(broker, fresh)
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        await decide(kafka, 0, 1)
        topic = getattr(kafka.topics, field)
        await delete(settings, topic)
        assert await set_up(settings).create_topics() == [topic]
        code, log = await ended(worker)
        advice = "choose a new WEIR_APP_ID" if field == "examples" else "raise WEIR_EPOCH"
        assert (code, f"{topic} was deleted and made again" in log, advice in log) == (
            71,
            True,
            True,
        )
        worker.start()
        code, log = await ended(worker)
        assert (code, advice in log) == (71, True)


@pytest.mark.chaos
@pytest.mark.parametrize("field", ["events", "feedback"])
async def test_a_topic_that_is_deleted_under_a_worker_makes_it_unready_and_ends_it(
    broker: Broker, fresh: str, tmp_path: Path, field: str
):
    settings = settings_of(broker, fresh)
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1) as (worker,):
        await until(lambda: ready(worker))
        topic = getattr(set_up(settings).topics, field)
        await delete(settings, topic)
        await until(lambda: unready(worker, f"missing topics: {topic}"), 15)
        code, _ = await ended(worker)
        assert code != 0
        worker.start()
        code, log = await ended(worker)
        assert (code, f"missing topics: {topic}; run weir topics create" in log) == (71, True)


@pytest.mark.chaos
async def test_a_restart_of_the_broker_ends_nobody(fresh: str, tmp_path: Path):
    async with Broker() as own:
        settings = settings_of(own, fresh)
        await set_up(settings).create_topics()
        async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
            await decide(kafka, 0)
            for n in range(1, 4):
                await own.restart()
                await until(lambda: ready(worker))
                await decide(kafka, n)
            await asyncio.sleep(12)  # two looks
            assert await ready(worker)
            assert await worker.stop() == 0


@pytest.mark.chaos
@pytest.mark.parametrize("rest", [0, 3], ids=["nothing follows", "more follows"])
async def test_what_retention_took_is_counted_and_said_and_the_worker_goes_on(
    broker: Broker, fresh: str, tmp_path: Path, rest: int
):
    settings = settings_of(broker, fresh)
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        await kafka.feedback([said(0)])
        await decide(kafka, 0, 1, 2)
        assert await worker.stop() == 0
        await kafka.transactions(payment(n) for n in range(3, 10))
        await kafka.feedback(said(n) for n in range(1, 10))
        before = await kafka.count(kafka.topics.feedback) - 10
        await cut(settings, kafka.topics.events, 10 - rest)
        await cut(settings, kafka.topics.feedback, before + 10)
        worker.start()
        await until(kafka.caught_up)
        await until(lambda: ready(worker))

        async def counted() -> bool:
            return await metric(worker, "weir_records_expired_unread_total") == 16 - rest

        await until(counted)
        log = since(worker)
        last = 9 - rest
        assert f"{kafka.topics.events}[0]: offsets 3 to {last}, {7 - rest} in all, were" in log
        labels = f"{kafka.topics.feedback}[0]: offsets {before + 1} to {before + 9}, 9 in all, were"
        assert labels in log
        assert not await has_decided(kafka, "t5")
        assert await has_decided(kafka, *(f"t{n}" for n in range(10 - rest, 10)))
        await decide(kafka, 20)
        assert await worker.stop() == 0


@pytest.mark.chaos
async def test_fleets_of_two_prefixes_do_not_share_a_group(
    broker: Broker, fresh: str, tmp_path: Path
):
    ours, theirs = settings_of(broker, fresh), settings_of(broker, f"{fresh}2-")
    theirs = theirs.model_copy(update={"app_id": ours.app_id})
    for settings in (ours, theirs):
        await set_up(settings).create_topics()
    for n in "123":
        (tmp_path / n).mkdir()
    async with workers(ours, tmp_path / "1", 1) as (one,):
        await until(lambda: ready(one))
        async with workers(theirs, tmp_path / "2", 1) as (other,):
            code, log = await ended(other)
            assert code == 71
            assert f"{ours.app_id} has members that read {fresh}" in log
            assert "fleets with different WEIR_TOPIC_PREFIX need different WEIR_APP_ID" in log
            assert await ready(one)
        async with workers(
            theirs.model_copy(update={"app_id": f"{ours.app_id}2"}), tmp_path / "3", 1
        ) as (another,):
            with pytest.raises(TopicsError):
                await set_up(another.settings).check_topics()
            await set_up(another.settings).create_topics()
            another.start()
            await until(lambda: ready(another))


@pytest.mark.parametrize("count", [1, 3])
async def test_nothing_is_made_while_a_topic_has_other_partitions(
    broker: Broker, fresh: str, count: int
):
    """A producer was first, and the broker made it a topic."""
    settings = settings_of(broker, fresh, partitions=2)
    names = set_up(settings).topics
    for topic in names.inputs:
        await make(settings, topic, count)
    with pytest.raises(TopicsError) as refused:
        await set_up(settings).create_topics()
    assert str(refused.value).startswith(
        f"{names.events} and {names.feedback} have {count} partition"
    )
    assert "; nothing was created: set WEIR_PARTITIONS=" in str(refused.value)
    async with administered(settings) as admin:
        made = [name for name in await admin.list_topics() if name.startswith(fresh)]
    assert sorted(made) == sorted(names.inputs)


@pytest.mark.chaos
@pytest.mark.parametrize("advice", ["set WEIR_PARTITIONS=1", "delete"])
async def test_a_topic_that_a_producer_made_is_taken_or_made_anew(
    broker: Broker, fresh: str, tmp_path: Path, advice: str
):
    settings = settings_of(broker, fresh, partitions=2)
    names = set_up(settings).topics
    await make(settings, names.events, 1)
    with pytest.raises(TopicsError, match=advice):
        await set_up(settings).create_topics()
    if advice == "delete":
        await delete(settings, names.events)
    else:
        settings = settings.model_copy(update={"partitions": 1})
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1), Kafka(settings) as kafka:
        await decide(kafka, 0, 1)
