"""Changes to a table that are held back for a while, so that many to one key are written once."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from app.runtime.step import Changes, Overlay, Step, packed
from app.runtime.tables import Table

SLICE = 200  # keys written without a pause: some 2 ms


class Held:
    """Changes by steps that have reached neither the table's files nor its changelog yet.

    Steps see them as if they were written. No position that covers them may be committed: a
    commit first calls `write`, and then waits for the writers.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._changes: defaultdict[int, Changes] = defaultdict(dict)

    def of(self, partition: int) -> Changes:
        """The changes of a partition, for its steps to add to."""
        return self._changes[partition]

    async def write(self, new_step: Callable[[int], Step]) -> None:
        """Write all changes that are held at the time of the call, a slice at a time.

        Parameters
        ----------
        new_step
            Makes a step of a partition that holds nothing back.
        """
        for partition, changes in list(self._changes.items()):
            keys = list(changes)
            for start in range(0, len(keys), SLICE):
                step = new_step(partition)
                overlay = step.table(self.table)
                for key in keys[start : start + SLICE]:
                    if key in changes:  # otherwise it was written in the meantime
                        overlay[key] = packed(changes.pop(key))
                step.store()
                await asyncio.sleep(0)

    def get(self, partition: int, key: bytes) -> bytes | None:
        """The value of a key, written or not."""
        return Overlay(self.table, partition, self._changes.get(partition)).get(key)

    def clear(self) -> None:
        """Forget everything: the partitions were revoked, after a last `write`."""
        self._changes.clear()
