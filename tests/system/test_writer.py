"""The writers: each partition in order, every record acknowledged, or no process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from app.apps import set_up
from app.runtime.guard import Exit
from app.runtime.lease import Lease
from app.runtime.writer import BATCH_BYTES, Out, Writers
from app.settings import Settings
from tests.system.workers import Kafka

TOO_LARGE = """
import asyncio, logging, sys
from app.runtime.writer import Out, Writers

async def main(brokers, topic):
    writers = Writers(brokers)
    await writers.start()
    await writers(topic, 0).put([Out(b"k", b"small")]).acked
    await writers(topic, 0).put([Out(b"k", bytes(2_000_000))]).acked
    print("went on")

logging.basicConfig(stream=sys.stderr, format="%(message)s")
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Writers]:
    writers = Writers(settings.brokers)
    await writers.start()
    try:
        yield writers
    finally:
        await writers.stop()


async def values(settings: Settings, topic: str) -> list[bytes]:
    async with Kafka(settings) as kafka:
        return [record.value for record in await kafka.read(topic)]


async def test_two_callers_keep_the_order_of_their_calls(settings: Settings):
    topic = set_up(settings).topics.predictions
    said: list[bytes] = []

    async def talk(writers: Writers, who: str) -> None:
        for n in range(50):
            records = [Out(b"k", f"{who} {n} {part}".encode()) for part in range(3)]
            said.extend(record.value for record in records)
            receipt = writers(topic, 0).put(records)
            await (receipt.handed if n % 7 else receipt.acked)

    async with running(settings) as writers:
        await asyncio.gather(talk(writers, "score"), talk(writers, "learn"))
    assert await values(settings, topic) == said


async def test_a_large_put_is_split_and_its_parts_are_told_in_order(settings: Settings):
    topic = set_up(settings).topics.predictions
    told: list[tuple[int, int]] = []
    records = [Out(b"k", n.to_bytes(4, "big") * 25_000) for n in range(40)]
    async with running(settings) as writers:
        await writers(topic, 1).put([Out(b"k", b"before")]).acked
        receipt = writers(topic, 1).put(records, lambda base, count: told.append((base, count)))
        await receipt.acked
    assert len(told) >= sum(len(record.value) for record in records) / BATCH_BYTES
    ends = [1, *(base + count for base, count in told)]
    assert [base for base, _ in told] == ends[:-1]
    assert ends[-1] == 1 + len(records)
    assert (await values(settings, topic))[1:] == [record.value for record in records]


async def test_flush_waits_for_all_that_was_put_before(settings: Settings):
    names = set_up(settings).topics
    async with running(settings) as writers:
        receipts = [
            writers(topic, partition).put([Out(b"k", bytes(10_000))] * 200)
            for topic in (names.predictions, names.review)
            for partition in range(2)
        ]
        assert not any(receipt.acked.done() for receipt in receipts)
        await writers.flush()
        assert all(receipt.acked.done() for receipt in receipts)


async def test_stopping_writes_out_what_is_queued(settings: Settings):
    topic = set_up(settings).topics.predictions
    async with running(settings) as writers:
        writers(topic, 0).put(Out(b"k", str(n).encode()) for n in range(1000))
    assert len(await values(settings, topic)) == 1000


async def test_nothing_to_write_is_written_at_once(settings: Settings):
    async with running(settings) as writers:
        receipt = writers(set_up(settings).topics.predictions, 0).put([])
        assert receipt.handed.done()
        assert receipt.acked.done()


async def test_nothing_leaves_while_the_group_is_silent(settings: Settings):
    topic, now = set_up(settings).topics.predictions, 0.0
    lease = Lease(10.0, clock=lambda: now)
    lease.renew(0.0)
    writers = Writers(settings.brokers, lease)
    await writers.start()
    try:
        now = 9.0
        receipt = writers(topic, 0).put([Out(b"k", b"v")])
        done, _ = await asyncio.wait([receipt.acked], timeout=0.5)
        assert not done
        assert await values(settings, topic) == []
        lease.renew(now)
        await asyncio.wait_for(receipt.acked, 10)
    finally:
        await writers.stop()
    assert await values(settings, topic) == [b"v"]


async def test_headers_and_times_are_written(settings: Settings):
    topic = set_up(settings).topics.predictions
    async with running(settings) as writers:
        await writers(topic, 0).put([Out(None, b"v", (("a", b"1"), ("b", b"2")), 1234)]).acked
    async with Kafka(settings) as kafka:
        (record,) = await kafka.read(topic)
    assert (record.key, record.timestamp) == (None, 1234)
    assert record.headers == (("a", b"1"), ("b", b"2"))


async def test_a_record_that_the_broker_refuses_ends_the_process(settings: Settings):
    topic = set_up(settings).topics.predictions
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-c", TOO_LARGE, settings.brokers, topic]
    child = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    out, errors = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode == Exit.PRODUCE
    assert out == b""
    assert f"{topic}[0]: MessageSizeTooLargeError" in errors.decode()
    assert await values(settings, topic) == [b"small"]


async def test_the_producer_may_not_repeat_or_reorder(settings: Settings):
    async with running(settings) as writers:
        producer: AIOKafkaProducer = writers.producer
        assert producer._txn_manager is not None, "idempotence is off"
