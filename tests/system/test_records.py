"""Records as other clients and topics make them, on the real broker, through a real worker."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.apps import set_up
from app.broker.broker import Broker
from app.runtime.topics.shapes import Topics
from app.serving.dead_letters.headers import given_back
from app.serving.dead_letters.read import Letter, letters
from app.settings import Settings
from app.streams.fraud.messages import read_example, read_prediction
from tests import batches
from tests.batches import COMPRESSED, LZ4, ZSTD, batch, batch_of, record
from tests.system.test_bad_input import label as said
from tests.system.test_bad_input import transaction
from tests.system.workers import Kafka, WorkerProcess, until, workers

CODECS = ("gzip", "snappy", "lz4", "zstd")
TRACE = ("trace", b"\x00\xff 4711")


@pytest.fixture
def partitions() -> int:
    return 1


async def configure(settings: Settings, **configs: dict[str, str]) -> None:
    """Set configurations of topics, by the topic's name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, *one) for one in configs.items()]
        )
    finally:
        await admin.close()


def compressed(names: Topics) -> dict[str, dict[str, str]]:
    """Every topic of ours is compressed by the broker, whatever is written to it."""
    ours = [names.predictions, names.review, names.examples, names.dead_letters]
    ours += names.changelogs.values()
    return {
        name: {"compression.type": CODECS[n % 4], "max.message.bytes": str(4 << 20)}
        for n, name in enumerate(ours)
    }


class Stranger:
    """Somebody's client that writes batches of its own making to partition 0."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka, self.topic = kafka, kafka.topics.events

    async def publish(self, raw: bytes, count: int) -> int:
        """Returns the batch's first offset."""
        producer = self.kafka.producer
        await producer.flush()
        builder = producer.create_batch()
        builder.close()
        builder._buffer, builder._relative_offset = raw, count
        sent = await producer.send_batch(builder, self.topic, partition=0)
        return (await sent).offset

    async def transactions(self, ids: Sequence[str], codec: int, compress, **more: int) -> None:
        await self.publish(batch_of([*map(transaction, ids)], codec, compress, **more), len(ids))


async def decided(kafka: Kafka) -> list[str]:
    """What was decided, in order; a worker that starts repeats the last decision."""
    records = await kafka.read(kafka.topics.predictions)
    return list(dict.fromkeys(read_prediction(record.value).id for record in records))


async def all_letters(settings: Settings) -> list[Letter]:
    return [letter async for letter in letters(set_up(settings))]


def flip(broker: Broker, tp: TopicPartition, inside: bytes) -> None:
    """A bit of the broker's disk is wrong, in the record that holds these bytes."""
    segments = broker.directory.rglob(f"{tp.topic}-{tp.partition}/*.log")
    (path,) = (segment for segment in segments if inside in segment.read_bytes())
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(inside))
        file.write(bytes([inside[0] ^ 1]))


async def test_batches_of_all_clients_are_decided_and_the_unreadable_are_letters(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    names = set_up(settings).topics
    by_the_broker = {"message.timestamp.type": "LogAppendTime"}
    await configure(settings, **compressed(names), **{names.feedback: by_the_broker})
    async with Kafka(settings) as kafka:
        stranger = Stranger(kafka)
        expected = await publish_compressed(stranger)
        odd = record(0, transaction("an odd name"), headers=[(b"\xff", b"")])
        await stranger.publish(batch(odd, 1), 1)
        large = batch(batches.zstd_encode(record(0, b" " * (64 << 20))), 1, ZSTD)
        bomb = await stranger.publish(large, 1)
        await stranger.transactions(["timeless"], LZ4, batches.lz4_encode, timestamp=-1)
        torn = await stranger.publish(batch_of([transaction("torn 1"), transaction("torn 2")]), 2)
        await kafka.send(names.events, "c", b"nonsense", partition=0, headers=[TRACE])
        await stranger.transactions(["last"], ZSTD, COMPRESSED["zstd without its size"][1])
        expected += ["an odd name", "timeless", "last"]
        flip(broker, TopicPartition(names.events, 0), b"torn 2")
        async with workers(settings, tmp_path, 1) as (worker,):
            await until(kafka.caught_up)
            assert await worker.stop() == 0
            worker.wipe()  # all of the changelogs is read back, compressed
            await kafka.send(names.events, "c", transaction("after"), partition=0)
            worker.start()
            await until(kafka.caught_up)
            assert await worker.stop() == 0
        assert await decided(kafka) == [*expected, "after"]
        assert [read_example(r.value).id for r in await kafka.read(names.examples)] == [*CODECS]
        too_large, spoilt, nonsense = await all_letters(settings)
        assert (too_large.place, too_large.last) == ((0, bomb), bomb)
        assert "more than 16 MiB" in too_large.reason
        assert (spoilt.place, spoilt.last) == ((0, torn), torn + 1)
        assert "checksum" in spoilt.reason and b"torn 1" in spoilt.value
        assert given_back(nonsense.headers) == [TRACE]
        log = worker.log.read_text()
        assert log.count("cannot be read and become a dead letter") == 2


async def publish_compressed(stranger: Stranger) -> list[str]:
    """Transactions of every client and codec, and labels; the ids in order."""
    ids: list[str] = []
    for n, (codec, compress) in enumerate(COMPRESSED.values()):
        three = [f"t{n}-{m}" for m in range(3)]
        await stranger.transactions(three, codec, compress)
        ids += three
    names, brokers = stranger.kafka.topics, stranger.kafka.settings.brokers
    for codec in CODECS:
        async with AIOKafkaProducer(bootstrap_servers=brokers, compression_type=codec) as producer:
            await producer.send_and_wait(names.events, transaction(codec), partition=0)
            await producer.send_and_wait(names.feedback, said(codec), partition=0)
        ids.append(codec)
    return ids


async def test_a_topic_of_ours_that_cannot_be_read_ends_the_worker_with_its_place(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    names = set_up(settings).topics
    async with Kafka(settings) as kafka, workers(settings, tmp_path, 1) as (worker,):
        for n in range(3):
            await kafka.send(names.events, "c", transaction(f"t{n}"), partition=0)
            await until(kafka.caught_up)
        assert await worker.stop() == 0
        worker.wipe()
        customers = TopicPartition(names.changelogs["customers"], 0)
        flip(broker, customers, (await kafka.read(customers.topic))[-1].value)
        worker.start()
        async with asyncio.timeout(60):
            assert await worker.child.wait() == 71
        (told,) = (line for line in worker.log.read_text().splitlines() if "Leaving" in line)
        assert f"{customers.topic}[0] @ " in told and "its checksum is wrong" in told
        assert "Traceback" not in worker.log.read_text()


async def write(producer: AIOKafkaProducer, names: Topics, ids: Sequence[str], keep: bool) -> None:
    """A transaction with payments and labels, committed or aborted."""
    await producer.begin_transaction()
    for tx in ids:
        await producer.send(names.events, transaction(tx), partition=0)
        await producer.send(names.feedback, said(tx), partition=0)
    await (producer.commit_transaction() if keep else producer.abort_transaction())


def read_status(worker: WorkerProcess) -> dict:
    with urlopen(f"{worker.url}/status") as answer:
        return json.load(answer)


async def test_a_log_that_ends_with_aborted_records_is_read_to_its_end(
    settings: Settings, tmp_path: Path
) -> None:
    """From the start of a group on, and after something was decided."""
    names = set_up(settings).topics
    upstream = AIOKafkaProducer(
        bootstrap_servers=settings.brokers, transactional_id=settings.app_id + "-upstream"
    )
    async with Kafka(settings) as kafka, upstream, workers(settings, tmp_path, 1) as (worker,):
        for kept in ("first", "second"):
            for _ in range(3):
                await write(upstream, names, [f"aborted {n}" for n in range(170)], keep=False)
            await until(kafka.caught_up)
            await write(upstream, names, [kept], keep=True)
            await until(kafka.caught_up)
        status = await asyncio.to_thread(read_status, worker)
        assert [(one["lag"], one["feedback_lag"]) for one in status["partitions"]] == [(0, 0)]
        assert await worker.stop() == 0
        assert await decided(kafka) == ["first", "second"]
        assert "fetching again" not in worker.log.read_text(), "what is empty is known to be"
