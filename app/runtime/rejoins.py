"""Counts how often this worker loses its membership in the group, and how often it joins."""

from collections import deque
from collections.abc import Callable

from app.runtime.clock import now
from app.runtime.guard import Exit, Leave

LOSSES = 4  # memberships lost within the window: a second worker has our instance id, or worse
WINDOW = 20  # session timeouts
JOINS = 30  # in a row without a completed recovery of the tables


class Rejoins:
    """Ends a process that keeps losing its membership, before two undo each other's work.

    Only lost memberships count, and joins without a recovery after them: during a rolling restart
    of many workers each of them joins often, and none is at fault.
    """

    def __init__(
        self, session_timeout: float, leave: Leave, clock: Callable[[], float] = now
    ) -> None:
        self.window, self.leave, self.clock = WINDOW * session_timeout, leave, clock
        self.losses: deque[float] = deque(maxlen=LOSSES)
        self.joins = 0

    def lost(self) -> None:
        """The group no longer knew this worker."""
        self.losses.append(self.clock())
        if len(self.losses) == LOSSES and self.losses[-1] - self.losses[0] <= self.window:
            self.leave(
                Exit.REJOINS,
                f"this worker lost its membership in the group {LOSSES} times in "
                f"{self.window:.0f} s: another worker may have the same WEIR_INSTANCE_ID",
            )

    def joined(self) -> None:
        """The group sent this worker an assignment."""
        self.joins += 1
        if self.joins > JOINS:
            why = f"joined the group {JOINS} times without ever recovering the tables"
            self.leave(Exit.REJOINS, why)

    def recovered(self) -> None:
        """The tables of the assigned partitions are recovered."""
        self.joins = 0
