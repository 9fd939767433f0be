"""The model `grove`: a fold to the bit, whatever is dumped, corrected or withdrawn in between."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.model_set import ModelSet
from app.core.models.binned import BinnedLogistic
from app.core.models.grove.model import SCALES, Grove
from app.core.models.zoo import make_model
from app.errors import StateError
from tests.core.taught import examples, stored

GRIDS = {
    "a": [float(edge) for edge in range(1, 80)],
    "b": [0.5],
    "c": [1.0, 2.0, 4.0, 8.0],
    "d": [edge / 8 for edge in range(-20, 20)],
}


def features(chance: random.Random) -> dict[str, float]:
    x = {
        "a": chance.uniform(0, 80),
        "b": float(chance.random() < 0.5),
        "c": chance.expovariate(0.3),
        "d": chance.gauss(0, 1.5),
    }
    return {name: value for name, value in x.items() if chance.random() < 0.95}


def together(x: dict[str, float]) -> bool:
    return (x.get("a", 0.0) > 50) != (x.get("b", 0.0) > 0.5)


def step(model: Grove, chance: random.Random, number: int) -> None:
    """One entry of a log: an example as a rule, sometimes a correction or a withdrawal."""
    x, kind = features(chance), chance.random()
    key = 1 + chance.randrange(max(1, number // 2)) if kind < 0.2 else number + 1
    y, w = together(x) != (chance.random() < 0.1), chance.choice([1.0, 0.25, 4.0, 64.0])
    if kind < 0.2:
        model.forget(key)
    if kind >= 0.1:
        cells = model.binned.cells_to_learn(x)
        model.learn_at(cells, y, w, model.rough_at(cells), key)
    if kind > 0.9:
        model.end_step()


def played(count: int, again: bool, seed: int) -> Grove:
    """A model after so many entries; `again`: dumped and loaded into a fresh one after each."""
    model, chance = Grove(GRIDS, rows=128, trees=6), random.Random(seed)
    for number in range(count):
        step(model, chance, number)
        if again:
            dump, model = stored(model), Grove(GRIDS, rows=128, trees=6)
            model.load(msgspec.msgpack.decode(dump))
    return model


def test_a_snapshot_after_every_entry_changes_no_bit(seed: int):
    whole, again = (played(2000, dumped, seed) for dumped in (False, True))
    assert whole.dump()["forest"]["trees"]["bases"]
    assert stored(again) == stored(whole)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.integers(0, 900))
def test_scores_by_chunk_have_the_bits_of_one_by_one(seed, count):
    model, chance = played(count, False, seed), random.Random(seed)
    rows = [features(chance) for _ in range(30)]
    assert model.logit_many(rows).tolist() == [model.logit_one(x) for x in rows]
    for x in rows:
        base, shares = model.explain_one(x)
        assert base + sum(shares.values()) == pytest.approx(model.logit_one(x), abs=1e-9)


def test_a_tree_grows_in_slices_and_rows_wait_for_it():
    model, chance = Grove(GRIDS, rows=64, trees=6), random.Random(1)
    number = 0
    while not model._forest.growing:
        step(model, chance, number)
        number += 1
    before = model._forest.rows.dump()
    for _ in range(4):  # gradients, and three questions
        model.forget(10**6)
        assert model._forest.rows.dump() == before
    model.forget(number)
    assert not model._forest.growing
    assert model._forest.trees.count == 1
    assert not model.dump()["forest"]["waiting"]


def test_however_many_are_withdrawn_few_wait():
    model = played(600, False, 0)
    for key in range(700):
        model.forget(key)
        assert len(model.dump()["forest"]["waiting"]) < 8
    assert not model._forest.rows.weights.any()
    model.logit_one({"a": 1.0})


def test_a_correction_replaces_the_row_of_its_event():
    model, x = Grove(GRIDS), {"a": 5.0, "b": 1.0}
    for y, w in ((True, 1.0), (False, 64.0)):
        cells = model.binned.cells_to_learn(x)
        model.forget(7)
        model.learn_at(cells, y, w, model.rough_at(cells), 7)
    rows = model._forest.rows
    assert [(y, w) for y, w in zip(rows.ys, rows.weights, strict=True) if w] == [(0, 50.0)]
    model.forget(7)
    assert not rows.weights.any()


def learned(name: str, count: int = 3000) -> ModelSet:
    models, chance = ModelSet(name, 2, GRIDS), random.Random(3)
    for number in range(count):
        x = features(chance)
        models.learn(x, together(x), 1.0, number % 2, None, number + 1)
    return models


def test_it_learns_what_features_say_together():
    grove, binned = learned("grove"), learned("binned")
    high, low = {"a": 70.0, "b": 0.0}, {"a": 70.0, "b": 1.0}
    assert grove.shared_logit(high) - grove.shared_logit(low) > 2.0
    assert grove.shared_logit(high) > binned.shared_logit(high)
    shares = grove.explain(high, 0, "shared").shares
    assert list(shares) == ["a", "b"]


def test_a_partitions_own_model_is_binned_with_the_same_cells():
    models, own = learned("grove", 500), BinnedLogistic(GRIDS, scales=SCALES)
    chance = random.Random(3)
    for number in range(500):
        x = features(chance)
        if number % 2:
            own.learn_one(x, together(x))
    for _ in range(20):
        x = features(chance)
        assert models.logit(x, 1, "partition") == own.logit_one(x)
        assert models.logit(x, 1, "shared") == models.shared_logit(x)
    assert Grove(GRIDS).cells_of(x) == own.cells_of(x)


def test_forgetting_reaches_the_shared_model():
    models = learned("grove", 400)
    before = list(models.parts())
    for number in range(400):
        models.forget(number + 1, number % 2)
    after = list(models.parts())
    assert after[0] != before[0]
    assert after[1:] == before[1:]


@pytest.mark.parametrize(
    "other",
    [
        Grove({"a": GRIDS["a"]}, rows=128, trees=6),
        Grove({**GRIDS, "b": [0.5, 0.7]}, rows=128, trees=6),
        Grove(GRIDS, rows=16, trees=6),
        Grove(GRIDS, rows=128, trees=2),
    ],
    ids=["fewer features", "other edges", "fewer rows", "fewer trees"],
)
def test_a_dump_of_another_grove_is_refused(other):
    dump = played(1500, False, 0).dump()
    with pytest.raises(StateError, match="the stored"):
        other.load(dump)


@pytest.mark.parametrize(
    "damage",
    [
        {"candidates": [0, 99]},
        {"candidates": [0], "splits": [[99, 1]]},
        {"candidates": [0], "splits": [[0, 1]] * 4},
    ],
    ids=["a feature to ask for", "a question", "too many questions"],
)
def test_a_growing_tree_that_cannot_be_is_refused(damage):
    dump = played(1500, False, 0).dump()
    dump["forest"].update(damage)
    with pytest.raises(StateError, match="asks for what there is not"):
        Grove(GRIDS, rows=128, trees=6).load(dump)


@pytest.mark.parametrize(("one", "other"), [("grove", "binned"), ("binned", "grove")])
def test_a_dump_of_another_entry_is_refused(one, other):
    models = ModelSet(one, 1, GRIDS)
    for x, y, w in examples(0, 50):
        models.learn({"a": x.get("amount", 1.0)}, y, w, 0)
    with pytest.raises(StateError, match="the stored models cannot be read"):
        ModelSet(other, 1, GRIDS).load(models.learned, models.parts())


def test_parts_stay_small_with_many_features():
    grids = {f"f{number}": [1.0, 2.0, 3.0] for number in range(150)}
    model, chance = Grove(grids), random.Random(0)
    for number in range(8192):
        levels = model._levels.of([])
        model._forest.rows.add(number + 1, levels, chance.random() < 0.5, 1.0)
    assert len(stored(model)) < 1_000_000


def test_the_zoo_has_it_first():
    assert isinstance(make_model("grove", GRIDS), Grove)
    assert isinstance(make_model("grove", GRIDS, own=True), BinnedLogistic)
    assert isinstance(make_model("logistic", GRIDS, own=True), type(make_model("logistic", GRIDS)))
