"""The mark that makes the next start discard the local state."""

import os
import resource
import signal
from pathlib import Path

import pytest

from app.runtime.mark import FENCE_MARK, discard_if_marked, distrust, prepare


def no_room() -> None:
    """From now on this process can write no byte to any file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def in_a_child(work) -> int:
    """Run in a forked process; 0 when it returned True."""
    if not (child := os.fork()):
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def refused(data: Path) -> bool:
    no_room()
    try:
        prepare(data)
    except OSError:
        return True
    return False


def test_marking_takes_no_room(tmp_path: Path):
    prepare(tmp_path)

    def mark() -> bool:
        no_room()
        return distrust(tmp_path)

    assert in_a_child(mark) == 0
    assert (tmp_path / FENCE_MARK).exists()


def test_a_start_without_room_is_told_so_and_one_with_room_again_works(tmp_path: Path):
    assert in_a_child(lambda: refused(tmp_path)) == 0
    prepare(tmp_path)
    assert distrust(tmp_path)


def test_a_mark_that_cannot_be_set_is_said(tmp_path: Path):
    (tmp_path / "file").touch()
    assert not distrust(tmp_path / "file" / "below")


@pytest.mark.parametrize("marked", [True, False])
def test_marked_state_is_discarded_once(tmp_path: Path, marked: bool):
    data = tmp_path / "data"
    prepare(data)
    (data / "scored").mkdir()
    if marked:
        assert distrust(data)
    assert discard_if_marked(data) is marked
    assert (data / "scored").exists() is not marked
    assert data.exists(), "it may be a mount"
    assert discard_if_marked(data) is False
