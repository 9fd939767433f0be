"""Real workers as processes, and what tests ask of a topic's log."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import SecretStr

from app.apps import set_up
from app.broker.child import Child
from app.broker.ports import choose_ports
from app.core.partitioning import partition_of
from app.runtime.reading import bounds, reader, stretch
from app.settings import Settings
from app.streams.fraud.messages import Feedback, Transaction
from app.wire import encode

STOP = 20.0  # seconds that a graceful stop may take


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give a process these settings."""
    given = settings.model_dump(exclude_unset=True)
    return {
        f"WEIR_{name.upper()}": value.get_secret_value()
        if isinstance(value, SecretStr)
        else str(value)
        for name, value in given.items()
    }


class WorkerProcess:
    """`weir worker` with these settings, its own data directory and its own port."""

    module: tuple[str, ...] = ("app", "worker")

    def __init__(self, settings: Settings, directory: Path, name: str) -> None:
        port, _ = choose_ports(None)
        self.data = directory / name
        self.log = directory / f"{name}.log"
        self.directory = directory
        self.settings = settings.model_copy(update={"data_dir": self.data, "web_port": port})
        self.environment: dict[str, str] = {}
        self.child: Child | None = None
        self.begun = 0  # where the log of the present start begins

    @property
    def url(self) -> str:
        return self.settings.url

    def start(self, die_at: str = "") -> None:
        """Start it; with `die_at`, to die at a place that tests/system/dying_worker.py knows."""
        if self.child is not None:
            self.child.kill()  # lets go of what the last one left
        env = [f"{name}={value}" for name, value in environment(self.settings).items()]
        env += [f"{name}={value}" for name, value in self.environment.items()]
        env.append(f"PYTHONPATH={Path(__file__).parents[2]}")
        self.begun = self.log.stat().st_size if self.log.exists() else 0
        module = self.module
        if die_at:
            env.append(f"DIE_AT={die_at}")
            module = ("tests.system.dying_worker",)
        command = ["env", *env, sys.executable, "-m", *module]
        self.child = Child(command, self.directory, self.log)

    async def joined(self) -> bool:
        """Whether it has recovered the partitions that the group gave it since it started."""
        return b"Worker ready" in self.log.read_bytes()[self.begun :]

    def kill(self) -> None:
        """SIGKILL."""
        assert self.child is not None
        self.child.kill()

    async def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        assert self.child is not None
        os.kill(self.child.pid, 15)
        async with asyncio.timeout(STOP):
            return await self.child.wait()

    def wipe(self) -> None:
        shutil.rmtree(self.data)


@asynccontextmanager
async def workers(
    settings: Settings, directory: Path, count: int, start: bool = True
) -> AsyncIterator[list]:
    """Workers, started unless the test does that; whatever happens, none is left."""
    started = [WorkerProcess(settings, directory, f"worker-{n}") for n in range(count)]
    try:
        for worker in started if start else ():
            worker.start()
        yield started
    except BaseException:
        for worker in started:
            if worker.log.exists():
                print(f"--- {worker.log.name}\n{worker.log.read_text()[-4000:]}")
        raise
    finally:
        for worker in started:
            if worker.child is not None:
                worker.child.kill()


async def until(condition: Callable, seconds: float = 60.0) -> object:
    """Wait until an async condition is true; its value."""
    async with asyncio.timeout(seconds):
        while not (value := await condition()):
            await asyncio.sleep(0.1)
        return value


class Kafka:
    """A producer and readers of the test's topics."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topics = set_up(settings).topics
        self.producer = AIOKafkaProducer(
            bootstrap_servers=settings.brokers, acks="all", max_request_size=4 << 20
        )

    async def __aenter__(self) -> "Kafka":
        await self.producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.producer.stop()

    async def transactions(self, rows: Iterable[Transaction], astray: int = 0) -> None:
        """Send transactions, each so many partitions behind its own."""
        for tx in rows:
            partition = partition_of(tx.customer, self.settings.partitions) + astray
            partition %= self.settings.partitions
            await self.send(self.topics.events, tx.customer, encode(tx), partition=partition)
        await self.producer.flush()

    async def feedback(self, rows: Iterable[Feedback]) -> None:
        for said in rows:
            await self.send(self.topics.feedback, said.key, encode(said))
        await self.producer.flush()

    async def send(self, topic: str, customer: str, value: bytes | None, **more: object) -> None:
        partition = partition_of(customer, self.settings.partitions)
        await self.producer.send(
            topic, value, key=customer.encode(), **{"partition": partition, **more}
        )

    async def committed(self) -> dict[TopicPartition, int]:
        """How far the group is with each source partition, by its own account."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.brokers)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(self.settings.app_id)
        finally:
            await admin.close()
        return {tp: meta.offset for tp, meta in found.items()}

    async def caught_up(self) -> bool:
        """Whether everything in the sources was worked on and committed."""
        await self.producer.flush()
        committed = await self.committed()  # first: what is committed may have led to more
        sources = (self.topics.events, self.topics.feedback)
        tps = [tp for topic in sources for tp in self._partitions(topic)]
        async with reader(self.settings.brokers, *tps) as consumer:
            ends = await consumer.end_offsets(tps)
        return all(committed.get(tp, 0) == end for tp, end in ends.items())

    async def count(self, topic: str) -> int:
        """How many records a topic holds."""
        tps = self._partitions(topic)
        async with reader(self.settings.brokers, *tps) as consumer:
            return sum((await consumer.end_offsets(tps)).values())

    async def read(self, topic: str) -> list[ConsumerRecord]:
        """Everything in a topic, partition by partition."""
        found: list[ConsumerRecord] = []
        tps = self._partitions(topic)
        async with reader(self.settings.brokers, *tps) as consumer:
            for tp in tps:
                consumer.pause(*tps)
                consumer.resume(tp)
                begin, end = await bounds(consumer, tp)
                async for records in stretch(consumer, tp, begin, end):
                    found += records
        return found

    def _partitions(self, topic: str) -> list[TopicPartition]:
        count = 1 if topic == self.topics.examples else self.settings.partitions
        return [TopicPartition(topic, partition) for partition in range(count)]
