"""The broker's side of a run: topics, what lies in them, and how far a group is."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.broker.broker import Broker
from app.broker.home import DATA
from app.core.partitioning import partition_of
from app.runtime.reading import bounds, stretch
from app.runtime.writer import Out, Writers
from benchmarks.engines.work import Transaction, write

PARTITIONS = 4
COMPACTED = {"cleanup.policy": "compact"}


class Log:
    """Clients of one broker. `start` connects them, `stop` lets them go."""

    def __init__(self, broker: Broker) -> None:
        self.broker, self.brokers = broker, broker.bootstrap
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
        self.writers = Writers(self.brokers)
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=self.brokers, enable_auto_commit=False, auto_offset_reset="none"
        )

    async def __aenter__(self) -> "Log":
        await self.admin.start()
        await self.writers.start()
        await self.consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.consumer.stop()
        await self.writers.stop()
        await self.admin.close()

    async def create(self, *names: str, compacted: Iterable[str] = ()) -> None:
        """Make topics; those in `compacted` keep the last record of each key."""
        plain = [NewTopic(name, PARTITIONS, 1) for name in names]
        rest = [NewTopic(name, PARTITIONS, 1, topic_configs=COMPACTED) for name in compacted]
        await self.admin.create_topics([*plain, *rest])
        wanted = {*names, *compacted}
        while not wanted <= set(await self.admin.list_topics()):
            await asyncio.sleep(0.05)

    async def fill(self, topic: str, rows: Iterable[Transaction]) -> None:
        """Write transactions, each to its customer's partition."""
        parts: dict[int, list[Out]] = {}
        for tx in rows:
            record = Out(tx.customer.encode(), write(tx))
            parts.setdefault(partition_of(tx.customer, PARTITIONS), []).append(record)
        for partition, records in parts.items():
            self.writers(topic, partition).put(records)
        await self.writers.flush()

    async def count(self, topic: str) -> int:
        """How many records were written to a topic."""
        return sum((await self.consumer.end_offsets(partitions(topic))).values())

    async def committed(self, group: str, topic: str) -> int:
        """How many records of a topic a group has committed."""
        found = await self.admin.list_consumer_group_offsets(group)
        return sum(max(found[tp].offset, 0) for tp in partitions(topic) if tp in found)

    async def read(self, topic: str) -> list[list[ConsumerRecord]]:
        """All records of a topic, partition by partition."""
        found: list[list[ConsumerRecord]] = []
        for tp in partitions(topic):
            self.consumer.assign([tp])
            begin, end = await bounds(self.consumer, tp)
            found.append([])
            async for records in stretch(self.consumer, tp, begin, end):
                found[-1] += records
        return found

    async def topics(self, group: str) -> list[str]:
        """The topics whose names tell that they belong to a group."""
        return [name for name in await self.admin.list_topics() if group in name]

    def size(self, topics: Sequence[str]) -> int:
        """Bytes of the records of topics in the broker's log, as they came over the wire."""
        data: Path = self.broker.directory / DATA
        return sum(
            file.stat().st_size
            for topic in topics
            for partition in range(PARTITIONS)
            for file in (data / f"{topic}-{partition}").glob("*.log")
        )


def partitions(topic: str) -> list[TopicPartition]:
    """The partitions of a topic of a run."""
    return [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
