"""Tests of the packed records."""

from struct import Struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import SnapshotError
from app.streams.fraud.table import Table

RECORD = Struct("<iq")

# Few enough to meet again, in the first, the last and a crowded shard.
keys = st.sampled_from([0, 1, 2, 3, 2**56, 2**64 - 2, 2**64 - 1])
touches = st.lists(st.tuples(keys, st.integers(0, 9)), max_size=40)


def touch(table: Table, key: int, day: int) -> None:
    """Count one more in the record of a key."""
    records, at = table.open(key, day)
    RECORD.pack_into(records, at, day, RECORD.unpack_from(records, at)[1] + 1)


def contents(table: Table, keys: range | list[int]) -> dict[int, tuple[int, int]]:
    places = {key: table.find(key) for key in keys}
    return {key: RECORD.unpack_from(*place) for key, place in places.items() if place}


def loaded(parts: list[bytes], lifetime: int = 3) -> Table:
    table = Table(RECORD, lifetime)
    for part in parts:
        table.load(part)
    return table


@given(touches)
def test_records_are_found_again_by_their_key(touched):
    table = Table(RECORD, lifetime=100)
    expected = {}
    for key, day in touched:
        touch(table, key, day)
        expected[key] = day, expected.get(key, (0, 0))[1] + 1
    assert contents(table, [key for key, _ in touched]) == expected
    assert len(table) == len(expected)


@given(touches, touches)
def test_a_loaded_table_goes_on_like_the_one_that_was_dumped(before, after):
    table = Table(RECORD, lifetime=3)
    for day, (key, _) in enumerate(before):
        touch(table, key, day)
    twin = loaded(list(table.parts()))
    assert list(twin.parts()) == list(table.parts())
    for day, (key, _) in enumerate(after, len(before)):
        touch(table, key, day)
        touch(twin, key, day)
    assert list(twin.parts()) == list(table.parts())


def test_records_untouched_for_longer_than_the_lifetime_are_dropped():
    table = Table(RECORD, lifetime=3)
    for key, day in ((1, 10), (2, 11), (3, 14)):
        touch(table, key, day)
    assert contents(table, [1, 2, 3]) == {2: (11, 1), 3: (14, 1)}


def test_the_room_of_a_dropped_record_is_taken_again_and_starts_at_zero():
    table = Table(RECORD, lifetime=3)
    touch(table, 1, 10)
    touch(table, 2, 20)
    records, _ = table.open(3, 21)
    assert len(records) == 2 * RECORD.size
    assert contents(table, [2, 3]) == {2: (20, 1), 3: (0, 0)}


def test_a_large_table_is_dumped_in_parts_of_bounded_size():
    wide = Struct("<i300s")
    table = Table(wide, lifetime=3)
    for key in range(0, 2**64, 2**64 // 3000):
        table.open(key, 0)
    for key in range(2000):
        table.open(key, 0)
    sizes = [len(part) for part in table.parts()]
    assert len(sizes) > 5
    assert max(sizes) < 300_000


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda part: part[:-1], id="cut short"),
        pytest.param(lambda part: part + b"\0", id="too long"),
        pytest.param(lambda part: b"\xff\xff" + part[2:], id="of more shards"),
    ],
)
def test_a_damaged_part_is_refused(damage):
    table = Table(RECORD, lifetime=3)
    touch(table, 1, 10)
    (part,) = table.parts()
    with pytest.raises(SnapshotError, match="cut short or of another layout"):
        loaded([damage(part)])
