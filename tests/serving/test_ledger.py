"""The files of the scored store: what is kept over restarts, and what expires."""

import time
from pathlib import Path

from app.serving.ledger import UNREAD, Entry, Ledger

DAY = 86400.0


def kept(n: int) -> Entry:
    return Entry(n, UNREAD, b'{"id": "t%d"}' % n)


def test_an_entry_is_read_as_it_was_written(tmp_path: Path):
    ledger = Ledger(tmp_path / "0", epoch=1, horizon=DAY)
    ledger.write({"t1": Entry(7, 3, b"decision"), "t2": kept(2)})
    assert (ledger.entry("t1"), ledger.entry("t2")) == (Entry(7, 3, b"decision"), kept(2))
    assert ledger.entry("t3") is None
    ledger.close()


def test_nothing_is_lost_when_files_are_merged_after_several_starts(tmp_path: Path):
    for n in range(5):
        ledger = Ledger(tmp_path / "0", epoch=1, horizon=DAY)
        assert ledger.read_mark() == ((n, n - 1) if n else (0, -1))
        ledger.write({f"t{n}": kept(n)})
        ledger.save_mark(n + 1, n)
        ledger.db.flush()
        ledger.db.compact_range(None, None)
        assert [ledger.entry(f"t{m}") for m in range(n + 1)] == [kept(m) for m in range(n + 1)]
        ledger.close()


def test_entries_expire_with_the_horizon(tmp_path: Path):
    for _ in range(3):
        ledger = Ledger(tmp_path / "0", epoch=1, horizon=1.0)
        ledger.write({"old": kept(1)})
        ledger.close()
    ledger = Ledger(tmp_path / "0", epoch=1, horizon=1.0)
    until = time.monotonic() + 10
    while ledger.entry("old") is not None:
        assert time.monotonic() < until
        time.sleep(0.1)
        ledger.db.compact_range(None, None)
    ledger.close()


def test_one_of_another_epoch_is_made_anew(tmp_path: Path):
    ledger = Ledger(tmp_path / "0", epoch=1, horizon=DAY)
    ledger.write({"t1": kept(1)})
    ledger.save_mark(2, 1)
    ledger.close()
    ledger = Ledger(tmp_path / "0", epoch=2, horizon=DAY)
    assert (ledger.read_mark(), ledger.entry("t1")) == ((0, -1), None)
    ledger.close()
