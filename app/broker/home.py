"""The directory that a broker keeps its data and logs in, locked while it is in use."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from app.errors import BrokerError

DATA = "data"  # the data directory, inside the directory of a node


class Home:
    """A locked directory; a temporary one is removed when it is released.

    Parameters
    ----------
    given: the directory, created if necessary; None for a temporary one.

    Raises
    ------
    BrokerError
        Another broker is using it.
    OSError
        It cannot be created.
    """

    def __init__(self, given: Path | None) -> None:
        self.temporary = given is None
        self.path = _make(given)
        self._lock: int | None = _lock(self.path)

    def release(self, keep_logs: bool = False) -> None:
        """Unlock it, and remove it if it is temporary: all of it, or everything but the logs."""
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
    """Lock out other brokers: Kafka takes its own lock only after it has touched the metadata."""
    held = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise BrokerError(
            f"The broker cannot use {directory}: another broker is using it."
        ) from None
    return held
