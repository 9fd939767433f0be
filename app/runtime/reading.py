"""Reading a range of a topic's partition without a consumer group."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError, OffsetOutOfRangeError

from app.errors import StateError
from app.runtime.fetching import batches

FETCH_WAIT_MS = 50
AGAIN = 0.5  # seconds between two attempts to reach a broker


@asynccontextmanager
async def reader(
    brokers: str, *tps: TopicPartition, patience: float = 0.0
) -> AsyncIterator[AIOKafkaConsumer]:
    """A connected consumer of some partitions that never seeks on its own.

    It tries to connect for `patience` seconds: a broker may be restarting.

    `auto_offset_reset="none"`: an offset that the log no longer has is an error to report,
    never a silent jump to its end.

    Raises
    ------
    StateError
        A codec is missing; or, from what it reads, a batch cannot be read.
    """
    batches.install()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=4 << 20,
    )
    try:
        await _connect(consumer, patience)
        consumer.assign(tps)
        yield consumer
    finally:
        await consumer.stop()


async def _connect(consumer: AIOKafkaConsumer, patience: float) -> None:
    until = asyncio.get_running_loop().time() + patience
    while True:
        try:
            return await consumer.start()
        except KafkaConnectionError:
            if asyncio.get_running_loop().time() >= until:
                raise
        await asyncio.sleep(AGAIN)


async def bounds(consumer: AIOKafkaConsumer, tp: TopicPartition) -> tuple[int, int]:
    """First offset of a partition and the one after its last."""
    begin = await consumer.beginning_offsets([tp])
    end = await consumer.end_offsets([tp])
    return begin[tp], end[tp]


async def stretch(
    consumer: AIOKafkaConsumer, tp: TopicPartition, start: int, end: int
) -> AsyncIterator[list[ConsumerRecord]]:
    """The records with start <= offset < end, in lists as they arrive.

    Raises
    ------
    StateError
        The log no longer holds `start`.
    """
    if start >= end:
        return
    consumer.seek(tp, start)
    while await consumer.position(tp) < end:
        try:
            fetched = await consumer.getmany(tp, timeout_ms=1000)
        except OffsetOutOfRangeError:
            raise StateError(f"{tp.topic}[{tp.partition}] no longer holds offset {start}") from None
        records = [record for record in fetched.get(tp, ()) if record.offset < end]
        if records:
            yield records
