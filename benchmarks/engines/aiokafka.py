"""A bare loop over aiokafka with RocksDB and a changelog, batch by batch.

It has what the work needs and no more: no recovery, no hand-over when partitions move.
"""

import asyncio
import signal
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from benchmarks.engines.job import Job, given
from benchmarks.engines.store import Rings
from benchmarks.engines.work import Judge, read

BATCH = 500
WAIT_MS = 100  # for the first record of a batch
COMMIT_EVERY = 1.0  # seconds
BATCH_BYTES = 900_000


class Loop:
    """Fetch, work, write, and commit what is acknowledged."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.consumer = AIOKafkaConsumer(
            job.source,
            bootstrap_servers=job.brokers,
            group_id=job.group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        self.producer = AIOKafkaProducer(
            bootstrap_servers=job.brokers,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
        )
        self.judges: defaultdict[int, Judge] = defaultdict(Judge)
        self.rings: dict[int, Rings] = {}
        self.positions: dict[TopicPartition, int] = {}
        self.sent: list[asyncio.Future] = []
        self.running = True

    async def run(self) -> None:
        """Work until `running` is False."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stop)
        await self.producer.start()
        await self.consumer.start()
        due = time.monotonic() + COMMIT_EVERY
        while self.running:
            fetched = await self.consumer.getmany(timeout_ms=WAIT_MS, max_records=BATCH)
            for tp, records in fetched.items():
                await self.work(tp, records)
            if time.monotonic() >= due:
                await self.commit()
                due = time.monotonic() + COMMIT_EVERY
        await self.commit()
        await self.consumer.stop()
        await self.producer.stop()
        for rings in self.rings.values():
            rings.close()

    async def work(self, tp: TopicPartition, records: list[ConsumerRecord]) -> None:
        """Judge a batch of one partition and write what came of it."""
        if tp.partition not in self.rings:
            self.rings[tp.partition] = Rings(Path(self.job.state), tp.partition)
        rings, judge, predictions = self.rings[tp.partition], self.judges[tp.partition], []
        for record in records:
            ring, prediction = judge.work(read(record.value), rings.get(record.key))
            rings.put(record.key, ring)
            predictions.append((record.key, prediction))
        await self.send(self.job.changelog, tp.partition, rings.write().items())
        await self.send(self.job.predictions, tp.partition, predictions)
        self.positions[tp] = records[-1].offset + 1

    async def send(
        self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Hand records to the producer as whole batches."""
        batch = self.producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:  # full
                self.sent.append(await self.producer.send_batch(batch, topic, partition=partition))
                batch = self.producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        self.sent.append(await self.producer.send_batch(batch, topic, partition=partition))

    async def commit(self) -> None:
        """Commit the positions, once all that they stand for is acknowledged."""
        positions, sent = self.positions, self.sent
        self.positions, self.sent = {}, []
        await asyncio.gather(*sent)
        if positions:
            await self.consumer.commit(positions)

    def stop(self) -> None:
        """End after the present batch."""
        self.running = False


async def main(job: Job) -> None:
    """Work until SIGTERM. Its clients are made where a loop runs."""
    await Loop(job).run()


if __name__ == "__main__":
    uvloop.run(main(given()))
