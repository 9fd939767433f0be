"""What a worker waits for longer than it should: heartbeats, acknowledgements, its disk.

None of this ends the worker by itself. But somebody should be told, at once and in each way
that there is: a line in the log, the readiness, metrics.
"""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from app.runtime.disk import DiskPulse
from app.runtime.lease import Lease

log = logging.getLogger(__name__)

SLOW = 5.0  # seconds that a write may take
SLOW_SHARE = 0.4  # of the session timeout, if that is less: a stall ends the process at 0.6
EVERY = 0.25  # seconds between two looks


class Unacknowledged(Protocol):
    """What is being written: see `app.runtime.writer.Writers`."""

    def oldest(self) -> float:
        """Seconds since the oldest write that is not acknowledged was queued."""


class Watch(NamedTuple):
    """One thing that may take long: how long it has taken by now, from when on it is told."""

    name: str
    seconds: Callable[[], float]
    limit: float
    sentence: str  # with a place for the seconds
    over: str


class Delays:
    """Looks at all of them in a thread of its own: a frozen disk stops the event loop as well.

    Parameters
    ----------
    begun
        Called with the name of each delay when it begins: heartbeat, write or disk.
    """

    def __init__(
        self,
        lease: Lease,
        writes: Unacknowledged,
        disk: DiskPulse,
        session_timeout: float,
        begun: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.disk, self.begun = disk, begun
        slow = min(SLOW, SLOW_SHARE * session_timeout)
        self.watches = (
            Watch(
                "heartbeat",
                lambda: lease.silence,
                lease.limit,
                "the group has not acknowledged a heartbeat for {:.0f} s, so this worker holds",
                "heartbeats are acknowledged again",
            ),
            Watch(
                "write",
                writes.oldest,
                slow,
                "the broker has not acknowledged a write for {:.0f} s",
                "the broker acknowledges writes again",
            ),
            Watch(
                "disk",
                lambda: disk.seconds,
                slow,
                "a write to the disk of WEIR_DATA_DIR has taken {:.0f} s",
                "the disk takes writes again",
            ),
        )
        self._late: dict[str, float] = {}  # the longest time seen of each delay that has begun
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weir-delays", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self.disk.start()
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self.disk.stop()
        self._stopped.set()

    def why(self) -> str | None:
        """What takes too long, in one sentence; None when nothing does."""
        for watch in self.watches:
            if (seconds := watch.seconds()) > watch.limit:
                return watch.sentence.format(seconds)
        return None

    def look(self) -> None:
        """Say what has begun to take too long since the last look, and what has ended."""
        for watch in self.watches:
            seconds = watch.seconds()
            if seconds > watch.limit:
                if watch.name not in self._late:
                    log.warning("Delayed: %s", watch.sentence.format(seconds))
                    self.begun(watch.name)
                self._late[watch.name] = max(seconds, self._late.get(watch.name, 0.0))
            elif (longest := self._late.pop(watch.name, None)) is not None:
                log.warning("%s, after %.1f s", watch.over.capitalize(), longest)

    def _run(self) -> None:
        while not self._stopped.wait(EVERY):
            self.look()
