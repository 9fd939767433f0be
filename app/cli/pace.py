"""The pace at which traffic is published."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")

TICK = 0.01  # seconds between two writes at a given rate
ARREARS = 0.25  # seconds of traffic that are made up for after a pause


class Pace:
    """Cuts traffic into small pieces and hands out each when its time has come."""

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self.due = time.monotonic()

    async def pieces(self, rows: Sequence[T]) -> AsyncIterator[Sequence[T]]:
        """The rows in order; all at once without a rate."""
        if self.rate is None:
            yield rows
            return
        size = max(1, round(self.rate * TICK))
        for begin in range(0, len(rows), size):
            piece = rows[begin : begin + size]
            now = time.monotonic()
            await asyncio.sleep(self.due - now)
            self.due = max(self.due, now - ARREARS) + len(piece) / self.rate
            yield piece
