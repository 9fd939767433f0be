"""Reading the batches that a fetch brings: whole, or as one record that says why it cannot be read.

aiokafka hands out a batch record by record and raises in the middle of one that is damaged, which
ends whatever reads. Here a batch is unpacked before its first record is handed out. A batch that
cannot be decompressed or parsed is an error which names its place, or, in the topics of `passed`,
a record of its own kind, with the raw bytes.
"""

import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import lt
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.memory_records import MemoryRecords

from app.errors import StateError
from app.runtime.fetching import codecs, tolerant

# Sixty-four bytes of each are less than a transaction takes. A batch of nothing but empty records
# would otherwise become millions of objects.
MOST_RECORDS = codecs.DECOMPRESSED_BYTES // 64
POLL_BYTES = codecs.DECOMPRESSED_BYTES  # what batches of one poll may unpack to before it ends
# Where the fields of a batch lie: first offset, length of what follows, format, last offset as a
# difference from the first; the header ends with the number of records.
LENGTH_AT, LENGTH_END, MAGIC_AT, LAST_AT, LAST_END, HEADER = 8, 12, 16, 23, 27, 61
HEADER_SIZE = 100  # bytes of a header of a record, as objects
NO_TIME = -1  # the timestamp of a record without one
UNREADABLE = (
    CorruptRecordException,
    UnsupportedCodecError,
    codecs.Undecodable,
    ValueError,
    LookupError,
    AssertionError,
    OverflowError,
    MemoryError,
    SystemError,  # aiokafka's parser of the old formats, of a size that is negative
    struct.error,
)
REASON_CHARACTERS = 120


@dataclass
class UnreadableBatch(ConsumerRecord[bytes, bytes]):
    """A batch that cannot be read, in the place of its records.

    `value` holds its raw bytes and `offset` is its last one: a position behind it covers all of
    the batch. `timestamp` is -1, because nothing in it can be trusted.
    """

    first: int
    why: str


def size(record: ConsumerRecord) -> int:
    """What a record takes in memory, in bytes, roughly."""
    return int(record.serialized_value_size + HEADER_SIZE * len(record.headers))


def runs(records: Sequence[ConsumerRecord]) -> list[Sequence[ConsumerRecord]]:
    """Records in order, in runs; a batch that cannot be read is one by itself."""
    alone = [n for n, record in enumerate(records) if type(record) is UnreadableBatch]
    if not alone:
        return [records] if records else []
    cuts = sorted({0, *alone, *(n + 1 for n in alone), len(records)})
    return [records[begin:end] for begin, end in pairwise(cuts)]


class Batches:
    """The batches that one fetch returned for a partition, in aiokafka's own reader."""

    def __init__(self, data: bytes) -> None:
        self.data, self.read = data or b"", 0
        self.stock = MemoryRecords(self.data)
        self._next = self.stock.next_batch

    def size_in_bytes(self) -> int:
        """Of all batches."""
        return len(self.data)

    def has_next(self) -> bool:
        """Whether there is another one. Brokers send at least the first one whole."""
        return self.stock.has_next() or (not self.read and len(self.data) > 0)

    def next_batch(self) -> Any:
        """The next one, as aiokafka reads it."""
        self.read += 1
        batch = self._next()
        if batch is None:
            raise CorruptRecordException("it is cut")
        return batch

    def raw(self) -> bytes:
        """The bytes of the one that was read last."""
        start = 0
        for _ in range(self.read - 1):
            start = self._end(start)
        return self.data[start : self._end(start)]

    def following(self) -> int | None:
        """The first offset of the next one, None when the fetch brought no more."""
        if not self.stock.has_next():
            return None
        start = 0
        for _ in range(self.read):
            start = self._end(start)
        return _number(self.data, start, start + LENGTH_AT)

    def _end(self, start: int) -> int:
        return start + LENGTH_END + _number(self.data, start + LENGTH_AT, start + LENGTH_END)


class Records(PartitionRecords):
    """What one fetch returned for a partition, batch by batch.

    `spent` counts the bytes that its compressed batches unpacked to since the last poll. `tail` is
    where the offsets begin that were read and held nothing to hand out, up to the next one to
    fetch: aborted records and transaction markers.
    """

    passed: Collection[str] = frozenset()  # topics whose unreadable batches are handed out
    on_empty: Callable[[TopicPartition, int, int], None] = staticmethod(lambda *tail: None)
    spent = 0
    next_fetch_offset: int

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.tail = self.next_fetch_offset

    def _unpack_records(self) -> Iterator[ConsumerRecord]:
        batches: Batches = self._records
        unpack, next_batch = self._unpack, batches.next_batch
        while batches.has_next():
            begin = self.next_fetch_offset
            try:
                batch = next_batch()
                found, end = unpack(batch, begin), batch.next_offset
            except UNREADABLE as error:
                found, end = self._unreadable(batches, begin, error)
            for record in found:
                self.next_fetch_offset = self.tail = record.offset + 1
                yield record
            # Compaction and markers leave offsets without a record at the end of a batch.
            if end > self.next_fetch_offset:
                self.next_fetch_offset = end

    def _unpack(self, batch: Any, begin: int) -> list[ConsumerRecord]:
        """The records of a batch from an offset on; none if they were aborted or are markers."""
        if self._check_crcs and not batch.validate_crc():
            raise CorruptRecordException("its checksum is wrong")
        if batch.is_control_batch or batch.is_transactional:
            if self._isolation_level == READ_COMMITTED and self._was_aborted(batch):
                return []
            if batch.is_control_batch:
                return []
        compressed = getattr(batch, "compression_type", True)  # old formats do not say
        try:
            unpacked = list(islice(batch, MOST_RECORDS + 1) if compressed else batch)
        except UnicodeDecodeError:
            unpacked = tolerant.records(self._records.raw(), batch, MOST_RECORDS + 1)
        if len(unpacked) > MOST_RECORDS:
            raise codecs.Undecodable(f"it holds more than {MOST_RECORDS:,} records")
        offsets = [record.offset for record in unpacked]
        if offsets and not (offsets[-1] < batch.next_offset and all(map(lt, offsets, offsets[1:]))):
            raise codecs.Undecodable("the offsets of its records do not ascend")
        made, tp = self._consumer_record, self._tp
        found = [made(tp, record) for record in unpacked if record.offset >= begin]
        if compressed:
            self.spent += sum(map(size, found))
        return found

    def _was_aborted(self, batch: Any) -> bool:
        """Whether the transaction of a batch was aborted; notes where markers end one."""
        self._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and self._contains_abort_marker(batch):
            self._aborted_producers.discard(batch.producer_id)
        return batch.is_transactional and batch.producer_id in self._aborted_producers

    def _unreadable(
        self, batches: Batches, begin: int, error: Exception
    ) -> tuple[list[ConsumerRecord], int]:
        """What stands for a batch that cannot be read, and the offset behind it."""
        raw, why = batches.raw(), _why(error)
        first, end = _bounds(raw, begin, batches.following())
        topic, partition = self._tp
        if topic not in self.passed:
            raise StateError(f"{topic}[{partition}] @ {first} cannot be read: {why}") from error
        if end <= begin:
            return [], begin  # what could be told of it was read before
        place = topic, partition, end - 1, NO_TIME, 0
        return [UnreadableBatch(*place, None, raw, None, -1, len(raw), (), first, why)], end


def install() -> None:
    """Let aiokafka read batches this way, in the whole process.

    Raises
    ------
    StateError
        A codec is missing.
    """
    codecs.check()
    codecs.bound()
    fetcher.MemoryRecords, fetcher.PartitionRecords = Batches, Records
    FetchResult.getall = _getall


def _getall(self: FetchResult, max_records: int | None = None) -> list[ConsumerRecord]:
    """What is left of a fetch for one partition, or as much as one poll may unpack."""
    if not self.check_assignment(self._topic_partition) or not self.has_more():
        return []
    records: Records = self._partition_records
    records.spent = 0
    found: list[ConsumerRecord] = []
    for record in records:
        found.append(record)
        if records.spent >= POLL_BYTES or len(found) == max_records:
            self._update_position()
            return found
    self._update_position()
    self._partition_records = None
    if records.tail < records.next_fetch_offset:
        Records.on_empty(self._topic_partition, records.tail, records.next_fetch_offset)
    return found


def _bounds(raw: bytes, begin: int, following: int | None) -> tuple[int, int]:
    """First offset of a batch that cannot be read, and the one behind its last.

    Parameters
    ----------
    begin
        The next offset to read: a batch that ends before it is of no interest.
    following
        First offset of the next batch, None when it is not known.
    """
    first, end = begin, begin + 1
    known = len(raw) >= HEADER and _number(raw, 0, LENGTH_AT) >= 0
    if known and raw[MAGIC_AT] < 2:
        end = _number(raw, 0, LENGTH_AT) + 1  # the last offset of what it holds
    elif known:
        last, count = _number(raw, LAST_AT, LAST_END), _number(raw, HEADER - 4, HEADER)
        if count == last + 1 > 0:  # no longer so where a flipped bit hit one of them
            first = _number(raw, 0, LENGTH_AT)
            end = first + count
        elif following is not None:
            end = following
    if following is not None:
        end = min(end, following)
    return (first if first < end else begin), end


def _number(raw: bytes, begin: int, end: int) -> int:
    return int.from_bytes(raw[begin:end], "big", signed=True)


def _why(error: Exception) -> str:
    """The cause in few words, without a line break."""
    told = " ".join(" ".join(map(str, error.args)).split()) or type(error).__name__
    return told[:REASON_CHARACTERS]
