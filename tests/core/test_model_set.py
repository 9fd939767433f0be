"""The shared model and the partitions' own: one look-up of bins serves them all."""

import pytest

from app.core.model_set import ModelSet
from app.core.models.binned import BinnedLogistic
from app.core.models.zoo import ZOO
from tests.core.samples import GRIDS
from tests.core.taught import examples


def separately(count: int) -> tuple[BinnedLogistic, list[BinnedLogistic]]:
    """The same lessons to models that know nothing of each other, of features with a grid."""
    shared, own = BinnedLogistic(GRIDS), [BinnedLogistic(GRIDS) for _ in range(2)]
    for number, (x, y, w) in enumerate(examples(0, count)):
        x = {name: value for name, value in x.items() if name in GRIDS}
        shared.learn_one(x, y, w)
        own[number % 2].learn_one(x, y, w)
    return shared, own


def together(count: int) -> ModelSet:
    models = ModelSet("binned", 2, GRIDS)
    for number, (x, y, w) in enumerate(examples(0, count)):
        models.learn(x, y, w, number % 2)
    return models


def test_models_that_share_the_look_up_have_the_bits_of_models_that_do_not():
    shared, own = separately(500)
    models = together(500)
    for x, _, _ in examples(1, 100):
        for partition in (0, 1):
            alone, all_ = own[partition].logit_one(x), shared.logit_one(x)
            assert models.logit(x, partition, "both") == (alone + all_) / 2
            assert models.logit(x, partition, "partition") == alone
            assert models.logit(x, partition, "shared") == all_


def test_poison_is_refused_by_all_of_them():
    models = together(50)
    before = list(models.parts())
    with pytest.raises(ValueError, match="not finite"):
        models.learn({"amount": float("nan"), "count": 1.0}, True, 1.0, 0)
    assert list(models.parts()) == before


@pytest.mark.parametrize("name", ZOO)
def test_of_an_example_scored_with_more_features_they_learn_those_they_have(name):
    few = {"amount": GRIDS["amount"]}
    whole, part = ModelSet(name, 1, few), ModelSet(name, 1, few)
    for x, y, w in examples(0, 200):
        whole.learn(x, y, w, 0)
        part.learn({name: value for name, value in x.items() if name in few}, y, w, 0)
    assert list(whole.parts()) == list(part.parts())
