"""Events on a wrong partition: entered again on the right one, once, and counted once.

A producer with another partitioner than Kafka's default sends events anywhere. The copy has the
key, value, timestamp and headers of its record, and one header more: where the record lay. A
crash may make a copy twice, so the key's record keeps the highest place of each partition that
copies came from. Anybody may write headers, so a place is believed only where it can be one.

The copy of a label has the header too, but only so that it hops once: its id says which one it is.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from app.core.messages import Origin, Source
from app.errors import Refused
from app.runtime import reading
from app.runtime.topics.shapes import INPUT_BYTES
from app.runtime.writer import Out
from app.serving.setup import Setup

log = logging.getLogger(__name__)

HEADER = "weir-origin"
PARTITIONER = "murmur2 of the key, librdkafka's partitioner=murmur2_random"
FRAMING = 100  # bytes of a batch of one record besides key, value and headers
HEADER_FRAMING = 10  # bytes of each header besides name and value
AGAIN = 0.5  # seconds between two attempts to ask the brokers

Headers = Iterable[tuple[str, bytes | None]]


def entered_again(record: ConsumerRecord, epoch: int) -> Out:
    """The copy of a record for another partition.

    Raises
    ------
    Refused
        The copy does not fit into the topic.
    """
    headers = (*without_place(record.headers), place_header(record, epoch))
    copy = Out(record.key, record.value, headers, record.timestamp)
    if _size(copy) > INPUT_BYTES:
        raise Refused(f"with the header {HEADER} its copy for another partition is too large")
    return copy


def place_header(record: ConsumerRecord, epoch: int) -> tuple[str, bytes]:
    """Where a record lies, as the header of its copy says it."""
    return HEADER, f"{epoch}:{record.partition}:{record.offset}".encode()


def without_place(headers: Headers) -> tuple[tuple[str, bytes | None], ...]:
    """Headers but for the place: it is that of one copy alone."""
    return tuple(header for header in headers if header[0] != HEADER)


def is_copy(record: ConsumerRecord) -> bool:
    """Whether a record says that it was entered again, whoever says so: it goes no further."""
    return any(name == HEADER and _read(raw) is not None for name, raw in record.headers)


def claimed(record: ConsumerRecord, epoch: int, partitions: int) -> Source | None:
    """The place that a copy names, None where no worker of this epoch can have named it."""
    told = [raw for name, raw in record.headers if name == HEADER]
    place = _read(told[0]) if len(told) == 1 else None
    if place is None or place.epoch != epoch:
        return None
    if place.partition >= partitions or place.partition == record.partition:
        return None
    return Source(place.partition, place.offset)


class Origins:
    """Where copies came from, as far as it is believed: shared by a worker's partitions.

    A worker has read what it copies, so a place lies below the end of its log. Without this bound
    a forged one could keep all later copies of a customer from being counted.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.ends: dict[int, int] = {}  # of the logs, as far as they had to be asked for
        self.consumer: reading.AIOKafkaConsumer | None = None

    async def of(self, records: Sequence[ConsumerRecord]) -> Mapping[int, Source]:
        """The places that records name and that are believed, by the records' offsets."""
        epoch, partitions = self.setup.application.epoch, self.setup.settings.partitions
        named = {
            record.offset: place
            for record in records
            if record.headers and (place := claimed(record, epoch, partitions)) is not None
        }
        beyond = {place.partition for place in named.values() if not self.believed(place)}
        if beyond:
            await self._look_up(beyond)
        return {offset: place for offset, place in named.items() if self.believed(place)}

    def believed(self, place: Source) -> bool:
        """Whether its log is known to reach so far."""
        return place.offset < self.ends.get(place.partition, 0)

    async def stop(self) -> None:
        """Disconnect."""
        if self.consumer is not None:
            await self.consumer.stop()

    async def _look_up(self, partitions: Iterable[int]) -> None:
        """Ask how far some logs reach, until the brokers answer."""
        tps = [TopicPartition(self.setup.topics.events, number) for number in partitions]
        while True:
            try:
                ends = await (await self._connected()).end_offsets(tps)
                break
            except KafkaError as error:
                log.warning("%s: its end cannot be looked up: %r", self.setup.topics.events, error)
            await asyncio.sleep(AGAIN)
        self.ends.update((tp.partition, end) for tp, end in ends.items())

    async def _connected(self) -> reading.AIOKafkaConsumer:
        if self.consumer is None:
            consumer = reading.AIOKafkaConsumer(bootstrap_servers=self.setup.settings.brokers)
            try:
                await consumer.start()
            except KafkaError:
                await consumer.stop()
                raise
            self.consumer = consumer
        return self.consumer


def _read(raw: bytes | None) -> Origin | None:
    """The place in a header, None where it is none.

    >>> _read(b"1:3:70")
    Origin(epoch=1, partition=3, offset=70, index=0)
    >>> [_read(raw) for raw in (None, b"", b"1:3", b"1:-3:70", b"1:3:7e1", b"1:3:9" + 18 * b"9")]
    [None, None, None, None, None, None]
    """
    parts = (raw or b"").split(b":", 3)
    if len(parts) != 3 or not all(part.isdigit() and len(part) < 19 for part in parts):
        return None
    return Origin(*map(int, parts))


def _size(out: Out) -> int:
    headers = sum(
        HEADER_FRAMING + len(name.encode()) + len(value or b"") for name, value in out.headers
    )
    return FRAMING + len(out.key or b"") + len(out.value or b"") + headers
