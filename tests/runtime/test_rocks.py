"""RocksDB files that were damaged: refused, or as they were at some moment; never in between."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faust.stores.rocksdb import RocksDBOptions
from rocksdict import Rdict, WriteBatch

from app.runtime.guard import Exit
from app.runtime.rocks import LOG_HEADER, RECYCLED, cause, check, open_or_discard, walk
from app.runtime.tables import MEMORY

OFFSET = b"__faust\0offset__"
BACKGROUND = (
    "mem-table-flush-pending",
    "num-running-flushes",
    "compaction-pending",
    "num-running-compactions",
)
STEPS = 400
TRIES = 20  # damages of a kind
SMALL = {**MEMORY, "write_buffer_size": 64 << 10}  # many files from few records


def open_files(path: Path) -> Rdict:
    return RocksDBOptions(**SMALL).open(path)


def changes() -> Iterator[dict[bytes, bytes]]:
    """What each step writes: the same every time."""
    chance = random.Random(1)
    for _ in range(STEPS):
        yield {b"c%d" % chance.randrange(200): chance.randbytes(300) for _ in range(3)}


def write_and_die(path: Path) -> None:
    """Write as a worker does, a step and then how far it got, and end without closing."""
    db = open_files(path)
    for offset, step in enumerate(changes()):
        batch = WriteBatch(raw_mode=True)
        for key, value in step.items():
            batch.put(key, value)
        db.write(batch)
        db.put(OFFSET, b"%d" % offset)
    while any(db.property_int_value(f"rocksdb.{work}") for work in BACKGROUND):
        time.sleep(0.01)  # files may be whole and not yet named while this goes on
    os._exit(0)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rocks") / "customers-0.db"
    # A process of its own, not a fork: RocksDB's threads would be missing in that.
    program = f"from {__name__} import *; write_and_die(Path({str(path)!r}))"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def states() -> list[dict[bytes, bytes]]:
    """The table before each step, and after the last."""
    state: dict[bytes, bytes] = {}
    found = [dict(state)]
    for step in changes():
        state.update(step)
        found.append(dict(state))
    return found


def flip(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def truncate(file: Path, chance: random.Random) -> None:
    os.truncate(file, chance.randrange(file.stat().st_size))


def blank(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    start = chance.randrange(len(content))
    content[start : start + 512] = bytes(len(content[start : start + 512]))
    file.write_bytes(content)


def remove(file: Path, chance: random.Random) -> None:
    file.unlink()


def read(path: Path) -> dict[bytes, bytes] | None:
    """Every entry, None when the files say that they are damaged."""
    db = open_or_discard(path, lambda: open_files(path))
    try:
        found = dict(walk(db))
        assert all(db.get(key) == value for key, value in found.items())
    except Exception as error:
        assert cause(error, Exit.STEP) == Exit.DAMAGED, error
        return None
    finally:
        db.close()
    return found


@pytest.mark.parametrize("kind", ["sst", "log", "MANIFEST-*", "CURRENT"])
@pytest.mark.parametrize("damage", [flip, truncate, blank, remove])
def test_damage_is_refused_or_leaves_a_state_that_was(
    written: Path, states: list, tmp_path: Path, seed: int, damage: Callable, kind: str
):
    chance = random.Random(f"{seed} {damage.__name__} {kind}")
    copy = tmp_path / "copy"
    for _ in range(TRIES):
        shutil.copytree(written, copy)
        files = sorted(copy.glob(f"*.{kind}" if kind in ("sst", "log") else kind))
        damage(chance.choice([file for file in files if file.stat().st_size]), chance)
        if found := read(copy):
            offset = int(found.pop(OFFSET, -1))
            # Before the first offset, or between a step and its offset, one step is ahead.
            assert found in states[offset + 1 : offset + 3]
        shutil.rmtree(copy)


@pytest.mark.parametrize("kind", ["*.log", "MANIFEST-*"])
@pytest.mark.parametrize("type_", sorted(RECYCLED))
def test_an_entry_at_which_rocksdb_reads_in_a_circle_is_refused(
    written: Path, tmp_path: Path, kind: str, type_: int
):
    copy = tmp_path / "copy"
    shutil.copytree(written, copy)
    file = next(copy.glob(kind))
    content = bytearray(file.read_bytes())
    _, length, _ = LOG_HEADER.unpack_from(content)
    content[2 * LOG_HEADER.size + length - 1] = type_  # of the second entry
    file.write_bytes(content)
    with pytest.raises(Exception, match=r"Corruption: .* recycled"):
        check(copy)
    assert read(copy) == {}


def test_files_that_are_whole_are_kept(written: Path, states: list, tmp_path: Path):
    shutil.copytree(written, tmp_path / "copy")
    found = read(tmp_path / "copy")
    assert found is not None
    assert int(found.pop(OFFSET)) == STEPS - 1
    assert found == states[-1]


def test_a_walk_says_that_it_met_a_damaged_block(written: Path, tmp_path: Path):
    """rocksdict's own iterators end there as if it were the last key."""
    copy = tmp_path / "copy"
    shutil.copytree(written, copy)
    for table in copy.glob("*.sst"):
        with table.open("r+b") as file:
            file.seek(table.stat().st_size // 2)
            file.write(b"damage")
    db = open_files(copy)
    assert len(list(db.keys())) < 200
    with pytest.raises(Exception, match="Corruption"):
        list(walk(db))
    db.close()
