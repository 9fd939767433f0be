"""Codes are bins without an order: who takes values for quantities does not see them."""

import pytest

from app.core.grids import Codes
from app.core.models.zoo import ZOO, make_model

GRIDS = {"amount": [10.0, 50.0, 100.0], "word": Codes.of(256)}
BLIND = ("logistic", "sgd", "ftrl", "tree", "anomaly")


def taught(name: str):
    model = make_model(name, GRIDS)
    for n in range(600):
        model.learn_one({"amount": 20.0 + n % 60, "word": float(n % 2)}, n % 2 == 0, 1.0)
        model.end_step()
    return model


@pytest.mark.parametrize("name", ZOO)
def test_only_models_of_bins_learn_codes(name):
    model = taught(name)
    one, other = ({"amount": 60.0, "word": word} for word in (0.0, 1.0))
    logits = model.logit_many([one, other]).tolist()
    assert logits == [model.logit_one(one), model.logit_one(other)]
    assert (logits[0] == logits[1]) == (name in BLIND)
    assert model.contributions_one(one).keys() == one.keys()
    if name in BLIND:
        assert model.contributions_one(one)["word"] == 0.0


@pytest.mark.parametrize("name", ZOO)
def test_a_model_with_codes_comes_back_from_its_dump(name):
    model, copy = taught(name), make_model(name, GRIDS)
    copy.load(model.dump())
    for each in (model, copy):
        each.learn_one({"amount": 70.0, "word": 9.0}, True, 1.0)
    assert copy.dump() == model.dump()
