"""The tree: River's splits, exact dumps of a growing tree, absent features on their own side."""

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import tree
from river.tree.splitter import GaussianSplitter

from app.core.models.trees import LogitTree, Ranks

GRIDS = {name: [place / 20 for place in range(1, 20)] for name in ("a", "b", "c")}
EAGER = {"grace_period": 20, "tau": 0.3, "delta": 0.1}


def rows(seed: int, count: int, absent: float = 0.0) -> list[tuple[dict[str, float], bool, float]]:
    """Fraud where a > .7 and b > .5, or c < .1; each feature is absent with a chance."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        x = {name: chance.random() for name in GRIDS}
        y = (x["a"] > 0.7 and x["b"] > 0.5) or x["c"] < 0.1
        kept = {name: value for name, value in x.items() if chance.random() >= absent}
        made.append((kept, y, chance.choice([1.0, 0.5])))
    return made


def stored(model: LogitTree) -> bytes:
    return msgspec.msgpack.encode(model.dump())


def test_it_grows_rivers_tree():
    ours = LogitTree(GRIDS, n_splits=10, **EAGER)
    rivers = tree.HoeffdingTreeClassifier(
        leaf_prediction="mc",
        max_depth=12,
        min_branch_fraction=0.001,
        max_share_to_split=1.0,
        splitter=GaussianSplitter(10),
        **EAGER,
    )
    ranks = Ranks(GRIDS)
    for x, y, w in rows(0, 3000):
        ours.learn_one(x, y, w)
        rivers.learn_one(ranks.all(x), y, w=w)
    assert rivers.n_nodes > 10
    assert ours._tree.n_nodes == rivers.n_nodes
    for mine, theirs in zip(ours._tree._root.iter_dfs(), rivers._root.iter_dfs(), strict=True):
        split = ("feature", "threshold")
        assert [getattr(mine, of, None) for of in split] == [
            getattr(theirs, of, None) for of in split
        ]
        assert {y: w for y, w in mine.stats.items() if w} == {
            y: w for y, w in theirs.stats.items() if w
        }


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 1000),
    cut=st.integers(0, 600),
    depth=st.sampled_from([1, 3, 12]),
    grids=st.sampled_from([None, GRIDS]),
)
def test_a_loaded_tree_goes_on_to_split_alike(seed, cut, depth, grids):
    stream = rows(seed, 900, absent=0.2)
    original, loaded = (LogitTree(grids, max_depth=depth, **EAGER) for _ in range(2))
    for row in stream[:cut]:
        original.learn_one(*row)
    loaded.load(msgspec.msgpack.decode(stored(original)))
    for x, y, w in stream[cut:]:
        assert loaded.logit_one(x) == original.logit_one(x)
        original.learn_one(x, y, w)
        loaded.learn_one(x, y, w)
    assert stored(loaded) == stored(original)
    assert loaded._tree.n_nodes > 1


def test_depth_is_bounded():
    model = LogitTree(GRIDS, max_depth=3, **EAGER)
    for row in rows(0, 5000):
        model.learn_one(*row)
    assert model._tree.height == 4, "a leaf is below three branches at most"
    assert model._tree.n_active_leaves < model._tree.n_leaves <= 8


@pytest.mark.parametrize("prior", [0.1, 1.0, 10.0])
def test_an_empty_leaf_answers_the_base_rate_and_a_pure_one_stays_finite(prior):
    model = LogitTree(GRIDS, prior=prior)
    for number in range(199):
        model.learn_one({"a": 0.5}, number < 9)
    base = math.log(10 / 191)
    assert model.logit_one({"a": 0.5}) == pytest.approx(base, abs=0.15)
    pure = LogitTree(GRIDS, prior=prior)
    for _ in range(100):
        pure.learn_one({"a": 0.5}, True)
    assert math.log(100 / prior) < pure.logit_one({}) < math.log(100 / prior) + 20


def test_what_is_absent_can_be_what_tells_frauds():
    chance = random.Random(5)
    model = LogitTree(GRIDS, grace_period=50)
    for _ in range(500):
        a, b = chance.random(), chance.random()
        model.learn_one({"a": a, "b": b}, False)
        model.learn_one({"a": a}, True)
    assert model.logit_one({"a": 0.5}) - model.logit_one({"a": 0.5, "b": 0.01}) > 8


def test_without_a_grid_an_absent_feature_follows_the_heavier_side():
    model = LogitTree(grace_period=50)
    for number in range(600):
        model.learn_one({"size": 5.0 if number % 3 else 500.0}, number % 3 == 0)
    assert model.logit_one({}) == model.logit_one({"size": 5.0}) < 0


def test_shares_and_the_roots_mean_make_up_the_logit():
    model = LogitTree(GRIDS, **EAGER)
    for row in rows(3, 3000):
        model.learn_one(*row)
    for x, _, _ in rows(4, 50):
        whole = model._tree._root.centre + sum(model.contributions_one(x).values())
        assert whole == pytest.approx(model.logit_one(x))
