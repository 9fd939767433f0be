"""A mark in the data directory: the local state there must not be trusted.

A process that sets it cannot count on free disk space. So a file is created at the start, and
setting the mark only renames it, which takes no space.
"""

import contextlib
import logging
import os
import shutil
from pathlib import Path

log = logging.getLogger(__name__)

FENCE_MARK = "fenced"
SPARE = "ready-to-mark"
PROBE = "room"
ROOM = 256 << 10  # bytes that a start must be able to write


def prepare(data_dir: Path) -> None:
    """Check that there is disk space, and create the file that becomes the mark.

    Raises
    ------
    OSError
        The directory cannot be written to.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    probe = data_dir / PROBE
    try:
        _write(probe, bytes(ROOM))
        _write(data_dir / SPARE, b"")
    finally:
        with contextlib.suppress(FileNotFoundError):
            probe.unlink()
    _sync(data_dir)


def distrust(data_dir: Path) -> bool:
    """Set the mark; False when not even that is possible."""
    mark = data_dir / FENCE_MARK
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            (data_dir / SPARE).rename(mark)
        except FileNotFoundError:
            _write(mark, b"")
        _sync(data_dir)
    except OSError:
        return False
    return True


def discard_if_marked(data_dir: Path) -> bool:
    """Remove local state that is marked; it is rebuilt from the logs."""
    mark = data_dir / FENCE_MARK
    if not mark.exists():
        return False
    log.warning("The last run left its local state in doubt: discarding %s", data_dir)
    for path in data_dir.iterdir():  # the directory itself stays: it may be a mount
        if path.is_dir():
            shutil.rmtree(path)
        elif path != mark:
            path.unlink()
    _sync(data_dir)
    mark.unlink()  # last, so that a start that is interrupted before this discards again
    return True


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """Make renames and removals in a directory survive a power failure."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
