"""From a fetch into the lanes, over gaps, unreadable batches and empty stretches of the log."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from aiokafka import ConsumerRecord
from faust import Event
from faust.transport.consumer import Consumer
from faust.types.tuples import TP

from app.runtime.fetching.batches import UnreadableBatch, runs, size
from app.runtime.fetching.empty import EmptyStretches
from app.runtime.lanes import Lane, Source
from app.runtime.topics.expiry import Expiry

log = logging.getLogger(__name__)


class Lanes(Protocol):
    """What it asks of the flow: see `app.runtime.flow.Flow`."""

    app: Any
    chunk: int
    expiry: Expiry
    sources: dict[str, Source]
    lanes: dict[TP, Lane]
    positions: dict[TP, int]
    assignment: int

    def mine(self, tp: TP, assignment: int) -> bool:
        """Whether what was read from a partition may still be processed."""

    def position(self, tp: TP) -> int:
        """The next offset that no finished step has covered."""

    def committed(self, tp: TP) -> int | None:
        """The committed position."""


class Delivery:
    """Puts what was fetched into lanes, each record once and in order.

    `empty` is told of stretches that hold nothing.
    """

    def __init__(self, flow: Lanes) -> None:
        self.flow = flow
        self.holes: dict[TP, tuple[int, int]] = {}  # the latest gap that was fetched again
        self.empty = EmptyStretches()

    def clear(self) -> None:
        """Forget what was found: the partitions are revoked."""
        self.holes.clear()
        self.empty.clear()

    async def deliver(self, consumer: Consumer, fetched: dict[TP, list], active: set[TP]) -> None:
        """Put what a fetch brought for source partitions into their lanes."""
        for tp, records in fetched.items():
            if active is not None and tp not in active:
                continue
            if consumer._read_offset[tp] is None:
                consumer._read_offset[tp] = (await consumer.earliest_offsets(tp))[tp]
            expected = consumer._read_offset[tp]
            for run in runs([record for record in records if record.offset >= expected]):
                expected = consumer._read_offset[tp]
                if await self._look_again(consumer, tp, expected, run[0]):
                    break
                await self._look_into(tp, expected, run[0])
                if not consumer.flow_active or consumer.should_stop:
                    return
                if consumer._read_offset[tp] != expected:
                    break  # a seek in the meantime
                self._enqueue(consumer, tp, run, expected)

    async def _look_into(self, tp: TP, expected: int, first: ConsumerRecord) -> None:
        """Say what retention took of a gap, unless it is known to hold nothing."""
        begin = first.first if isinstance(first, UnreadableBatch) else first.offset
        if begin > expected and not self.empty.covers(tp, expected, begin):
            await self.flow.expiry.look_into(tp, expected, begin)

    async def _look_again(
        self, consumer: Consumer, tp: TP, expected: int, first: ConsumerRecord
    ) -> bool:
        """Fetch once more where offsets are missing or a batch cannot be read; False at the last.

        A disk or a replica may have failed for a moment.
        """
        unreadable = isinstance(first, UnreadableBatch)
        begin = first.first if unreadable else first.offset
        hole = expected, first.offset
        if self.holes.get(tp) == hole:
            if unreadable:
                what = "%s[%d]: offsets %d to %d cannot be read and become a dead letter: %s"
                log.error(what, *tp, begin, first.offset, first.why)
            return False
        if not unreadable and (begin <= expected or self.empty.covers(tp, expected, begin)):
            return False
        self.holes[tp] = hole
        what = f"cannot be read: {first.why}" if unreadable else f"instead of {expected}"
        log.info("%s[%d]: offset %d %s; fetching again", *tp, begin, what)
        await consumer.seek_wait({tp: expected})
        return True

    def _enqueue(self, consumer: Consumer, tp: TP, records: Sequence, base: int) -> None:
        queue = next(iter(self.flow.app.topics._tp_index[tp])).queue
        lane = self.flow.lanes.setdefault(tp, Lane(self.flow.sources[tp.topic]))
        for start in range(0, len(records), self.flow.chunk):
            chunk = records[start : start + self.flow.chunk]
            message = consumer._to_message(tp, chunk[-1])
            message.base, message.records, message.lane = base, chunk, lane
            message.size = sum(map(size, chunk))
            message.incref(1)
            base = consumer._read_offset[tp] = message.offset + 1
            lane.pending += len(chunk)
            lane.size += message.size
            # Never `put`: one that waits is not woken when the queue is cleared.
            queue.force_put_nowait(Event(self.flow.app, None, chunk, None, message))

    async def pass_empty(self, consumer: Consumer) -> None:
        """Move positions over what is empty behind them.

        Without it a log that ends with aborted records is behind forever.
        """
        for found, begin, end in self.empty.all():
            tp = TP(*found)
            if tp.topic not in self.flow.sources:
                continue
            position, through = self.flow.position(tp), consumer._read_offset[tp]
            if begin > position == 0 and self.flow.committed(tp) is through is None:  # never read
                position = (await consumer.earliest_offsets(tp))[tp]
            if (
                consumer._read_offset[tp] in (None, position)  # all that was fetched is done
                and begin <= position < end
                and self.flow.mine(tp, self.flow.assignment)
            ):
                self.flow.positions[tp] = consumer._read_offset[tp] = end
                consumer._acked[tp]  # the key alone makes Faust's commit look at it
