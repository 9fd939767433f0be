"""What a worker does at its start with logs that other workers have written."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.apps import set_up
from app.broker.broker import Broker
from app.core.messages import ModelUsed, Origin, Source
from app.errors import TopicsError
from app.runtime.guard import Exit
from app.serving.answers import SOURCE_HEADER
from app.serving.waiting import PREFIX
from app.settings import Settings, read_settings
from app.streams.fraud.messages import Feedback, Prediction, read_example
from app.wire import encode
from tests.chaos.evidence import read_files
from tests.core import samples
from tests.system.workers import Kafka, until, workers

NOW = 1_700_000_000_000
DECIDED = Prediction(
    id="t1",
    key="c1",
    merchant="m1",
    location="",
    amount=20.0,
    at=NOW,
    score=0.1,
    decision="approve",
    reasons=[],
    mode="rules",
    model=ModelUsed("binned", "both", 0),
    features={"amount": 20.0},
    source=Source(0, 0),
    engine="another worker's",
)


def settings_of(broker: Broker, fresh: str, **more: object) -> Settings:
    return read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        **{"partitions": 1, **more},
    )


async def test_a_decision_that_is_read_back_at_the_start_frees_the_labels_that_wait_for_it(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap, topic_prefix=fresh, app_id=fresh + "weir", partitions=1
    )
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 1) as (worker,), Kafka(settings) as kafka:
        names = kafka.topics

        async def waits() -> bool:
            changes = await kafka.read(names.changelogs["labels"])
            return any(record.key.startswith(PREFIX) for record in changes)

        async def learned() -> list[str]:
            return [read_example(record.value).id for record in await kafka.read(names.examples)]

        await kafka.feedback([Feedback(id="t1", key="c1", label="fraud", source="analyst")])
        await until(waits)
        assert await worker.stop() == 0
        # What the other worker decided lies at offset 0; this one must not decide it itself.
        await kafka.send(names.events, "c1", b"unreadable")
        header = (SOURCE_HEADER, b"0")
        await kafka.send(names.predictions, "c1", encode(DECIDED), headers=[header])
        await kafka.producer.flush()
        worker.start()
        assert await until(learned, 30) == ["t1"]
        assert await worker.stop() == 0


async def test_a_label_that_waits_on_one_disk_alone_is_taken_off_when_it_is_opened_again(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    settings = settings_of(broker, fresh)
    await set_up(settings).create_topics()
    async with (
        workers(settings, tmp_path, 2, start=False) as (one, other),
        Kafka(settings) as kafka,
    ):
        names = kafka.topics

        async def learned() -> list[str]:
            return [read_example(record.value).id for record in await kafka.read(names.examples)]

        async def taken_off() -> bool:
            changes = await kafka.read(names.changelogs["labels"])
            return any(r.value is None and r.key.startswith(PREFIX) for r in changes)

        one.start(die_at="after write labels 1")
        await kafka.feedback([Feedback(id="t1", key="c1", label="fraud", source="analyst")])
        await one.child.wait()
        assert left_waiting(one.data), "it died before it wrote"
        await kafka.send(names.events, "c1", b"unreadable")
        await kafka.send(names.predictions, "c1", encode(DECIDED), headers=[(SOURCE_HEADER, b"0")])
        await kafka.producer.flush()
        other.start()
        assert await until(learned) == ["t1"]
        assert await other.stop() == 0
        assert not await taken_off(), "the other one knew of it"
        one.start()
        await until(taken_off)
        assert await one.stop() == 0
        assert not left_waiting(one.data)


def left_waiting(data: Path) -> list[bytes]:
    """The labels that wait, on the disk of a worker that does not run."""
    (path,) = data.rglob("labels-0.db")
    return [key for key in read_files(path) if key.startswith(PREFIX)]


async def decide(kafka: Kafka) -> None:
    """A transaction was decided that the log does not hold."""
    header = (SOURCE_HEADER, b"7")
    await kafka.send(kafka.topics.predictions, "c1", encode(DECIDED), headers=[header])


async def commit(kafka: Kafka) -> None:
    """More was committed than the log holds."""
    tp = TopicPartition(kafka.topics.feedback, 0)
    group, brokers = kafka.settings.app_id, kafka.settings.brokers
    consumer = AIOKafkaConsumer(group_id=group, bootstrap_servers=brokers, enable_auto_commit=False)
    async with consumer:
        consumer.assign([tp])
        await consumer.commit({tp: 7})


async def learn(kafka: Kafka, epoch: int) -> None:
    """A label was learned that the log does not hold, or not in this epoch."""
    example = msgspec.structs.replace(samples.log(1)[0][1], origin=Origin(epoch, 0, 7))
    await kafka.producer.send(kafka.topics.examples, encode(example), partition=0)


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        pytest.param(decide, "raise WEIR_EPOCH", id="a decision"),
        pytest.param(commit, "raise WEIR_EPOCH", id="a commit"),
        pytest.param(partial(learn, epoch=1), "raise WEIR_EPOCH", id="an example"),
        pytest.param(
            partial(learn, epoch=2), "is of epoch 2, but this worker's is 1", id="a later epoch"
        ),
    ],
)
async def test_a_worker_refuses_logs_in_front_of_which_others_were(
    broker: Broker, fresh: str, tmp_path: Path, before: Callable, sentence: str
) -> None:
    settings = settings_of(broker, fresh)
    await set_up(settings).create_topics()
    async with Kafka(settings) as kafka:
        await before(kafka)
        await kafka.producer.flush()
        async with workers(settings, tmp_path, 1) as (worker,):
            async with asyncio.timeout(30):
                assert await worker.child.wait() == Exit.STATE
            assert sentence in worker.log.read_text()


async def test_topics_of_another_partition_count_are_refused(broker: Broker, fresh: str) -> None:
    await set_up(settings_of(broker, fresh)).create_topics()
    with pytest.raises(TopicsError, match=r"have 1 partition, .* say 2: set WEIR_PARTITIONS=1"):
        await set_up(settings_of(broker, fresh, partitions=2)).check_topics()
