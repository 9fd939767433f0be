"""For how long the group still counts this worker as a member.

The group gives partitions away `session_timeout` seconds after the last heartbeat that reached
it. A worker that is cut off from its coordinator alone does not notice: its event loop runs
and its writes are taken. So nothing is begun, and nothing leaves the process, unless a
heartbeat was acknowledged lately.

The worker waits then; it does not end. While the coordinator is away nobody else is given
the partitions, so a broker that is restarted must not cost every worker its life. When the
coordinator is back, the first heartbeat says whether the worker still holds them. If it does
not, the partitions are revoked, and steps that cannot end then end the process.
"""

import asyncio
from collections.abc import Callable

from app.runtime.clock import now

LEASE_SHARE = 0.6  # of the session timeout: the rest is for what is on its way
LOOK = 0.02  # seconds


class Lease:
    """The group's word for the partitions, counted from when a heartbeat was sent."""

    def __init__(self, session_timeout: float, clock: Callable[[], float] = now) -> None:
        self.limit, self.clock = LEASE_SHARE * session_timeout, clock
        self.renewed_at: float | None = None

    def renew(self, sent: float) -> None:
        """A heartbeat, or a join, that was sent at this time was acknowledged."""
        self.renewed_at = max(sent, self.renewed_at or sent)

    @property
    def valid(self) -> bool:
        """Whether the partitions are sure to be ours; also before the first join."""
        return self.renewed_at is None or self.clock() - self.renewed_at <= self.limit

    async def wait(self) -> None:
        """Wait until the lease is valid."""
        while not self.valid:
            await asyncio.sleep(LOOK)
