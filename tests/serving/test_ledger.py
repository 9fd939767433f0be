"""The files of the scored store: what is kept over restarts, and what expires."""

import time
from pathlib import Path

import pytest

from app.serving.ledger import EARLIER, FORMAT, MARK, READERS, UNREAD, Entry, Ledger

DAY = 86400.0


def kept(n: int) -> Entry:
    return Entry(n, UNREAD, b'{"id": "t%d"}' % n)


def test_an_entry_is_read_as_it_was_written(tmp_path: Path):
    ledger = Ledger(tmp_path / "0", epoch=1, horizon=DAY)
    earlier = Entry(EARLIER, 2, b"decision")
    ledger.write({"t0": earlier, "t1": Entry(7, 3, b"decision"), "t2": kept(2)})
    assert [ledger.entry(f"t{n}") for n in range(3)] == [earlier, Entry(7, 3, b"decision"), kept(2)]
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
    assert (ledger.read_mark(), ledger.entry("t1"), ledger.earlier) == ((0, -1), None, 1)
    ledger.close()


def marked(path: Path, form: int) -> Ledger:
    """A ledger whose mark says that it is of a format, as far as the log's third record."""
    ledger = Ledger(path, epoch=1, horizon=DAY)
    ledger.write({"t1": kept(1)})
    ledger.db.put(MARK, b"".join(n.to_bytes(8, "little") for n in (form, 1, 2, 1)))
    return ledger


@pytest.mark.parametrize("form", [FORMAT + 1, FORMAT - 2], ids=["newer", "older"])
def test_one_of_a_format_that_is_not_read_is_made_anew(form: int, tmp_path: Path):
    ledger = marked(tmp_path / "0", form)
    assert (ledger.read_mark(), ledger.entry("t1")) == ((0, -1), None)
    ledger.close()


def test_entries_of_a_format_that_is_read_stay_and_tell_which_one_they_are_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As in a later release, that has one more reader."""
    monkeypatch.setitem(READERS, FORMAT + 1, lambda value: Entry(7, 8, value[8:]))
    ledger = marked(tmp_path / "0", FORMAT + 1)
    ledger.db.put(b"t2", (-FORMAT - 1).to_bytes(8, "little", signed=True) + b"later")
    assert ledger.read_mark() == (2, 1)
    assert (ledger.entry("t1"), ledger.entry("t2")) == (kept(1), Entry(7, 8, b"later"))
    mark = ledger.db.get(MARK)
    assert mark is not None
    assert mark[0] == FORMAT, "before an entry of this format comes"
    ledger.close()


def test_the_previous_format_stays_as_it_is(tmp_path: Path):
    ledger = marked(tmp_path / "0", 2)
    ledger.db.put(b"t2", (7).to_bytes(8, "little") + (3).to_bytes(8, "little") + b"decision")
    assert ledger.read_mark() == (2, 1)
    assert ledger.entry("t2") == Entry(7, 3, b"decision")
    ledger.close()
