"""What retention deleted before it was read: it is counted and said, and the worker goes on."""

import logging
from collections.abc import Iterator
from typing import Any, Protocol

from aiokafka.errors import KafkaError
from faust.types.tuples import TP

log = logging.getLogger(__name__)


class Lanes(Protocol):
    """What it asks of the flow: see `app.runtime.flow.Flow`."""

    app: Any
    owner: Any
    sources: Any
    positions: dict[TP, int]
    assignment: int
    open: bool

    def idle(self, tp: TP) -> bool:
        """Whether nothing waits in the lane of a source partition."""


class Expiry:
    """Tells gaps that retention has made from those of markers and aborted records."""

    def __init__(self, flow: Lanes) -> None:
        self.flow = flow
        # Assignments, and positions of aiokafka's, for which brokers were asked.
        self.asked: dict[TP, tuple[int, int]] = {}

    async def look_into(self, tp: TP, expected: int, first: int) -> None:
        """Say how much of the gap in front of the records that came was deleted."""
        try:
            begin = (await self.flow.app.consumer.earliest_offsets(tp))[tp]
        except KafkaError as error:
            log.info("%s[%d]: where the log begins is not known: %r", *tp, error)
        else:
            self._tell(tp, expected, min(begin, first))

    async def pass_over(self) -> None:
        """Move on where retention took all that was not read, and nothing has come since.

        Whatever comes arrives behind a gap, which is looked into then. Brokers are asked only where
        aiokafka has moved on by itself: over markers, or to the first record that is left. Through
        the consumer's thread they are asked in turn, and a stop would wait for an answer.
        """
        flow, consumer = self.flow, self.flow.app.consumer
        if not flow.open:
            return
        now = {tp: (flow.assignment, position) for tp, position in self._moved()}
        moved = {tp: where for tp, where in now.items() if self.asked.get(tp) != where}
        if not moved:
            return
        assignment, begins = flow.assignment, await consumer.earliest_offsets(*moved)
        if assignment != flow.assignment:
            return
        self.asked |= moved
        for tp, begin in begins.items():
            expected = consumer._read_offset[tp]
            if expected is not None and begin > expected and flow.idle(tp):
                self._tell(tp, expected, begin)
                consumer._read_offset[tp] = flow.positions[tp] = begin
                consumer._acked[tp]  # the key alone makes Faust's commit look at it

    def _moved(self) -> Iterator[tuple[TP, int]]:
        """Idle source partitions whose next fetch is not where the last one ended."""
        consumer = self.flow.app.consumer
        subscription = consumer._thread._consumer._subscription.subscription
        if subscription is None or (assignment := subscription.assignment) is None:
            return
        for tp in assignment.tps:
            if tp.topic in self.flow.sources and self.flow.idle(TP(*tp)):
                expected, state = consumer._read_offset[tp], assignment.state_value(tp)
                at = state.position if state.has_valid_position else 0
                if expected is not None and at > expected:
                    yield TP(*tp), at

    def _tell(self, tp: TP, first: int, end: int) -> None:
        if end > first:
            what = (
                "%s[%d]: offsets %d to %d, %d in all, were deleted before they were read: "
                "retention is too short for this lag; going on at %d"
            )
            log.warning(what, *tp, first, end - 1, end - first, end)
            self.flow.owner.expired(tp, end - first)
