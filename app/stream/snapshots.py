"""Writes snapshots of the learning state into the models table.

A Faust table takes writes for the current event's partition only. So the worker that
holds partition 0 writes them, inside the steps of that partition, a chunk at a time.
"""

import asyncio
import logging
from collections import deque

from app.core.bundle import CHUNK_BYTES
from app.core.snapshot import KEY, stale
from app.stream.follow import Follower
from app.stream.guard import Exit, leave
from app.stream.rocks import walk
from app.stream.step import Step

log = logging.getLogger(__name__)

PARTITION = 0


class Snapshots:
    """Copies the state every so many examples while this worker holds partition 0."""

    def __init__(self, follower: Follower, table, features: str, engine: str, every: int) -> None:
        self.follower, self.table = follower, table
        self.features, self.engine, self.every = features, engine, every
        self.last = 0
        self.pending: deque[tuple[bytes, bytes]] = deque()
        self.copying: asyncio.Task[None] | None = None

    def consider(self) -> None:
        """Begin a copy when enough was folded since the last one and none is under way."""
        self.last = max(self.last, self.follower.loaded)
        due = self.follower.state.version - self.last >= self.every
        if due and not self.pending and self.copying is None:
            self.copying = asyncio.ensure_future(self._copy())
            self.copying.add_done_callback(_copied)

    def clear(self) -> None:
        """Forget what is unfinished: partition 0 may belong to another worker now."""
        self.pending.clear()
        if self.copying is not None:
            self.copying.cancel()
            self.copying = None

    def write_into(self, step: Step) -> None:
        """Give a step of partition 0 the next chunk; with the last one, delete old snapshots."""
        if step.partition != PARTITION:
            return
        self.consider()
        room = CHUNK_BYTES
        models = step.table(self.table)
        while self.pending and (room == CHUNK_BYTES or len(self.pending[0][1]) <= room):
            key, value = self.pending.popleft()
            models[key] = value
            room -= len(value)
            if key.endswith(b"manifest"):
                self._delete_stale(models)

    async def _copy(self) -> None:
        self.last, bundle = await self.follower.copy()
        self.pending.extend(bundle.records(self.features, self.engine))
        self.copying = None
        log.info("Copied the learning state of version %d for a snapshot", self.last)

    def _delete_stale(self, models) -> None:
        stored = {key for key, _ in walk(models.db) if KEY.fullmatch(key)}
        written = {key for key, value in models.changed.items() if value is not None}
        for key in stale(stored | written):
            models[key] = None


def _copied(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        leave(Exit.STATE, f"the learning state cannot be copied for a snapshot: {error!r}")
