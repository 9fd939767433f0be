"""What retention deleted before it was read: it is counted and said, and the worker goes on."""

import logging
from typing import Any, Protocol

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

    async def look_into(self, tp: TP, expected: int, first: int) -> None:
        """Say how much of the gap in front of the records that came was deleted."""
        begin = (await self.flow.app.consumer.earliest_offsets(tp))[tp]
        self._tell(tp, expected, min(begin, first))

    async def pass_over(self) -> None:
        """Move on where retention took all that was not read, and nothing has come since.

        Whatever comes arrives behind a gap, which is looked into then.
        """
        flow, consumer = self.flow, self.flow.app.consumer
        tps = [tp for tp in consumer.assignment() if tp.topic in flow.sources and flow.idle(tp)]
        if not flow.open or not tps:
            return
        assignment = flow.assignment
        for tp, begin in (await consumer.earliest_offsets(*tps)).items():
            expected = consumer._read_offset[tp]
            if assignment != flow.assignment or expected is None or not flow.idle(tp):
                continue
            if begin > expected:
                self._tell(tp, expected, begin)
                consumer._read_offset[tp] = flow.positions[tp] = begin
                consumer._acked[tp]  # the key alone makes Faust's commit look at it

    def _tell(self, tp: TP, first: int, end: int) -> None:
        if end > first:
            what = (
                "%s[%d]: offsets %d to %d, %d in all, were deleted before they were read: "
                "retention is too short for this lag; going on at %d"
            )
            log.warning(what, *tp, first, end - 1, end - first, end)
            self.flow.owner.expired(tp, end - first)
