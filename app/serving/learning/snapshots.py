"""Writes snapshots of the learning state into the models table.

A Faust table accepts writes for the current event's partition only. So the worker that has
partition 0 assigned writes them, inside the steps of that partition, a chunk at a time.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from app.core.bundle import CHUNK_BYTES, pin
from app.core.dump import Restored
from app.core.snapshot import KEY, manifest_key, stale
from app.runtime.guard import Exit, Leave
from app.runtime.step import Overlay, Step
from app.runtime.tables import Table
from app.serving.learning.follow import Follower
from app.serving.setup import Setup

log = logging.getLogger(__name__)

PARTITION = 0


class Snapshots:
    """Copies the state every so many examples while partition 0 is assigned to this worker.

    What a command has pinned was written to the changelog directly, without the table. The
    table adopts it, with the same keys and values, once its restore is folded.
    """

    def __init__(
        self,
        setup: Setup,
        follower: Follower,
        table: Table,
        leave: Leave,
    ) -> None:
        settings, application = setup.settings, setup.application
        self.follower, self.table, self.leave = follower, table, leave
        self.keys, self.every = settings.signing_keys, settings.snapshot_every
        self.features, self.engine = application.identity.features, application.engine
        self.last = 0
        self.adopted = 0  # restores whose snapshots the table has, or is going to have
        self.pending: deque[tuple[bytes, bytes]] = deque()
        self.copying: asyncio.Task[None] | None = None
        self.adopting: asyncio.Task[None] | None = None

    def consider(self) -> None:
        """Begin a copy when enough was folded since the last one and none is under way."""
        self.last = max(self.last, self.follower.loaded)
        due = self.follower.state.version - self.last >= self.every
        if due and not self.pending and self.copying is None:
            self.copying = asyncio.ensure_future(self._copy())
            self.copying.add_done_callback(self._copied)

    def adopt(self, models: Overlay) -> None:
        """Begin to fetch what the restores folded so far have pinned and the table lacks."""
        restores = self.follower.state.restores
        if self.adopting is not None or self.adopted == len(restores):
            return
        lacking = [one for one in restores[self.adopted :] if not models.get(manifest_key(one))]
        self.adopted = len(restores)
        if lacking:
            self.adopting = asyncio.ensure_future(self._adopt(lacking))
            self.adopting.add_done_callback(self._copied)

    def clear(self) -> None:
        """Forget what is unfinished: partition 0 may belong to another worker now."""
        self.pending.clear()
        self.adopted = 0
        for task in (self.copying, self.adopting):
            if task is not None:
                task.cancel()
        self.copying = self.adopting = None

    def write_into(self, step: Step) -> None:
        """Add the next chunk to a step of partition 0; with the last one, delete old snapshots."""
        if step.partition != PARTITION:
            return
        models = step.table(self.table)
        self.consider()
        self.adopt(models)
        room = CHUNK_BYTES
        while self.pending and (room == CHUNK_BYTES or len(self.pending[0][1]) <= room):
            key, value = self.pending.popleft()
            models[key] = value
            room -= len(value)
            if key.endswith(b"manifest"):
                self._delete_stale(models)

    async def _copy(self) -> None:
        self.last, bundle = await self.follower.copy()
        self.pending.extend(bundle.records(self.features, self.engine, self.keys))
        self.copying = None
        log.info("Copied the learning state of version %d for a snapshot", self.last)

    async def _adopt(self, restores: Sequence[Restored]) -> None:
        for restored in restores:
            copy = await self.follower.pinned.wait_for(restored, log.debug)
            if copy is not None:
                self.pending.extend(pin(copy.snapshot.records()))
        self.adopting = None

    def _delete_stale(self, models: Overlay) -> None:
        stored = {key for key, _ in models.store.walk() if KEY.fullmatch(key)}
        written = {key for key, value in models.changed.items() if value is not None}
        for key in stale(stored | written):
            models[key] = None

    def _copied(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            why = f"the learning state cannot be copied for a snapshot: {error!r}"
            self.leave(Exit.STATE, why)
