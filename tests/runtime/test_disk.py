"""The pulse of a disk: a named pipe without a reader takes a write as a frozen disk does."""

import os
import threading
from pathlib import Path

import pytest

from app.runtime.disk import PULSE, DiskPulse
from tests.system.workers import until

EVERY = 0.02  # seconds


async def test_a_disk_that_works_takes_no_time(tmp_path: Path) -> None:
    pulse = DiskPulse(tmp_path, EVERY)
    pulse.start()

    async def written() -> bool:
        return (tmp_path / PULSE).exists() and (tmp_path / PULSE).stat().st_size > 0

    await until(written, 10)
    assert pulse.seconds < 5
    pulse.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
async def test_a_disk_that_hangs_is_seen_while_it_hangs_and_after(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / PULSE)
    pulse = DiskPulse(tmp_path, EVERY)
    pulse.start()

    async def hangs() -> bool:
        return pulse.seconds > 0.3

    async def works() -> bool:
        return pulse.seconds < 0.1

    await until(hangs, 10)
    (tmp_path / PULSE).replace(tmp_path / "old")  # the next write finds a disk that works
    reader = threading.Thread(target=(tmp_path / "old").read_bytes, daemon=True)
    reader.start()
    await until(works, 10)
    pulse.stop()


async def test_a_disk_that_is_gone_is_not_slow(tmp_path: Path) -> None:
    pulse = DiskPulse(tmp_path / "missing", EVERY)
    pulse.start()
    (tmp_path / "missing").mkdir()

    async def written() -> bool:
        return (tmp_path / "missing" / PULSE).exists()

    await until(written, 10)
    assert pulse.seconds < 5
    pulse.stop()
