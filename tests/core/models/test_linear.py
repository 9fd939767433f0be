"""Weights in the scaler and sparsity, which River's own classes do not give."""

import random
from statistics import mean

import pytest
from river import optim

from app.core.models.linear import Ftrl, ScaledLogistic, Scaler


def test_a_scaler_takes_a_weight_as_repetition():
    chance = random.Random(0)
    weighted, repeated = Scaler(), Scaler()
    for _ in range(200):
        x, times = {"amount": chance.lognormvariate(3.0, 1.0)}, chance.randint(1, 4)
        weighted.learn_one(x, float(times))
        for _ in range(times):
            repeated.learn_one(x)
    assert weighted.counts == repeated.counts
    assert weighted.means == pytest.approx(repeated.means)
    assert weighted.vars == pytest.approx(repeated.vars)


@pytest.mark.parametrize("w", [0.1, 0.3, 1.0, 3.0])
def test_a_first_value_has_no_deviation_whatever_its_weight(w):
    scaler = Scaler()
    for value in (0.1, 1 / 3, 1e15, -7.7):
        scaler.learn_one({str(value): value}, w)
        assert scaler.transform_one({str(value): value}) == {str(value): 0.0}
    assert set(scaler.vars.values()) == {0.0}


@pytest.mark.parametrize(("make", "last"), [(optim.FTRLProximal, 0.5), (Ftrl, 0.0)])
def test_ftrl_puts_weights_back_to_zero(make, last):
    """Gradients of -3, 0 and 2.9 leave z within l1; River keeps the weight of the first."""
    optimizer, weights = make(alpha=1.0, beta=1.0, l1=1.0, l2=0.0), {"amount": 0.0}
    for gradient in (-3.0, 0.0, 2.9, 0.0):
        optimizer.step(weights, {"amount": gradient})
    assert abs(optimizer.z["amount"]) <= 1.0
    assert float(weights["amount"]) == last


@pytest.mark.parametrize(("l1", "share"), [(0.0, 0.0), (20.0, 0.8), (1e6, 1.0)])
def test_a_penalty_zeroes_the_weights_of_noise(l1, share):
    chance = random.Random(1)
    model = ScaledLogistic(Ftrl(alpha=0.1, l1=l1))
    for _ in range(2000):
        x = {f"noise_{number}": chance.gauss(0.0, 1.0) for number in range(4)}
        x["signal"] = chance.gauss(0.0, 1.0)
        model.learn_one(x, x["signal"] > 0.5)
    weights = model._regression.weights.values()
    assert mean(weight == 0.0 for weight in weights) == share
