"""Labels that wait are found by their age, whatever else a labels table holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rocksdict import Options, Rdict

from app.core.labels import LabelEntry, encode_entry
from app.runtime.tables import RocksStore, Store
from app.serving.waiting import PREFIX, Waiting, left_over, overdue
from tests.core.sayings import decision, known, said, settle

IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[Store]:
    db = Rdict(str(tmp_path / "labels"), Options(raw_mode=True))
    yield RocksStore(db)
    db.close()


def keep(labels: Store, *waiting: Waiting) -> None:
    labels.write({one.key: b"1" for one in waiting})


@given(st.integers(0, 2**63 - 1), IDS, IDS)
def test_a_key_is_read_back(recorded, label_id, tx):
    waiting = Waiting(recorded, label_id, tx)
    assert Waiting.read(waiting.key) == waiting


@given(st.tuples(st.integers(0, 2**63 - 1), IDS, IDS), st.tuples(st.integers(0, 2**63 - 1)))
def test_keys_sort_by_time(one, other):
    assert (Waiting(*one).key < Waiting(*other, "l", "t").key) or one[0] >= other[0]


@given(IDS)
def test_no_transaction_has_the_key_of_one_that_waits(tx):
    assert not tx.encode().startswith(PREFIX)


def test_the_oldest_come_first_and_only_those_before_the_time(labels):
    old, older, new = Waiting(5, "a", "t2"), Waiting(3, "b", "t1"), Waiting(7, "c", "t3")
    keep(labels, old, older, new)
    assert overdue(labels, 7, 100) == [older, old]
    assert overdue(labels, 3, 100) == []
    assert overdue(labels, 8, limit=2) == [older, old]


def test_entries_of_transactions_are_passed_over(labels):
    for tx in ("", "\1", "t1", "waiting", "\N{GRINNING FACE}"):
        labels.write({tx.encode(): b"entry"})
    assert overdue(labels, 2**62, 100) == []
    keep(labels, Waiting(1, "a", "t1"))
    assert overdue(labels, 2**62, 100) == [Waiting(1, "a", "t1")]


def test_one_that_was_settled_is_found_no_more(labels):
    keep(labels, Waiting(1, "a", "t1"), Waiting(1, "a", "t2"))
    labels.write({Waiting(1, "a", "t1").key: None})
    assert overdue(labels, 2, 100) == [Waiting(1, "a", "t2")]


def test_the_time_before_1970_is_as_early_as_any(labels):
    keep(labels, Waiting(0, "a", "t1"))
    assert overdue(labels, -1, 100) == []


def test_an_entry_of_the_index_whose_label_does_not_wait_any_more_is_left_over(labels):
    """As of a worker that died before its changelog had it, or whose label was settled since."""
    entry = LabelEntry("c1", [])
    waits = settle(entry, said("fraud", label_id="a"), known(0, recorded=5), None)
    settled = settle(entry, said("legit", label_id="b"), known(1, recorded=6), decision())
    assert (waits.outcome, settled.outcome) == ("waiting", "settled")
    labels.write({b"t1": encode_entry(entry)})
    found = [Waiting(5, "a", "t1"), Waiting(4, "a", "t1"), Waiting(6, "b", "t1")]
    found += [Waiting(5, "a", "t2")]
    assert left_over(found, labels.get) == found[1:]
