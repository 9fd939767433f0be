"""The ring of rows that trees are grown on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.models.grove.rows import LARGEST, Rows, packed, unpacked
from app.errors import StateError

SIZE = 5
KEYS = st.integers(0, 9)
CHANGES = st.lists(st.tuples(KEYS, st.booleans(), st.booleans()), max_size=40)


def levels(number: int) -> np.ndarray:
    return np.array([number % 16, number * 3 % 16, 15], dtype=np.uint8)


def rows_of(changes: list[tuple[int, bool, bool]]) -> Rows:
    rows = Rows(SIZE, 3)
    for number, (key, y, keep) in enumerate(changes):
        if keep:
            rows.add(key, levels(number), y, float(number + 1))
        else:
            rows.remove(key)
    return rows


def seen(rows: Rows) -> list[tuple[list[int], int, float]]:
    """The rows that are not empty, by place."""
    columns = zip(rows.levels.T.tolist(), rows.ys.tolist(), rows.weights.tolist(), strict=True)
    return [row for row in columns if row[2]]


@given(CHANGES)
def test_it_holds_the_latest_row_of_each_key(changes):
    places: list[tuple[int, list[int], int, float] | None] = [None] * SIZE
    following = 0
    for number, (key, y, keep) in enumerate(changes):
        if key:
            places = [None if row and row[0] == key else row for row in places]
        if keep:
            row = (key, levels(number).tolist(), int(y), min(float(number + 1), LARGEST))
            places[following] = row
            following = (following + 1) % SIZE
    assert seen(rows_of(changes)) == [row[1:] for row in places if row]


@given(CHANGES, CHANGES)
def test_a_dump_brings_all_of_it_back(changes, more):
    rows, again = rows_of(changes), Rows(SIZE, 3)
    again.load(rows.dump())
    assert again.dump() == rows.dump()
    for number, (key, y, keep) in enumerate(more):
        for one in (rows, again):
            if keep:
                one.add(key, levels(number), y, 1.0)
            else:
                one.remove(key)
    assert again.dump() == rows.dump()


@pytest.mark.parametrize(("w", "kept"), [(0.01, 0.01), (50.0, 50.0), (64.0, 50.0), (6400.0, 50.0)])
def test_a_rows_weight_is_limited(w, kept):
    rows = Rows(SIZE, 3)
    rows.add(1, levels(0), True, w)
    assert rows.weights[0] == kept


@pytest.mark.parametrize("features", [0, 1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 9])
def test_levels_are_packed_and_unpacked(features, count):
    some = np.random.default_rng(1).integers(0, 16, (features, count)).astype(np.uint8)
    assert unpacked(packed(some), features, count).tolist() == some.tolist()


@pytest.mark.parametrize(
    "other", [Rows(SIZE, 5), Rows(SIZE - 2, 3)], ids=["other features", "a smaller ring"]
)
def test_a_dump_of_another_shape_is_refused(other):
    stored = rows_of([(key, True, True) for key in range(1, 8)]).dump()
    with pytest.raises(StateError, match="other features or sizes"):
        other.load(stored)
    assert other.used == 0
