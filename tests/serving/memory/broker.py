"""Logs in memory, what reads and writes them, and the places between two writes."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

from app.runtime.writer import OnAck, Out, Receipt
from tests.serving.memory.inputs import NOW, PARTITION


class Aborted(Exception):
    """The worker has ended in front of this place."""


class Places:
    """The places that a worker has passed; in front of `end`, a number or a name, it ends."""

    def __init__(self, end: int | str | None = None) -> None:
        self.end = end
        self.names: list[str] = []
        self.ended = False

    def reach(self, name: str) -> None:
        """Pass a place, or end there."""
        self.ended = self.ended or self.end in (len(self.names), name)
        if self.ended:
            raise Aborted(name)
        self.names.append(name)


class Logs:
    """The logs by topic and partition, and all of their records in the order of landing."""

    def __init__(self) -> None:
        self.of: defaultdict[tuple[str, int], list[ConsumerRecord]] = defaultdict(list)
        self.journal: list[ConsumerRecord] = []

    def append(self, topic: str, partition: int, out: Out) -> int:
        """Take in a record; returns its offset."""
        log = self.of[topic, partition]
        at = NOW if out.timestamp is None else out.timestamp
        place = (topic, partition, len(log), at, 0)
        record = ConsumerRecord(*place, out.key, out.value, None, -1, -1, tuple(out.headers))
        log.append(record)
        self.journal.append(record)
        return record.offset


class Consumer:
    """What Weir asks of aiokafka's consumer, of these logs."""

    def __init__(self, logs: Logs, **_: object) -> None:
        self.logs = logs
        self.positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Nothing has to be connected."""

    stop = start

    def assign(self, tps: Iterable[TopicPartition]) -> None:
        self.positions.update(dict.fromkeys(tps, 0))

    def pause(self, *tps: TopicPartition) -> None:
        """Whoever fetches names a partition."""

    resume = pause

    async def beginning_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, 0)

    async def end_offsets(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: len(self.logs.of[tp]) for tp in tps}

    async def offsets_for_times(
        self, times: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, SimpleNamespace | None]:
        return {
            tp: next(
                (SimpleNamespace(offset=r.offset) for r in self.logs.of[tp] if r.timestamp >= time),
                None,
            )
            for tp, time in times.items()
        }

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.positions[tp] = offset

    async def position(self, tp: TopicPartition) -> int:
        return self.positions[tp]

    async def getmany(
        self, tp: TopicPartition, timeout_ms: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        records = self.logs.of[tp][self.positions[tp] :]
        self.positions[tp] += len(records)
        return {tp: records}


class Batch(NamedTuple):
    """Records that land together."""

    records: list[Out]
    receipt: Receipt
    on_ack: OnAck | None


class Outbox:
    """Writers of so many records a batch: all land at once, those of `late` topics when told to."""

    def __init__(self, logs: Logs, places: Places, size: int) -> None:
        self.logs, self.places, self.size = logs, places, size
        self.late: Collection[str] = ()
        self.queues: dict[tuple[str, int], deque[Batch]] = {}

    def __call__(self, topic: str, partition: int) -> SimpleNamespace:
        return SimpleNamespace(put=partial(self.put, topic, partition))

    def put(
        self, topic: str, partition: int, records: Iterable[Out], on_ack: OnAck | None = None
    ) -> Receipt:
        """Hand records over."""
        records = list(records)
        parts = [records[n : n + self.size] for n in range(0, len(records), self.size)]
        receipt = Receipt(len(parts))
        if parts:
            receipt.handed.set_result(None)
        queue = self.queues.setdefault((topic, partition), deque())
        queue.extend(Batch(part, receipt, on_ack) for part in parts)
        while queue and topic not in self.late:
            self.land(topic, partition)
        return receipt

    def land(self, topic: str, partition: int = PARTITION) -> None:
        """The log takes the first batch that waits, and its acknowledgement is heard."""
        batch = self.queues[topic, partition].popleft()
        self.places.reach(f"land {topic}")
        base, *_ = [self.logs.append(topic, partition, out) for out in batch.records]
        self.places.reach(f"hear {topic}")
        if batch.on_ack is not None:
            batch.on_ack(base, len(batch.records))
        batch.receipt.one_acked()

    @property
    def waiting(self) -> list[tuple[str, int]]:
        """Topics and partitions of which something has yet to land."""
        return [tp for tp, queue in self.queues.items() if queue]

    async def flush(self) -> None:
        """Wait until all that was put before has landed."""
        for receipt in [self.queues[tp][-1].receipt for tp in self.waiting]:
            await receipt.acked
