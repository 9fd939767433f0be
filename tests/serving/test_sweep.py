"""The sweep walks the labels, a few at a time, and finds what nobody can say anything new of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from app.core.labels import LabelEntry, encode_entry
from app.core.messages import Origin
from app.core.settling import Received
from app.runtime.tables import RocksStore, Store
from app.serving.sweep import Sweep
from app.serving.waiting import Waiting
from tests.core.sayings import said, settle


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[Store]:
    db = Rdict(str(tmp_path / "labels"), Options(raw_mode=True))
    yield RocksStore(db)
    db.close()


def keep(labels: Store, id: str, *recorded: int) -> None:
    """What was said of an event at these times."""
    entry = LabelEntry("c1", [])
    for offset, at in enumerate(recorded):
        settle(entry, said("fraud", id=id, at=at), Received(Origin(1, 0, offset), at), None)
    labels.write({id.encode(): encode_entry(entry)})


def test_each_entry_is_looked_at_once_a_round(labels):
    for n in range(5):
        keep(labels, f"t{n}", n)
    sweep = Sweep()
    rounds = [sweep.expired(labels, before=99, looks=2) for _ in range(4)]
    assert rounds == [[b"t0", b"t1"], [b"t2", b"t3"], [b"t4"], [b"t0", b"t1"]]


def test_the_latest_label_says_how_old_an_entry_is(labels):
    keep(labels, "t0", 1, 9)
    keep(labels, "t1", 1, 5)
    keep(labels, "t2", 6)
    assert Sweep().expired(labels, before=6, looks=10) == [b"t1"]


def test_an_entry_that_lists_nothing_goes(labels):
    """Weir writes none, but nobody checks what a changelog has."""
    labels.write({b"t0": encode_entry(LabelEntry("c1", []))})
    assert Sweep().expired(labels, before=9, looks=10) == [b"t0"]


def test_what_is_no_entry_is_passed_over(labels):
    keep(labels, "t0", 1)
    labels.write({Waiting(1, "l1", "t0").key: b"1", b"__faust\0offset__": b"17"})
    assert Sweep().expired(labels, before=9, looks=10) == [b"t0"]


def test_entries_that_come_and_go_meanwhile_do_not_stop_the_walk(labels):
    for id in ("a", "c", "e"):
        keep(labels, id, 1)
    sweep = Sweep()
    assert sweep.expired(labels, before=9, looks=1) == [b"a"]
    labels.write({b"c": None})  # what the sweep stands on
    keep(labels, "d", 1)
    keep(labels, "b", 1)  # behind it: for the next round
    assert sweep.expired(labels, before=9, looks=2) == [b"d", b"e"]
    assert sweep.expired(labels, before=9, looks=2) == [b"a", b"b"]


def test_an_empty_table_has_nothing_to_sweep(labels):
    assert Sweep().expired(labels, before=9, looks=10) == []
