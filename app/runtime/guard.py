"""Ends the process when going on could do harm: after a lost write, a stall, a gap in the log.

Weir's state is a function of its logs, so exiting at once is always safe and a restart
repairs everything. What is never safe is to go on writing after the group may have
assigned this worker's partitions to another one.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

from app.runtime import mark
from app.runtime.clock import now
from app.runtime.lease import Lease

log = logging.getLogger(__name__)

STALL_SHARE = 0.6  # of the session timeout: notes of a paused process that went on writing
CHECK_EVERY = 0.05  # seconds
LAST_WORD = 2.0  # seconds that writing the last line may take: standard error may be blocked


class Exit(IntEnum):
    """Why a worker exited, as its exit code."""

    WEB = 69  # the web views cannot listen
    STEP = 70  # a step raised: a bug
    STATE = 71  # stored state does not fit the logs or the settings
    COMMIT = 72  # the positions could not be committed before a revoke
    PRODUCE = 73  # the broker did not accept a write
    DISK = 74  # a write to the disk failed
    FENCE = 75  # the process stalled for too long, or another worker has its partition
    ORDER = 76  # a lane got records from ahead of its position: a bug
    RECOVERY = 77  # a table could not be recovered
    DAMAGED = 78  # the local state cannot be read
    STOP = 79  # a stop could not write out everything
    GROUP = 80  # the group refuses this worker
    REJOINS = 81  # membership in the group was lost again and again
    UNASSIGNED = 82  # the group sent no assignment
    STUCK = 83  # work waits and there is no progress
    FAUST = 84  # a service of Faust failed


IN_DOUBT = frozenset({Exit.FENCE, Exit.DAMAGED})  # the next start discards the local state
Leave = Callable[[Exit, str], NoReturn]  # ends the process, and says why
_leaving = threading.Lock()


def leave(code: Exit, why: str, data_dir: Path | None = None) -> NoReturn:
    """Log one line and end the process at once, without any cleanup that might write.

    `data_dir` holds the local state, which some codes put in doubt.
    """
    if not _leaving.acquire(blocking=False):
        threading.Event().wait()  # another thread is already ending the process
    last_word = threading.Timer(LAST_WORD, os._exit, (code,))
    last_word.daemon = True
    last_word.start()
    if code in IN_DOUBT and data_dir is not None and not mark.distrust(data_dir):
        why += "; the local state could not be marked: remove it before the next start"
    log.critical("Leaving with code %d (%s): %s", code, code.name.lower(), why)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)


class Guard:
    """Fences its own process: once the event loop has stalled, nothing more is written.

    The group reassigns partitions after `session_timeout` seconds without a heartbeat.
    A process that was stopped, throttled or swapped out may resume after that, so it
    ends itself when its event loop has stalled for 0.6 of that time. The next start
    discards the local state, which may be ahead of the changelogs.
    """

    def __init__(
        self,
        session_timeout: float,
        data_dir: Path,
        clock: Callable[[], float] = now,
    ) -> None:
        self.session_timeout, self.limit = session_timeout, STALL_SHARE * session_timeout
        self.data_dir, self.clock = data_dir, clock
        self.lease = Lease(session_timeout, clock)
        self.last = clock()
        self.end_by: float | None = None
        self._disarmed = threading.Event()
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="weir-guard", daemon=True)

    def leave(self, code: Exit, why: str) -> NoReturn:
        """Log one line and end the process at once, without any cleanup that might write."""
        leave(code, why, self.data_dir)

    def check(self) -> None:
        """End the process if the loop has stalled. Called before every write."""
        if self._disarmed.is_set():
            return
        if self.clock() - self.last > self.limit:
            self.leave(Exit.FENCE, f"the event loop stalled for more than {self.limit:.1f} s")

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start to watch the loop, from inside and from a thread."""
        self.last = self.clock()
        self._beat(loop)
        self._watcher.start()

    def stop_within(self, seconds: float) -> None:
        """A stop has begun: end the process if it takes longer than this."""
        if self.end_by is not None:
            return
        self.end_by = self.clock() + seconds
        if self._watcher.ident is None:  # not started yet, so the loop may well be blocked
            self.disarm()
            self._watcher.start()

    def disarm(self) -> None:
        """Allow the loop to stall: nothing more is written, or a test wants it."""
        self._disarmed.set()

    def stop(self) -> None:
        """Stop watching."""
        self.disarm()
        self._stopped.set()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._disarmed.is_set():
            return
        self.check()  # before `last` moves: after a pause the beat may be the first to run
        self.last = self.clock()
        loop.call_later(CHECK_EVERY, self._beat, loop)

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_EVERY):
            self.check()
            if self.end_by is not None and self.clock() > self.end_by:
                self.leave(
                    Exit.STOP, "the stop took too long; what was not committed is processed again"
                )
