"""Many rows at once lie where each of them lies by itself, and score and teach the same bits."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.model_set import ModelSet
from app.core.models.binned import MANY, BinnedLogistic
from app.core.models.lookup import ABSENT

GRIDS = {
    "few": [0.0, 1.0, 2.5],
    "fine": [float(edge) for edge in range(-40, 40)],
    "one": [0.5],
    "finer": [edge / 8 for edge in range(100)],
}
VALUES = st.one_of(
    st.floats(-50, 50, allow_nan=False), st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.5, 1e9, -1e12])
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(list(GRIDS)), VALUES), min_size=MANY, max_size=3 * MANY
)


def trained(seed: int, partitions: int = 2) -> ModelSet:
    chance, models = random.Random(seed), ModelSet("binned", partitions, GRIDS)
    for number in range(400):
        x = {name: chance.uniform(-5, 20) for name in GRIDS if chance.random() < 0.9}
        models.learn(x, chance.random() < 0.3, 1.0, number % partitions)
    return models


@given(ROWS)
def test_each_row_lies_where_it_lies_by_itself(rows):
    model = BinnedLogistic(GRIDS)
    cells = model.cells_of_many(rows)
    assert cells is not None
    for x, many in zip(rows, cells.T.tolist(), strict=True):
        assert sorted(cell for cell in many if cell != ABSENT) == sorted(model.cells_of(x))


@settings(deadline=None, max_examples=30)
@given(ROWS, st.sampled_from(["partition", "shared", "both"]), st.integers(0, 9))
def test_scores_have_the_same_bits(rows, scope, seed):
    models = trained(seed)
    assert models.logits(rows, 1, scope) == [models.logit(x, 1, scope) for x in rows]


@settings(deadline=None, max_examples=30)
@given(ROWS, st.integers(0, 9))
def test_what_was_looked_up_teaches_the_same_bits(rows, seed):
    single, many = trained(seed), trained(seed)
    cells = many.look_up(rows)
    assert None not in cells
    for number, (x, where) in enumerate(zip(rows, cells, strict=True)):
        for models, at in ((single, None), (many, where)):
            models.learn(x, number % 3 == 0, 1.0, number % 2, at)
    assert list(single.parts()) == list(many.parts())


@pytest.mark.parametrize("odd", [{"unknown": 1.0}, {"few": 1e13}, {"one": float("inf")}])
def test_rows_that_might_not_be_learned_are_left_to_be_looked_at_one_by_one(odd):
    rows = [{"few": 1.0}] * MANY
    assert BinnedLogistic(GRIDS).cells_of_many([*rows, odd]) is None
    assert BinnedLogistic(GRIDS).cells_of_many(rows) is not None
    assert BinnedLogistic(GRIDS).cells_of_many(rows[1:]) is None  # a few


def test_a_logit_is_the_same_in_whatever_order_it_is_added_up(seed: int):
    models, chance = trained(seed), random.Random(seed)
    x = {name: chance.uniform(-5, 20) for name in GRIDS}
    for _ in range(20):
        names = chance.sample(list(x), len(x))
        assert models.shared_logit({name: x[name] for name in names}) == models.shared_logit(x)


def test_a_model_without_grids_scores_many_rows_as_well():
    model = BinnedLogistic()
    rows = [{"a": float(n)} for n in range(MANY)] + [{}]
    for x in rows:
        model.learn_one(x, x.get("a", 0.0) > 3)
    assert model.logit_many(rows).tolist() == [model.logit_one(x) for x in rows]
    assert BinnedLogistic().logit_many([{}] * MANY).tolist() == [0.0] * MANY
