"""Sources and their lanes: what of a source partition waits for its next step."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from aiokafka import ConsumerRecord
from faust import Event

from app.runtime.step import Step

ROOM = 4  # full chunks that wait in a lane before its partition is left out of the next fetch
ROOM_BYTES = 32 << 20  # and so many bytes of records: what compressed batches held may be large

StepFunction = Callable[[Step, Sequence[ConsumerRecord]], Awaitable[bool]]


@dataclass
class Source:
    """A topic, and the step that its chunks go through.

    Steps of a partition begin at least `gap` seconds apart unless there is a full one to do.
    """

    topic: str
    step: StepFunction
    gap: float = 0.0
    outstanding: int = 0  # steps under way

    @property
    def name(self) -> str:
        """The name of its agent: that of the step."""
        return getattr(self.step, "__name__", self.topic)


@dataclass
class Lane:
    """The chunks of one source partition, in order. A lane ends with its assignment.

    `pending` counts the records that were put in and are not finished, `size` their bytes.
    """

    source: Source
    chunks: deque[Event] = field(default_factory=deque)
    pending: int = 0
    size: int = 0
    begun: float = -inf  # when its last step began, by the clock of the loop
    task: asyncio.Task | None = None

    def next(self, most: int) -> list[Any]:
        """The messages of the chunks for one step of at most `most` records, at least one."""
        messages = [self.chunks.popleft().message]
        count = len(messages[0].records)
        while self.chunks and (count := count + len(self.chunks[0].message.records)) <= most:
            messages.append(self.chunks.popleft().message)
        return messages

    def full(self, chunk: int) -> bool:
        """Whether it has no room for more, given the size of a full chunk."""
        return self.pending >= ROOM * chunk or self.size >= ROOM_BYTES
