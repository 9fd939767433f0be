"""The Bayesian model: intervals that hold what they say, and a memory that fades."""

import random
from math import fsum, sqrt
from statistics import NormalDist, mean

import pytest

from app.core.models.bayes import BayesianBinned
from app.core.models.logit import sigmoid
from app.errors import StateError

GRIDS = {f"f{number}": [1.0, 2.0, 3.0, 4.0] for number in range(6)}


def row(chance: random.Random) -> dict[str, float]:
    return {name: 5.0 * chance.random() for name in GRIDS}


def interval(model: BayesianBinned, x: dict[str, float], level: float) -> tuple[float, float]:
    """Bounds that hold the probability with the chance `level`, by what was learned."""
    cells = model.cells(x)
    middle = fsum(model._weights[cell] for cell in cells)
    deviation = sqrt(fsum(model._scales[cell] for cell in cells))
    reach = NormalDist().inv_cdf((1.0 + level) / 2.0) * deviation
    return sigmoid(middle - reach), sigmoid(middle + reach)


def coverage(seed: int, count: int, level: float) -> float:
    """How often the true probability lies in the interval, for weights drawn from the prior."""
    chance = random.Random(seed)
    weights = {(name, b): chance.gauss(0.0, 1.0) for name in GRIDS for b in range(5)}

    def truth(x: dict[str, float]) -> float:
        return sigmoid(sum(weights[name, int(value)] for name, value in x.items()) - 1.0)

    model = BayesianBinned(GRIDS, prior=1.0, growth=0.0)
    for _ in range(count):
        x = row(chance)
        model.learn_one(x, chance.random() < truth(x))
    inside = []
    for _ in range(200):
        x = row(chance)
        low, high = interval(model, x, level)
        inside.append(low <= truth(x) <= high)
    return mean(inside)


@pytest.mark.parametrize("count", [30, 300, 2000])
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_hold_the_truth_about_as_often_as_they_say(count, level):
    share = mean(coverage(seed, count, level) for seed in range(8))
    assert level - 0.1 < share < level + 0.1


def test_intervals_nest_and_shrink():
    x, model, widths = {"f0": 2.5}, BayesianBinned(GRIDS), []
    for count in range(200):
        low, high = interval(model, x, 0.9)
        inner_low, inner_high = interval(model, x, 0.5)
        assert low < inner_low < model.predict_proba_one(x)[True] < inner_high < high
        widths.append(high - low)
        model.learn_one(x, count % 3 == 0)
    assert widths[100] < 0.6 * widths[0]
    assert interval(model, {"f0": 4.5}, 0.9)[1] > interval(model, x, 0.9)[1]


def test_a_feature_never_seen_makes_the_interval_wider():
    model = BayesianBinned(GRIDS)
    for number in range(100):
        model.learn_one({"f0": 2.5}, number % 2 == 0)
    low, high = interval(model, {"f0": 2.5}, 0.9)
    unsure_low, unsure_high = interval(model, {"f0": 2.5, "new": 1.0}, 0.9)
    assert unsure_low < low < high < unsure_high


def test_growing_variances_follow_a_change():
    fading, holding = BayesianBinned(GRIDS, growth=0.01), BayesianBinned(GRIDS, growth=0.0)
    for number in range(2200):
        fading.learn_one({"f0": 2.5}, number % 4 == 0 or number >= 2000)
        holding.learn_one({"f0": 2.5}, number % 4 == 0 or number >= 2000)
    assert fading.logit_one({"f0": 2.5}) > 1 > 0 > holding.logit_one({"f0": 2.5})


def test_variances_never_exceed_the_prior():
    chance, model = random.Random(2), BayesianBinned(GRIDS, prior=0.5, growth=1.0)
    for number in range(300):
        model.learn_one(row(chance), number % 5 == 0, chance.choice([0.1, 1.0, 30.0]))
    assert all(0.0 < variance <= 0.5 for variance in model._scales)


def test_a_dump_for_other_grids_is_refused():
    with pytest.raises(StateError, match="other features"):
        BayesianBinned({"f0": [1.0]}).load(BayesianBinned(GRIDS).dump())
