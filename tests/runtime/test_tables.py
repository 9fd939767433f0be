"""A store: the keys of a partition in their order, and changes that come together or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rocksdict import Options, Rdict

from app.runtime.tables import RocksStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RocksStore]:
    db = Rdict(str(tmp_path / "table"), Options(raw_mode=True))
    yield RocksStore(db)
    db.close()


def test_changes_are_read_and_walked_in_the_order_of_keys(store):
    store.write({b"b": b"2", b"a": b"1", b"\xff": b"4", b"c\0": b"3"})
    assert (store.get(b"a"), store.get(b"z")) == (b"1", None)
    assert list(store.walk()) == [(b"a", b"1"), (b"b", b"2"), (b"c\0", b"3"), (b"\xff", b"4")]
    assert list(store.walk(b"b")) == list(store.walk())[1:]
    assert list(store.walk(b"bb")) == list(store.walk())[2:]


def test_none_deletes_also_what_is_not_there(store):
    store.write({b"a": b"1", b"b": b""})
    store.write({b"a": None, b"c": None})
    assert list(store.walk()) == [(b"b", b"")]


def test_no_changes_are_none(store):
    store.write({})
    assert list(store.walk()) == []


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.dictionaries(
            st.binary(min_size=1, max_size=2), st.none() | st.binary(max_size=3), max_size=6
        ),
        max_size=6,
    )
)
def test_a_store_is_what_a_sorted_dictionary_would_be(store, steps):
    store.write(dict.fromkeys([key for key, _ in store.walk()]))
    expected: dict[bytes, bytes] = {}
    for changes in steps:
        store.write(changes)
        for key, value in changes.items():
            expected.pop(key, None)
            if value is not None:
                expected[key] = value
    assert list(store.walk()) == sorted(expected.items())
    assert all(store.get(key) == value for key, value in expected.items())
