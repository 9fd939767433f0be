"""One first-in-first-out writer for each topic-partition that Weir writes.

Two callers that wait in aiokafka's `send_batch` for the same partition may overtake each
other, and then a key goes back to an older value. So all writes to a partition queue
here. A batch that the broker does not accept ends the process: a write is never dropped.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder

from app.runtime.clock import now
from app.runtime.guard import Exit, Leave, leave
from app.runtime.lease import Lease
from app.runtime.rocks import cause

BATCH_BYTES = 900_000
REQUEST_TIMEOUT_MS = 60_000  # longer than a broker's restart; after that the process ends


class Out(NamedTuple):
    """A record to write. `timestamp` is epoch milliseconds, None for now."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int | None = None


OnAck = Callable[[int, int], None]  # first offset, number of records
SEQUENCES = 1 << 31


class Claim:
    """What a topic-partition is written under: a producer id and its producer epoch.

    Its leader refuses a lower one once it has seen a higher one: see `app.runtime.fence`.
    """

    def __init__(self, producer_id: int, producer_epoch: int) -> None:
        self.producer_id, self.producer_epoch = producer_id, producer_epoch
        self.sequence = 0

    def stamp(self, batch: BatchBuilder) -> None:
        """Give a complete batch its sequence number, in the order in which batches are sent."""
        batch._set_producer_state(self.producer_id, self.producer_epoch, self.sequence)
        batch._set_producer_state = _keep  # aiokafka would set its own producer's
        self.sequence = (self.sequence + batch.record_count()) % SEQUENCES


def _keep(*_: object, **__: object) -> None:
    """Leave a batch as it is stamped."""


class Receipt:
    """The fate of what one `put` wrote: handed to the producer, then acknowledged."""

    __slots__ = ("acked", "handed", "waiting")

    def __init__(self, batches: int) -> None:
        loop = asyncio.get_running_loop()
        self.handed = loop.create_future()
        self.acked = loop.create_future()
        self.waiting = batches
        if not batches:
            self.handed.set_result(None)
            self.acked.set_result(None)

    def one_acked(self) -> None:
        self.waiting -= 1
        if not self.waiting:
            self.acked.set_result(None)


class Writer:
    """Writes one topic-partition in the order of `put` calls."""

    def __init__(
        self, producer: AIOKafkaProducer, topic: str, partition: int, leave: Leave = leave
    ) -> None:
        self.producer, self.topic, self.partition = producer, topic, partition
        self.leave = leave
        self.queue: deque[tuple[BatchBuilder, bool, Receipt, OnAck | None]] = deque()
        self.wake = asyncio.Event()
        self.last = Receipt(0)
        self.unacked: deque[float] = deque()  # when each batch that is not acknowledged was put
        self.claim: Claim | None = None
        self.task = asyncio.ensure_future(self._run())
        self.task.add_done_callback(self._ended)

    def put(self, records: Iterable[Out], on_ack: OnAck | None = None) -> Receipt:
        """Queue records as batches; `on_ack` is called once for each batch, in order."""
        batches = list(self._batches(records))
        receipt = Receipt(len(batches))
        for n, batch in enumerate(batches, 1):
            if self.claim is not None:
                self.claim.stamp(batch)
            self.queue.append((batch, n == len(batches), receipt, on_ack))
            self.unacked.append(now())
        if batches:
            self.last = receipt
            self.wake.set()
        return receipt

    def _batches(self, records: Iterable[Out]) -> Iterator[BatchBuilder]:
        batch = None
        for record in records:
            if batch is not None and not _append(batch, record):
                batch.close()
                yield batch
                batch = None
            if batch is None:
                batch = self.producer.create_batch()
                if not _append(batch, record):  # a first record is accepted at any size
                    self.leave(Exit.PRODUCE, f"{self.topic}: a record does not fit into a batch")
        if batch is not None:
            batch.close()
            yield batch

    async def _run(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            while self.queue:
                await self._send(*self.queue.popleft())

    def _ended(self, task: asyncio.Task) -> None:
        if not task.cancelled():
            self.leave(Exit.PRODUCE, f"{self.topic}[{self.partition}]: {task.exception()!r}")

    async def _send(
        self, batch: BatchBuilder, is_last: bool, receipt: Receipt, on_ack: OnAck | None
    ) -> None:
        count = batch.record_count()
        try:
            sent = await self.producer.send_batch(batch, self.topic, partition=self.partition)
        except KafkaError as error:
            self.leave(Exit.PRODUCE, f"{self.topic}[{self.partition}]: {error!r}")

        def acknowledged(future: asyncio.Future) -> None:
            if future.cancelled():
                self.leave(Exit.PRODUCE, f"{self.topic}[{self.partition}]: cancelled")
            if (failure := future.exception()) is not None:
                code = Exit.FENCE if isinstance(failure, ProducerFenced) else Exit.PRODUCE
                self.leave(code, f"{self.topic}[{self.partition}]: {failure!r}")
            if on_ack is not None:
                try:
                    on_ack(future.result().offset, count)
                except Exception as error:  # a callback's error would only be logged
                    self.leave(
                        cause(error, Exit.STATE), f"{self.topic}[{self.partition}]: {error!r}"
                    )
            self.unacked.popleft()
            receipt.one_acked()

        sent.add_done_callback(acknowledged)
        if is_last:
            receipt.handed.set_result(None)


def _append(batch: BatchBuilder, record: Out) -> bool:
    appended = batch.append(
        key=record.key,
        value=record.value,
        timestamp=record.timestamp,
        headers=list(record.headers),
    )
    return appended is not None


class Writers:
    """All writers of a worker, over one idempotent producer with acks=all."""

    def __init__(self, brokers: str, lease: Lease | None = None, leave: Leave = leave) -> None:
        self.brokers, self.lease, self.leave = brokers, lease, leave
        self.writers: dict[tuple[str, int], Writer] = {}
        self.producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect. Raises aiokafka's KafkaError when no broker answers."""
        self.producer = AIOKafkaProducer(
            bootstrap_servers=self.brokers,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        await self.producer.start()
        _hold(self.producer, self.ours)

    async def ours(self) -> None:
        """Wait until the partitions certainly belong to this worker."""
        if self.lease is not None:
            await self.lease.wait()

    @property
    def client(self) -> AIOKafkaClient:
        """The connections of its producer."""
        assert self.producer is not None, "start() comes first"
        return self.producer.client

    def __call__(self, topic: str, partition: int) -> Writer:
        """The one writer of a topic-partition."""
        key = topic, partition
        if key not in self.writers:
            assert self.producer is not None, "start() comes first"
            self.writers[key] = Writer(self.producer, topic, partition, self.leave)
        return self.writers[key]

    def oldest(self) -> float:
        """Seconds since the oldest write that is not acknowledged was put; any thread may ask."""
        waiting = [tuple(writer.unacked)[:1] for writer in list(self.writers.values())]
        return max((now() - put for (put, *_) in filter(None, waiting)), default=0.0)

    async def flush(self) -> None:
        """Wait until everything that was put before this call is acknowledged."""
        await asyncio.gather(
            *(asyncio.shield(writer.last.acked) for writer in list(self.writers.values()))
        )

    async def stop(self) -> None:
        """Write out what is queued, then disconnect."""
        await self.flush()
        for writer in self.writers.values():
            writer.task.cancel()
        if self.producer is not None:
            await self.producer.stop()


def _hold(producer: AIOKafkaProducer, ours: Callable[[], Awaitable[None]]) -> None:
    """Send nothing, not even retries, while the partitions may belong to another worker."""
    send = producer._sender._send_produce_req

    async def send_while_ours(node: int, batches: dict) -> None:
        await ours()
        await send(node, batches)

    producer._sender._send_produce_req = send_while_ours
