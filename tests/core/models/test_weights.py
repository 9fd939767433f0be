"""Every entry of the zoo learns an example as often as its weight says."""

import pytest

from app.core.models.binned import BinnedLogistic
from app.core.models.zoo import make_model
from tests.core.samples import GRIDS
from tests.core.taught import each_entry, examples, taught


@each_entry
def test_a_weight_of_zero_moves_no_score(name):
    model = make_model(name, GRIDS)
    model.learn_one({"amount": 5.0}, True, 0.0)
    assert model.logit_one({"amount": 5.0}) == 0.0


@each_entry
def test_examples_of_weight_zero_change_no_later_score(name):
    model, spared = taught(name, 300), taught(name, 300)
    for (x, y, w), (ignored, label, _) in zip(examples(1, 60), examples(2, 60), strict=True):
        model.learn_one(ignored, label, 0.0)
        assert model.logit_one(x) == spared.logit_one(x)
        model.learn_one(x, y, w)
        spared.learn_one(x, y, w)


@each_entry
def test_a_weight_of_two_moves_the_score_further_than_one(name):
    x = {"amount": 5.0, "count": 1.0, "night": 0.0, "unlisted": 0.0}
    before = taught(name, 300).logit_one(x)
    moves = []
    for w in (1.0, 2.0):
        model = taught(name, 300)
        model.learn_one(x, True, w)
        moves.append(model.logit_one(x) - before)
    assert 0 < moves[0] < moves[1]


@pytest.mark.parametrize(("name", "tolerance"), [("tree", 1e-9), ("bayes", 0.1), ("sgd", 0.05)])
def test_a_weight_of_two_is_as_good_as_learning_twice(name, tolerance):
    once, twice = make_model(name, GRIDS), make_model(name, GRIDS)
    for x, y, _ in examples(0, 1000):
        once.learn_one(x, y, 2.0)
        twice.learn_one(x, y)
        twice.learn_one(x, y)
    for x, _, _ in examples(1, 100):
        assert once.logit_one(x) == pytest.approx(twice.logit_one(x), abs=tolerance)


def test_the_binned_model_steps_less_for_less_weight():
    light, heavy = (BinnedLogistic(GRIDS, initial=1.0) for _ in range(2))
    light.learn_one({"amount": 5.0}, True, 0.1)
    heavy.learn_one({"amount": 5.0}, True, 1.0)
    assert 0 < light.logit_one({"amount": 5.0}) < heavy.logit_one({"amount": 5.0})
