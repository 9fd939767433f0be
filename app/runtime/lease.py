"""How long the group still counts this worker as a member.

The group reassigns partitions `session_timeout` seconds after the last heartbeat that reached
it. A worker that is cut off from its coordinator alone does not notice: its event loop runs
and its writes are accepted. So no step begins, and nothing leaves the process, unless a
heartbeat was acknowledged recently.

The worker then waits; it does not exit. While the coordinator is down, nobody else is assigned
the partitions, so a broker's restart must not end every worker. When the coordinator is back,
the first heartbeat shows whether they are still assigned to this worker. If they are not, they
are revoked, and steps that cannot finish then end the process.
"""

import asyncio
from collections.abc import Callable

from app.runtime.clock import now

LEASE_SHARE = 0.6  # of the session timeout: the rest is for what is in flight
LOOK = 0.02  # seconds


class Lease:
    """This worker's right to its partitions, counted from when a heartbeat was sent."""

    def __init__(self, session_timeout: float, clock: Callable[[], float] = now) -> None:
        self.limit, self.clock = LEASE_SHARE * session_timeout, clock
        self.renewed_at: float | None = None

    def renew(self, sent: float) -> None:
        """Note that a heartbeat, or a join, that was sent at this time was acknowledged."""
        self.renewed_at = max(sent, self.renewed_at or sent)

    @property
    def valid(self) -> bool:
        """Whether the partitions certainly belong to this worker; also before the first join."""
        return self.silence <= self.limit

    @property
    def silence(self) -> float:
        """Seconds since the latest acknowledged heartbeat was sent; 0 before the first join."""
        return 0.0 if self.renewed_at is None else self.clock() - self.renewed_at

    async def wait(self) -> None:
        """Wait until the lease is valid."""
        while not self.valid:
            await asyncio.sleep(LOOK)
