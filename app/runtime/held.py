"""Changes of a table that are held back for a while, so that many to one key are written once."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from app.runtime.step import Changes, Overlay, Step, packed
from app.runtime.tables import Table

SLICE = 200  # keys written without a pause: some 2 ms


class Held:
    """What steps changed in a table and has not reached its files nor its changelog yet.

    Steps see it as if it were written. Nothing may be committed that it stands for: whoever
    commits calls `write` first, and then waits for the writers.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._changes: defaultdict[int, Changes] = defaultdict(dict)

    def of(self, partition: int) -> Changes:
        """The changes of a partition, for its steps to add to."""
        return self._changes[partition]

    async def write(self, new_step: Callable[[int], Step]) -> None:
        """Write all that is held when this is called, a slice at a time.

        Parameters
        ----------
        new_step
            A step of a partition that holds nothing back.
        """
        for partition, changes in list(self._changes.items()):
            keys = list(changes)
            for start in range(0, len(keys), SLICE):
                step = new_step(partition)
                overlay = step.table(self.table)
                for key in keys[start : start + SLICE]:
                    if key in changes:  # else it was written meanwhile
                        overlay[key] = packed(changes.pop(key))
                step.store()
                await asyncio.sleep(0)

    def get(self, partition: int, key: bytes) -> bytes | None:
        """The value of a key, written or not."""
        return Overlay(self.table, partition, self._changes.get(partition)).get(key)

    def clear(self) -> None:
        """The partitions are gone, after a last `write`."""
        self._changes.clear()
