"""Oblivious trees: exact sums, and what each feature adds to them."""

import random
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.models.grove.trees import DEPTH, LEAVES, Tree, Trees, rounded, shapley
from app.errors import StateError

FEATURES = 5


def tree(seed: int) -> Tree:
    chance = random.Random(seed)
    return Tree(
        [chance.randrange(FEATURES) for _ in range(DEPTH)],
        [chance.randrange(15) for _ in range(DEPTH)],
        rounded(np.array([chance.uniform(-4, 4) for _ in range(LEAVES)])),
        np.array([float(chance.choice([0, 1, 5 << 20])) for _ in range(LEAVES)]),
    )


def trees(seed: int, count: int, most: int = 8) -> Trees:
    ring = Trees(most)
    for number in range(count):
        ring.put(tree(seed + number))
    return ring


def leaf_of(one: Tree, levels: list[int]) -> int:
    asked = zip(one.features, one.cuts, strict=True)
    return sum((levels[feature] > cut) << depth for depth, (feature, cut) in enumerate(asked))


def levels_of(seed: int, rows: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 16, (FEATURES, rows)).astype(np.uint8)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 20), rows=st.integers(1, 40))
def test_sums_are_exact_for_one_row_and_for_many(seed, count, rows):
    ring, levels = trees(seed, count), levels_of(seed, rows)
    latest = [tree(seed + number) for number in range(max(0, count - 8), count)]
    expected = [
        sum(float(one.values[leaf_of(one, row)]) for one in latest) for row in levels.T.tolist()
    ]
    assert ring.sums(levels).tolist() == expected
    assert [ring.sum(levels[:, row]) for row in range(rows)] == expected


def test_the_oldest_tree_leaves_for_the_next_one():
    ring, levels = trees(3, 8), levels_of(3, 10)
    oldest = ring.one(ring.next, levels)
    before = ring.sums(levels)
    ring.put(tree(99))
    newest = [float(tree(99).values[leaf_of(tree(99), row)]) for row in levels.T.tolist()]
    assert ring.sums(levels).tolist() == (before - oldest + newest).tolist()
    assert not Trees(8).one(0, levels).any()


def brute(one: Tree, leaf: int) -> list[float]:
    """Shapley values of the questions by their definition, over all sets of the others."""

    def known(asked: set[int]) -> float:
        alike = [
            other
            for other in range(LEAVES)
            if all(other >> depth & 1 == leaf >> depth & 1 for depth in asked)
        ]
        total = sum(one.weights[other] for other in alike)
        weights = {other: one.weights[other] if total else 1.0 for other in alike}
        return sum(weights[o] * one.values[o] for o in alike) / sum(weights.values())

    shares = []
    for depth in range(DEPTH):
        others = [other for other in range(DEPTH) if other != depth]
        share = 0.0
        for size in range(DEPTH):
            part = factorial(size) * factorial(DEPTH - size - 1) / factorial(DEPTH)
            for some in combinations(others, size):
                share += part * (known({*some, depth}) - known(set(some)))
        shares.append(share)
    return shares


@given(st.integers(0, 10**6))
def test_shares_are_shapley_values(seed):
    one = tree(seed)
    base, shares = shapley(one)
    weights = one.weights if one.weights.any() else np.ones(LEAVES)
    assert base == pytest.approx(np.average(one.values, weights=weights), abs=1e-9)
    for leaf in range(LEAVES):
        assert shares[leaf].tolist() == pytest.approx(brute(one, leaf), abs=1e-9)
        assert base + sum(shares[leaf].tolist()) == one.values[leaf]  # exactly


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 20))
def test_base_and_shares_of_all_trees_are_their_sum_exactly(seed, count):
    ring, levels = trees(seed, count), levels_of(seed, 1)
    base, shares = ring.shares(levels[:, 0])
    assert base + sum(shares.tolist()) == ring.sums(levels)[0]
    asked = {name for number in range(count) for name in tree(seed + number).features}
    assert {place for place, share in enumerate(shares.tolist()) if share} <= asked


@pytest.mark.parametrize("count", [0, 3, 8, 13])
def test_a_dump_brings_all_of_it_back(count):
    ring, again, levels = trees(5, count), Trees(8), levels_of(5, 20)
    again.load(ring.dump(), FEATURES)
    assert again.dump() == ring.dump()
    for one in (ring, again):
        one.put(tree(77))
    assert again.sums(levels).tolist() == ring.sums(levels).tolist()
    assert again.shares(levels[:, 0])[1].tolist() == ring.shares(levels[:, 0])[1].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cuts": b""}, "another shape"),
        ({"values": bytes(8)}, "another shape"),
        ({"bases": bytes(8 * 9)}, "another shape"),
        ({"oldest": 8}, "another number"),
        ({"features": b"\xff" * 2 * DEPTH * 8}, "features that there are not"),
    ],
)
def test_a_dump_that_does_not_fit_is_refused(change, message):
    ring = trees(5, 8)
    before = ring.dump()
    with pytest.raises(StateError, match=message):
        ring.load({**before, **change}, FEATURES)
    assert ring.dump() == before
