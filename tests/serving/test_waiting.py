"""Labels that wait are found by their age, whatever else a labels table holds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rocksdict import Options, Rdict

from app.serving.waiting import PREFIX, Waiting, overdue

IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@pytest.fixture
def db(tmp_path: Path):
    db = Rdict(str(tmp_path / "labels"), Options(raw_mode=True))
    yield db
    db.close()


def keep(db: Rdict, *waiting: Waiting) -> None:
    for one in waiting:
        db[one.key] = b"1"


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


def test_the_oldest_come_first_and_only_those_before_the_time(db):
    old, older, new = Waiting(5, "a", "t2"), Waiting(3, "b", "t1"), Waiting(7, "c", "t3")
    keep(db, old, older, new)
    assert overdue(db, 7, 100) == [older, old]
    assert overdue(db, 3, 100) == []
    assert overdue(db, 8, limit=2) == [older, old]


def test_entries_of_transactions_are_passed_over(db):
    for tx in ("", "\1", "t1", "waiting", "\N{GRINNING FACE}"):
        db[tx.encode()] = b"entry"
    assert overdue(db, 2**62, 100) == []
    keep(db, Waiting(1, "a", "t1"))
    assert overdue(db, 2**62, 100) == [Waiting(1, "a", "t1")]


def test_one_that_was_settled_is_found_no_more(db):
    keep(db, Waiting(1, "a", "t1"), Waiting(1, "a", "t2"))
    del db[Waiting(1, "a", "t1").key]
    assert overdue(db, 2, 100) == [Waiting(1, "a", "t2")]


def test_the_time_before_1970_is_as_early_as_any(db):
    keep(db, Waiting(0, "a", "t1"))
    assert overdue(db, -1, 100) == []
