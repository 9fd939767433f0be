"""Collections with a part in a file give what a dictionary and a sorted list would."""

from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.overflow import Kept, Later
from app.data.player import Truth
from app.errors import DataError

KEYS = st.sampled_from([f"k{number}" for number in range(12)])
MOST = st.integers(1, 5)


@given(MOST, st.lists(st.tuples(st.sampled_from(["put", "get", "pop"]), KEYS), max_size=60))
def test_what_is_kept_is_what_a_dictionary_would_hold(most, steps):
    kept, expected = Kept(bytes, most), {}
    for number, (step, key) in enumerate(steps):
        if step == "pop":
            assert kept.pop(key) == expected.pop(key, None)
        elif step == "put" and key not in expected:
            expected[key] = str(number).encode()
            kept.put(key, expected[key])
        assert kept.get(key) == expected.get(key)
        assert len(kept._latest) <= most
    assert all(kept.get(key) == expected.get(key) for key in [f"k{n}" for n in range(12)])


@given(MOST, st.lists(st.tuples(st.booleans(), st.integers(-5, 20)), max_size=60))
def test_what_waits_comes_in_order_of_time_then_as_it_was_added(most, steps):
    later, expected = Later(int, most), []
    for number, (adds, at) in enumerate(steps):
        if adds:
            later.add(at, number)
            heappush(expected, (at, number))
        else:
            due = [heappop(expected) for _ in range(sum(one[0] <= at for one in expected))]
            assert list(later.due(at)) == due
        assert len(later._next) <= most
    assert list(later.rest()) == sorted(expected)


def test_what_waits_for_its_label_comes_out_of_the_file_as_it_went_in():
    truth = Truth("t", "c", at=7, positive=True)
    later = Later(Truth, most=1)
    for _ in range(3):
        later.add(9, truth)
    assert list(later.rest()) == [(9, truth)] * 3


def test_a_full_disk_is_a_sentence():
    kept = Kept(bytes, most=1)
    kept.put("a", b"")
    kept.put("b", b"")
    kept._older.execute("PRAGMA max_page_count = 4")
    with pytest.raises(DataError, match="no room in a file: database or disk is full"):
        for number in range(9):
            kept.put(str(number), bytes(4096))
