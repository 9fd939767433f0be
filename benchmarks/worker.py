"""One worker catching up on a real broker: CPU, rate and bytes a transaction and a label.

    python -m benchmarks.worker [TRANSACTIONS]

Simulated transactions lie in the log before the worker starts; it decides all of them, then
learns one label for each. CPU is the worker process's own, from its first decision on. Bytes
are the values in the topics: what a transaction or a label adds to them before compaction.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from aiokafka import TopicPartition

from app.apps import set_up
from app.broker.broker import Broker
from app.broker.ports import choose_ports
from app.data.rows import Labelled
from app.runtime.reading import bounds, reader, stretch
from app.runtime.writer import Writers
from app.serving.publish import Publisher
from app.settings import Settings, read_settings
from app.streams.fraud.messages import Feedback
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from benchmarks.engines.process import Process, Stopwatch, Use, size

COUNT = 30_000
PATIENCE = 600.0  # seconds for the whole run
POLL = 0.02


class Watch:
    """Counts and sizes of topics."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.names = set_up(settings).topics

    def partitions(self, topic: str) -> list[TopicPartition]:
        count = 1 if topic == self.names.examples else self.settings.partitions
        return [TopicPartition(topic, partition) for partition in range(count)]

    async def reaches(self, topic: str, count: int, stopwatch: Stopwatch) -> int:
        """Wait until a topic holds so many records; how many it holds then."""
        tps = self.partitions(topic)
        async with reader(self.settings.brokers, *tps) as consumer:
            while (found := sum((await consumer.end_offsets(tps)).values())) < count:
                stopwatch.look()
                await asyncio.sleep(POLL)
        return found

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
    says = "fraud" if row.positive else "legit"
    tx = row.event
    return Feedback(id=tx.id, key=tx.customer, label=says, source="analyst", at=tx.at)


def simulated() -> Iterator[Labelled]:
    """Simulated transactions without end."""
    return chain.from_iterable(transactions(Traffic(seed=1)))


def worker(settings: Settings, directory: Path) -> Process:
    """A worker as a process: `weir worker` with these settings and a port of its own."""
    given = settings.model_dump(exclude_unset=True, exclude={"snapshot_keys"})
    told = {**given, "data_dir": directory / "state", "web_port": choose_ports(None)[0]}
    environment = {f"WEIR_{name.upper()}": str(value) for name, value in told.items()}
    return Process(["app", "worker"], directory, environment)


class CatchUp:
    """A new worker that is behind: first by transactions, then by a label for each.

    Entering it writes the transactions and starts the worker. All of it raises EngineError when
    the worker ends.

    Parameters
    ----------
    directory: an empty one, for the worker's state and log.
    """

    def __init__(self, settings: Settings, count: int, directory: Path) -> None:
        self.settings, self.directory = settings, directory
        self.rows = list(islice(simulated(), count))
        self.watch, self.writers = Watch(settings), Writers(settings.brokers)
        self.publisher = Publisher(set_up(settings), self.writers)

    async def __aenter__(self) -> "CatchUp":
        await set_up(self.settings).create_topics()
        await self.writers.start()
        self.publisher.events(row.event for row in self.rows)
        await self.writers.flush()
        self.process = worker(self.settings, self.directory)
        self.stopwatch = Stopwatch(self.process)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.process.stop()
        await self.writers.stop()

    async def decide(self) -> Use:
        """Wait until all transactions are decided: what that took, from the first on."""
        predictions, count = self.watch.names.predictions, len(self.rows)
        begun = await self.watch.reaches(predictions, 1, self.stopwatch)
        self.stopwatch.start()
        await self.watch.reaches(predictions, count, self.stopwatch)
        return self.stopwatch.use(count - begun)

    async def learn(self) -> Use:
        """Write the labels, and wait until all are settled: what that took."""
        self.stopwatch.start()
        self.publisher.labels(map(answer, self.rows))
        await self.watch.reaches(self.watch.names.examples, len(self.rows), self.stopwatch)
        return self.stopwatch.use(len(self.rows))

    def disk(self) -> int:
        """Bytes of the worker's state."""
        return size(self.directory / "state")


async def measure(count: int, directory: Path) -> None:
    """Run it on a broker of its own and print the figures."""
    place = directory / "worker"
    place.mkdir()
    async with Broker(directory / "kafka") as broker, asyncio.timeout(PATIENCE):
        settings = read_settings(brokers=broker.bootstrap)
        async with CatchUp(settings, count, place) as run:
            say("transaction", await run.decide())
            say("label", await run.learn())
        await say_bytes(run.watch, count)
    print(f"local disk, bytes a transaction: {run.disk() / count:.0f}")


def say(what: str, use: Use) -> None:
    print(f"{what}s a second: {use.events_per_s:.0f}; CPU us a {what}: {use.cpu_us:.0f}")


async def say_bytes(watch: Watch, count: int) -> None:
    """What each transaction, and its label, left in the topics."""
    names = watch.names
    for topic in (
        names.events,
        names.predictions,
        names.changelogs["customers"],
        names.changelogs["labels"],
        names.examples,
    ):
        print(f"{topic}, bytes a transaction: {await watch.bytes(topic) / count:.0f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as place:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT, Path(place)))
