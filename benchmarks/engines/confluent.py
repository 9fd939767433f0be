"""A bare loop over confluent-kafka with RocksDB and a changelog, 500 records at a time.

It has what the work needs and no more: no recovery, no hand-over when partitions move.
"""

import signal
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, Producer

from benchmarks.engines.job import Job, given
from benchmarks.engines.store import Rings
from benchmarks.engines.work import Judge, read

BATCH = 500
WAIT = 0.1  # seconds for the first record of a batch
COMMIT_EVERY = 1.0  # seconds
LINGER_MS = {False: 20, True: 0}  # by whether transactions come at a pace


def consumer(job: Job) -> Consumer:
    """A member of the group that commits only when it is told to."""
    return Consumer(
        {
            "bootstrap.servers": job.brokers,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
        }
    )


def producer(job: Job) -> Producer:
    """Idempotent, so acks=all."""
    return Producer(
        {
            "bootstrap.servers": job.brokers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": LINGER_MS[job.paced],
            "batch.size": 900_000,
            "queue.buffering.max.messages": 1_000_000,
        }
    )


class Loop:
    """Poll, work, write, and commit what is acknowledged."""

    def __init__(self, job: Job) -> None:
        self.job, self.consumer, self.producer = job, consumer(job), producer(job)
        self.judges: defaultdict[int, Judge] = defaultdict(Judge)
        self.rings: dict[int, Rings] = {}
        self.running = True

    def run(self) -> None:
        """Work until `running` is False."""
        self.consumer.subscribe([self.job.source])
        due = time.monotonic() + COMMIT_EVERY
        while self.running:
            if (first := self.consumer.poll(WAIT)) is not None:
                self.work([first, *self.consumer.consume(BATCH - 1, 0)])
            self.producer.poll(0)
            if time.monotonic() >= due:
                self.commit()
                due = time.monotonic() + COMMIT_EVERY
        self.commit()
        self.consumer.close()
        for rings in self.rings.values():
            rings.close()

    def work(self, messages: list[Message]) -> None:
        """Judge a batch, partition by partition, and write what came of it."""
        parts: dict[int, list[Message]] = {}
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            parts.setdefault(message.partition(), []).append(message)
        for partition, part in parts.items():
            self.work_partition(partition, part)

    def work_partition(self, partition: int, messages: list[Message]) -> None:
        if partition not in self.rings:
            self.rings[partition] = Rings(Path(self.job.state), partition)
        rings, judge, predictions = self.rings[partition], self.judges[partition], []
        for message in messages:
            key = message.key()
            ring, prediction = judge.work(read(message.value()), rings.get(key))
            rings.put(key, ring)
            predictions.append((key, prediction))
        produce = partial(self.producer.produce, partition=partition, on_delivery=delivered)
        for key, ring in rings.write().items():
            produce(self.job.changelog, ring, key)
        for key, prediction in predictions:
            produce(self.job.predictions, prediction, key)
        self.consumer.store_offsets(messages[-1])

    def commit(self) -> None:
        """Commit the positions, once all that they stand for is acknowledged."""
        self.producer.flush()
        try:
            self.consumer.commit(asynchronous=False)
        except KafkaException as error:
            if error.args[0].name() != "_NO_OFFSET":  # nothing new
                raise

    def stop(self, *_: object) -> None:
        """End after the present batch: a signal's handler."""
        self.running = False


def delivered(error: object, _: Message) -> None:
    """A write that the broker did not take ends the loop."""
    if error is not None:
        raise KafkaException(error)


if __name__ == "__main__":
    loop = Loop(given())
    signal.signal(signal.SIGTERM, loop.stop)
    loop.run()
