"""What trees see of a feature: a few steps of its grid, found from cells."""

from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.grids import Codes
from app.core.models.binned import MANY
from app.core.models.grove.levels import MISSING, PARTS
from app.core.models.grove.model import Grove

GRIDS = {
    "few": [0.0, 1.0, 2.5],
    "word": Codes.of(9),
    "fine": [float(edge) for edge in range(-40, 40)],
    "parts": [float(edge) for edge in range(PARTS - 1)],
    "empty": [],
}
SEEN = ("few", "fine", "parts")
VALUES = st.one_of(st.floats(-50, 50), st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e9]))
ROWS = st.lists(
    st.dictionaries(st.sampled_from(list(GRIDS)), VALUES), min_size=MANY, max_size=3 * MANY
)


def level(name: str, x: dict[str, float]) -> int:
    if name not in x:
        return MISSING
    bins, bin_ = len(GRIDS[name]) + 1, bisect_right(GRIDS[name], x[name])
    return bin_ if bins <= PARTS else bin_ * PARTS // bins


@given(ROWS)
def test_levels_are_parts_of_the_grid_for_one_row_and_for_many(rows):
    model = Grove(GRIDS)
    found = model._levels.of_many(model.cells_of_many(rows))
    expected = [[level(name, x) for name in SEEN] for x in rows]
    assert found.T.tolist() == expected
    assert [model._levels.of(model.binned.cells(x)).tolist() for x in rows] == expected


def test_features_whose_grid_has_no_order_are_not_seen():
    assert Grove(GRIDS)._levels.names == SEEN
    assert Grove({"word": Codes.of(100)})._levels.names == ()


def test_codes_have_no_groups_either():
    words, numbers = Grove({"a": Codes.of(101)}), Grove({"a": [code + 0.5 for code in range(100)]})
    x = {"a": 50.0}
    assert len(words.binned.cells(x)) == 2  # with the intercept's
    assert len(numbers.binned.cells(x)) == 4


def test_features_without_a_grid_are_not_seen():
    model = Grove(GRIDS)
    model.learn_one({"unlisted": 7.0, "few": 2.0}, True)
    assert model._levels.of(model.binned.cells({"unlisted": 7.0, "few": 2.0})).tolist() == [
        2,
        MISSING,
        MISSING,
    ]


@pytest.mark.parametrize("count", [0, 1, 500])
def test_a_model_that_sees_nothing_is_binned_alone(count):
    model = Grove({"word": Codes.of(4)})
    for number in range(count):
        model.learn_one({"word": float(number % 4)}, number % 4 == 1)
    assert model.logit_one({"word": 1.0}) == model.binned.logit_one({"word": 1.0})
    again = Grove({"word": Codes.of(4)})
    again.load(model.dump())
    assert again.dump() == model.dump()
    assert np.isfinite(again.logit_many([{"word": 1.0}] * MANY)).all()
