"""Counts how often the group and this worker begin anew with each other."""

from collections import deque
from collections.abc import Callable

from app.runtime.clock import now
from app.runtime.guard import Exit, Leave

LOSSES = 4  # memberships lost within the window: a second worker has our instance id, or worse
WINDOW = 20  # session timeouts
JOINS = 30  # in a row without the tables once recovered


class Rejoins:
    """Ends a process that keeps losing its place, before it and its rival undo each other's work.

    Only losses count, and joins that come to nothing: a rolling restart of many workers makes
    each of them join often, and none of them is at fault.
    """

    def __init__(
        self, session_timeout: float, leave: Leave, clock: Callable[[], float] = now
    ) -> None:
        self.window, self.leave, self.clock = WINDOW * session_timeout, leave, clock
        self.losses: deque[float] = deque(maxlen=LOSSES)
        self.joins = 0

    def lost(self) -> None:
        """The group did not know this worker any more."""
        self.losses.append(self.clock())
        if len(self.losses) == LOSSES and self.losses[-1] - self.losses[0] <= self.window:
            self.leave(
                Exit.REJOINS,
                f"the group gave this worker's place away {LOSSES} times in {self.window:.0f} s: "
                "another one may have the same WEIR_INSTANCE_ID",
            )

    def joined(self) -> None:
        """The group told this worker its partitions."""
        self.joins += 1
        if self.joins > JOINS:
            self.leave(Exit.REJOINS, f"joined {JOINS} times without once recovering its tables")

    def recovered(self) -> None:
        """The tables of what a join gave are recovered."""
        self.joins = 0
