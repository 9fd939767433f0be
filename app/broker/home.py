"""Where brokers keep their data and logs: a directory that nobody else uses meanwhile."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from app.errors import BrokerError

DATA = "data"  # of a node, in its own directory


class Home:
    """A directory, locked while it is held; a temporary one is removed at the end.

    Parameters
    ----------
    given: the directory, made if need be; None for a temporary one.

    Raises
    ------
    BrokerError
        Another broker uses it.
    OSError
        It cannot be made.
    """

    def __init__(self, given: Path | None) -> None:
        self.temporary = given is None
        self.path = _make(given)
        self._lock: int | None = _lock(self.path)

    def release(self, keep_logs: bool = False) -> None:
        """Give it free, and remove it if it is temporary: all of it, or all but the logs."""
        if self._lock is None:
            return
        os.close(self._lock)
        self._lock = None
        if self.temporary and not (keep_logs and any(self.path.rglob("*.log"))):
            shutil.rmtree(self.path, ignore_errors=True)
        elif self.temporary:
            for data in [self.path / DATA, *self.path.glob(f"*/{DATA}")]:
                shutil.rmtree(data, ignore_errors=True)


def _make(given: Path | None) -> Path:
    if given is None:
        return Path(tempfile.mkdtemp(prefix="weir-broker-"))
    given.mkdir(parents=True, exist_ok=True)
    return given.resolve()


def _lock(directory: Path) -> int:
    """Keep others off the directory: Kafka's own lock comes after it has touched the metadata."""
    held = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise BrokerError(f"The broker cannot use {directory}: another one does.") from None
    return held
