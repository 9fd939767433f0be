"""Ends the process when going on could harm: a lost write, a stall, a hole in the log.

Weir's state is a function of its logs, so leaving at once is always safe and starting
again repairs everything. What is never safe is to go on writing after the group may
have given this worker's partitions to another one.
"""

import asyncio
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

log = logging.getLogger(__name__)

FENCE_MARK = "fenced"
STALL_SHARE = 0.6  # of the session timeout: notes of a paused process that went on writing
CHECK_EVERY = 0.05  # seconds


class Exit(IntEnum):
    """Why a worker left, as its exit code."""

    WEB = 69  # the web views cannot listen
    STEP = 70  # a step raised: a bug
    STATE = 71  # stored state does not fit the logs or the settings
    PRODUCE = 73  # the broker did not take a write
    FENCE = 75  # the process stood still for too long
    ORDER = 76  # a source partition's log has a hole in front of the position
    RECOVERY = 77  # a table could not be recovered


def leave(code: Exit, why: str) -> NoReturn:
    """Log one line and end the process at once, without any cleaning up that might write."""
    log.critical("Leaving with code %d (%s): %s", code, code.name.lower(), why)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)


class Guard:
    """Fences the process itself: once the loop has stalled, nothing more is written.

    The group gives partitions away after `session_timeout` seconds without a heartbeat.
    A process that was stopped, throttled or swapped out may come back after that, so it
    ends itself when its event loop has stood still for 0.6 of that time. The next start
    discards the local state, which may be ahead of the changelogs.
    """

    def __init__(
        self,
        session_timeout: float,
        data_dir: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = STALL_SHARE * session_timeout
        self.data_dir = data_dir
        self.clock = clock
        self.last = clock()
        self._stopped = threading.Event()

    def check(self) -> None:
        """End the process if the loop has stalled. Called before every write."""
        if self._stopped.is_set():
            return
        if self.clock() - self.last > self.limit:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            (self.data_dir / FENCE_MARK).touch()
            leave(Exit.FENCE, f"the event loop stood still for more than {self.limit:.1f} s")

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch the loop, from inside and from a thread."""
        self.last = self.clock()
        self._beat(loop)
        threading.Thread(target=self._watch, name="weir-guard", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._stopped.is_set():
            return
        self.check()  # before moving the mark: after a stop the beat may be the first to run
        self.last = self.clock()
        loop.call_later(CHECK_EVERY, self._beat, loop)

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_EVERY):
            self.check()


def discard_if_fenced(data_dir: Path) -> bool:
    """Remove the local state that a fenced process left behind; the logs rebuild it."""
    if not (data_dir / FENCE_MARK).exists():
        return False
    log.warning("The last run was fenced: discarding the local state in %s", data_dir)
    mark = data_dir / FENCE_MARK  # goes last, and the directory stays: it may be a mount
    for path in data_dir.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path != mark:
            path.unlink()
    mark.unlink()
    return True
