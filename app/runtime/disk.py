"""How long the disk takes for a small write: a frozen one says nothing by itself."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from app.runtime.clock import now

PULSE = "pulse"
EVERY = 1.0  # seconds between two writes
BLOCK = bytes(512)

_sync = getattr(os, "fdatasync", os.fsync)  # without the file's times where that can be had


class DiskPulse:
    """Writes one block to a directory every second, in a thread that may hang with the disk.

    The block is always the same one of an existing file, so that a write waits for nothing else
    that is on its way to the disk.
    """

    def __init__(
        self, directory: Path, every: float = EVERY, clock: Callable[[], float] = now
    ) -> None:
        self.path, self.every, self.clock = directory / PULSE, every, clock
        self._begun: float | None = None
        self._took = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weir-pulse", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write no more; a write that hangs is left behind."""
        self._stopped.set()

    @property
    def seconds(self) -> float:
        """How long the write under way has taken, or the last one if that took longer."""
        begun = self._begun
        return max(self._took, 0.0 if begun is None else self.clock() - begun)

    def _run(self) -> None:
        while not self._stopped.wait(self.every):
            self._begun = begun = self.clock()
            with suppress(OSError):  # a full or lost disk: whoever needs it says so
                self._write()
            self._took, self._begun = self.clock() - begun, None

    def _write(self) -> None:
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(file, BLOCK)
            _sync(file)
        finally:
            os.close(file)
