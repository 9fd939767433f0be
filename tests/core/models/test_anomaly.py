"""Half-space trees: River's masses, legitimate rows only, a curve that never falls."""

import random
from bisect import bisect_right

import pytest
from river import anomaly

from app.core.models.anomaly import AnomalyLogistic
from app.errors import StateError

GRIDS = {
    "amount": [1.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
    "count": [1.5, 2.5, 4.5, 9.5],
    "night": [0.5],
}


def row(chance: random.Random) -> dict[str, float]:
    return {
        "amount": chance.lognormvariate(3.0, 1.0),
        "count": float(chance.randint(1, 12)),
        "night": float(chance.random() < 0.2),
    }


def test_masses_are_those_of_river_on_ranks_between_0_and_1():
    model = AnomalyLogistic(GRIDS, n_trees=8, height=5, window=10**6, seed=7)
    rivers = anomaly.HalfSpaceTrees(n_trees=8, height=5, window_size=10**6, seed=7)
    chance = random.Random(0)
    for _ in range(500):
        x = row(chance)
        model.learn_one(x, False)
        rivers.learn_one({n: bisect_right(GRIDS[n], v) / len(GRIDS[n]) for n, v in x.items()})
    masses = [[node.l_mass for node in root.iter_bfs()] for root in rivers.trees]
    assert model._latest == masses


def test_a_weight_counts_as_repetition():
    once, twice = (AnomalyLogistic(GRIDS, n_trees=5, height=4, window=100) for _ in range(2))
    chance = random.Random(1)
    for _ in range(333):
        x = row(chance)
        once.learn_one(x, False, 2.0)
        twice.learn_one(x, False)
        twice.learn_one(x, False)
    assert once._latest == twice._latest
    assert once._reference == twice._reference


def test_nothing_is_rare_before_a_window_is_full():
    model, chance = AnomalyLogistic(GRIDS, window=50), random.Random(1)
    for _ in range(49):
        model.learn_one(row(chance), False)
    assert model.anomaly_one({"amount": 900.0}) == 0.0
    model.learn_one(row(chance), False)
    assert model.anomaly_one({"amount": 900.0}) > model.anomaly_one({"amount": 20.0})


def test_frauds_are_never_counted_as_common():
    model, chance = AnomalyLogistic(GRIDS, window=50), random.Random(3)
    for _ in range(100):
        model.learn_one(row(chance), False)
    strange = {"amount": 5000.0, "count": 12.0, "night": 1.0}
    before = model.anomaly_one(strange)
    for _ in range(500):
        model.learn_one(strange, True)
    assert model.anomaly_one(strange) == before
    assert model.logit_one(strange) > 1


def test_a_rare_row_never_scores_below_a_common_one():
    """Even where all frauds look common: the slope ends at zero."""
    model, chance = AnomalyLogistic(GRIDS, window=50), random.Random(4)
    for number in range(1000):
        x = row(chance)
        model.learn_one(x, False)
        if number % 2:
            model.learn_one({"amount": 20.0, "count": 6.0, "night": 0.0}, True)
    assert model._calibration[1] == 0.0
    assert model.logit_one({"amount": 5000.0}) == model.logit_one({"amount": 20.0})


@pytest.mark.parametrize(
    "other",
    [
        AnomalyLogistic({"amount": [1.0]}, n_trees=5, height=4),
        AnomalyLogistic(GRIDS, n_trees=6, height=4),
        AnomalyLogistic(GRIDS, n_trees=5, height=3),
    ],
    ids=["other features", "more trees", "lower trees"],
)
def test_a_dump_of_other_trees_is_refused(other):
    with pytest.raises(StateError, match="other features or trees"):
        other.load(AnomalyLogistic(GRIDS, n_trees=5, height=4).dump())
