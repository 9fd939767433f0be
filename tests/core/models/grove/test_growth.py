"""Trees grow as a plain one does that tries each question in turn."""

import random
from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.models.grove.growth import LARGEST, UNIT, Growth, Rule, exponential
from app.core.models.grove.levels import CUTS
from app.core.models.grove.rows import Rows
from app.core.models.grove.trees import DEPTH, LEAVES

RULE = Rule()


def rows_of(seed: int, count: int, features: int, steps: int = 16) -> Rows:
    """Rows whose classes follow from two features together; some removed, some alike."""
    chance, rows = random.Random(seed), Rows(max(count, 1), features)
    for key in range(1, count + 1):
        levels = np.array([chance.randrange(steps) for _ in range(features)], dtype=np.uint8)
        odd = (levels[0] > steps // 3) != (levels[-1] > steps // 2)
        rows.add(key, levels, chance.random() < (0.9 if odd else 0.1), chance.choice([0.5, 1, 64]))
    for key in chance.sample(range(1, count + 1), count // 10):
        rows.remove(key)
    return rows


def gradient(rule: Rule, y: bool, w: float, score: float) -> tuple[int, int]:
    p = 1 / (1 + exp(-score))
    missed = rule.unreported * p
    target = 1.0 if y else min(missed / (1 - p + missed), p / 2)
    return round(UNIT * w * (p - target)), round(UNIT * w * p * (1 - p))


def part(g: int, h: int) -> float:
    return float(g) * g / (h + RULE.ridge * UNIT)


def plain_tree(rows: Rows, scores: list[float], candidates: list[int]):
    """The questions and the values of the leaves, found one by one."""
    columns = rows.levels.T.tolist()
    each = [
        (levels, *gradient(RULE, bool(y), w, score))
        for levels, y, w, score in zip(columns, rows.ys, rows.weights, scores, strict=True)
    ]
    splits: list[tuple[int, int]] = []
    nodes = [each]
    for _ in range(DEPTH):
        best, split = -1.0, (0, 0)
        for feature in candidates:
            for cut in range(CUTS):
                gain = 0.0
                for node in nodes:
                    low = [(g, h) for levels, g, h in node if levels[feature] <= cut]
                    lg, lh = sum(g for g, _ in low), sum(h for _, h in low)
                    g, h = sum(g for _, g, _ in node), sum(h for *_, h in node)
                    fits = min(lh, h - lh) >= RULE.least * UNIT
                    gain += part(lg, lh) + part(g - lg, h - lh) if fits else part(g, h)
                if gain > best:
                    best, split = gain, (feature, cut)
        splits.append(split)
        feature, cut = split
        nodes = [
            [row for row in node if (row[0][feature] > cut) == above]
            for above in (False, True)
            for node in nodes
        ]
    sums = [(sum(g for _, g, _ in node), sum(h for *_, h in node)) for node in nodes]
    values = [-RULE.rate * g / (h + RULE.ridge * UNIT) for g, h in sums]
    return splits, [max(-LARGEST, min(LARGEST, value)) for value in values]


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 120),
    features=st.integers(1, 5),
    steps=st.sampled_from([2, 5, 16]),
)
def test_a_tree_is_that_of_a_plain_search(seed, count, features, steps):
    rows = rows_of(seed, count, features, steps)
    chance = random.Random(seed)
    scores = [chance.uniform(-4, 4) for _ in range(count)]
    candidates = sorted(chance.sample(range(features), (features + 1) // 2))
    growth = Growth(RULE, rows, np.array(scores), candidates)
    while not growth.grown:
        growth.split()
    tree, leaves = growth.tree()
    splits, values = plain_tree(rows, scores, candidates)
    assert growth.splits == splits
    assert tree.values.tolist() == pytest.approx(values, abs=2**-36)
    for place, levels in enumerate(rows.levels.T.tolist()):
        answers = [levels[feature] > cut for feature, cut in splits]
        assert leaves[place] == sum(answer << depth for depth, answer in enumerate(answers))


def grown(rows: Rows, candidates: list[int]) -> Growth:
    growth = Growth(RULE, rows, np.zeros(rows.used), candidates)
    while not growth.grown:
        growth.split()
    return growth


def test_of_features_that_gain_alike_the_lowest_is_asked():
    rows, chance = Rows(200, 3), random.Random(0)
    for key in range(1, 201):
        level = chance.randrange(16)
        rows.add(key, np.array([3, level, level], dtype=np.uint8), level > 7, 1.0)
    assert grown(rows, [0, 1, 2]).splits[0] == (1, 7)
    assert grown(rows, [2]).splits[0] == (2, 7)


def test_of_cuts_that_gain_alike_the_lowest_is_asked():
    rows = Rows(100, 1)
    for key in range(1, 101):
        rows.add(key, np.array([3 if key % 2 else 9], dtype=np.uint8), bool(key % 2), 1.0)
    assert grown(rows, [0]).splits[0] == (0, 3)


def test_a_tree_goes_on_growing_from_the_questions_that_it_has_asked():
    rows, scores = rows_of(7, 200, 4), np.linspace(-3, 3, 200)
    whole = Growth(RULE, rows, scores, [0, 1, 3])
    for asked in range(DEPTH):
        later = Growth(RULE, rows, scores, [0, 1, 3], tuple(whole.splits))
        while not later.grown:
            later.split()
        whole.split()
        assert later.splits[: asked + 1] == whole.splits
    assert later.tree()[0].values.tolist() == whole.tree()[0].values.tolist()


def test_the_rows_of_a_leaf_count_in_its_weight():
    rows = rows_of(1, 90, 3)
    tree, _ = grown(rows, [0, 2]).tree()
    assert len(tree.weights) == LEAVES
    assert sum(tree.weights) == UNIT * sum(rows.weights)


def test_the_exponential_is_right_to_twelve_digits_and_saturates():
    values = np.linspace(-40, 40, 4001)
    assert exponential(values).tolist() == pytest.approx(
        [exp(value) for value in values], rel=1e-12
    )
    assert exponential(np.array([0.0, 50.0, -1e9])).tolist() == [
        1.0,
        *exponential(np.array([40.0, -40.0])),
    ]


def test_the_exponential_has_the_same_bits_everywhere():
    values = exponential(np.array([-7.3, -0.1, 0.1, 1.0, 12.5]))
    assert [value.hex() for value in values.tolist()] == [
        "0x1.622d4792b6953p-11",
        "0x1.cf46d99d52abfp-1",
        "0x1.1aec7b35a01fdp+0",
        "0x1.5bf0a8b145459p+1",
        "0x1.060c52565b9b1p+18",
    ]
