"""One worker catching up on a real broker: CPU, rate and bytes a transaction and a label.

    python -m benchmarks.worker [TRANSACTIONS]

Simulated transactions lie in the log before the worker starts; it decides all of them, then
learns one label for each. CPU is the worker process's own, from its first decision on. Bytes
are the values in the topics: what a transaction or a label adds to them before compaction.
"""

import asyncio
import sys
import tempfile
import time
from itertools import chain, islice
from pathlib import Path

from aiokafka import TopicPartition

from app.cli.demo.fleet import Fleet, choose_ports
from app.data.rows import Labelled
from app.data.simulator import transactions
from app.data.traffic import Traffic
from app.messages import Feedback
from app.settings import Settings, read_settings
from app.stream import topics
from app.stream.broker import Broker
from app.stream.publish import Publisher
from app.stream.reading import bounds, reader, stretch
from app.stream.writer import Writers

COUNT = 30_000
PATIENCE = 600.0  # seconds for the whole run
POLL = 0.05


class Watch:
    """Counts and sizes of topics."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.names = topics.Topics.named(settings)

    def partitions(self, topic: str) -> list[TopicPartition]:
        count = 1 if topic == self.names.examples else self.settings.partitions
        return [TopicPartition(topic, partition) for partition in range(count)]

    async def reaches(self, topic: str, count: int) -> None:
        """Wait until a topic holds so many records."""
        tps = self.partitions(topic)
        async with reader(self.settings.brokers, *tps) as consumer:
            while sum((await consumer.end_offsets(tps)).values()) < count:
                await asyncio.sleep(POLL)

    async def bytes(self, topic: str) -> int:
        """Bytes of all values in a topic."""
        total = 0
        for tp in self.partitions(topic):
            async with reader(self.settings.brokers, tp) as consumer:
                async for records in stretch(consumer, tp, *await bounds(consumer, tp)):
                    total += sum(len(record.value or b"") for record in records)
        return total


def answer(row: Labelled) -> Feedback:
    """The truth, as an analyst would say it."""
    says = "fraud" if row.fraud else "legit"
    tx = row.tx
    return Feedback(id=tx.id, customer=tx.customer, label=says, source="analyst", at=tx.at)


async def measure(count: int, directory: Path) -> None:
    """Run it and print the figures."""
    rows = list(islice(chain.from_iterable(transactions(Traffic(seed=1))), count))
    async with Broker(directory / "kafka") as broker, asyncio.timeout(PATIENCE):
        settings = read_settings(brokers=broker.bootstrap)
        await topics.create(settings)
        watch, writers = Watch(settings), Writers(settings.brokers)
        await writers.start()
        publisher = Publisher(settings, writers)
        publisher.transactions(row.tx for row in rows)
        await writers.flush()
        fleet = Fleet(settings, choose_ports(1, None), directory)
        await fleet.start()
        try:
            await watch.reaches(watch.names.predictions, 1)
            clock = Stopwatch(fleet)
            await watch.reaches(watch.names.predictions, count)
            clock.say("transaction", count)
            publisher.labels(map(answer, rows))
            await watch.reaches(watch.names.examples, count)
            clock.say("label", count)
        finally:
            await fleet.stop(patience=20.0)
            await writers.stop()
        await say_bytes(watch, count)
    disk = sum(file.stat().st_size for file in (directory / "worker-1").rglob("*.*"))
    print(f"local disk, bytes a transaction: {disk / count:.0f}")


class Stopwatch:
    """CPU and wall time of the workers since the last look."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.cpu, self.wall = fleet.cpu_seconds(), time.monotonic()

    def say(self, what: str, count: int) -> None:
        cpu, wall = self.fleet.cpu_seconds(), time.monotonic()
        spent, took = cpu - self.cpu, wall - self.wall
        self.cpu, self.wall = cpu, wall
        print(f"{what}s a second: {count / took:.0f}; CPU us a {what}: {spent / count * 1e6:.0f}")


async def say_bytes(watch: Watch, count: int) -> None:
    """What each transaction, and its label, left in the topics."""
    names = watch.names
    for topic in (
        names.transactions,
        names.predictions,
        names.changelogs["customers"],
        names.changelogs["labels"],
        names.examples,
    ):
        print(f"{topic}, bytes a transaction: {await watch.bytes(topic) / count:.0f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as place:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT, Path(place)))
