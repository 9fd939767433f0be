"""The shared model and the partitions' own: one look-up of bins serves them all."""

import msgspec
import pytest

from app.core.mixing import Mixed
from app.core.model_set import ModelSet
from app.core.models.binned import BinnedLogistic
from tests.core.samples import GRIDS
from tests.core.taught import each_entry, examples

SCOPES = ("partition", "shared", "both")


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
            assert models.logit(x, partition, "both") == all_
            assert models.logit(x, partition, "partition") == alone
            assert models.logit(x, partition, "shared") == all_


def test_poison_is_refused_by_all_of_them():
    models = together(50)
    before = list(models.parts())
    with pytest.raises(ValueError, match="not finite"):
        models.learn({"amount": float("nan"), "count": 1.0}, True, 1.0, 0)
    assert list(models.parts()) == before


@each_entry
def test_of_an_example_scored_with_more_features_they_learn_those_they_have(name):
    few = {"amount": GRIDS["amount"]}
    whole, part = ModelSet(name, 1, few), ModelSet(name, 1, few)
    for x, y, w in examples(0, 200):
        whole.learn(x, y, w, 0)
        part.learn({name: value for name, value in x.items() if name in few}, y, w, 0)
    assert list(whole.parts()) == list(part.parts())


def weighing(name: str, *weights: float) -> ModelSet:
    """Models that have learned, of partitions whose own ones have these weights."""
    learned, models = ModelSet(name, len(weights), GRIDS), ModelSet(name, len(weights), GRIDS)
    for number, (x, y, w) in enumerate(examples(0, 200)):
        learned.learn(x, y, w, number % len(weights))
    models.load(learned.learned, learned.parts(), [Mixed(weight) for weight in weights])
    return models


@each_entry
def test_a_partition_without_weight_of_its_own_has_the_bits_of_the_shared_model(name):
    models, rows = weighing(name, 0.0, 1.0), [x for x, _, _ in examples(1, 20)]
    for partition, scope in enumerate(("shared", "partition")):
        assert models.logits(rows, partition, "both") == models.logits(rows, partition, scope)
        for x in rows:
            assert models.logit(x, partition, "both") == models.logit(x, partition, scope)
            alone = models.contributions(x, partition, scope)
            assert models.contributions(x, partition, "both") == alone


@each_entry
def test_both_models_are_mixed_by_the_weight_of_the_partition(name):
    models, x = weighing(name, 0.25, 0.75), {"amount": 120.0, "count": 3.0, "night": 1.0}
    for partition, own in enumerate((0.25, 0.75)):
        alone, shared, both = (models.logit(x, partition, scope) for scope in SCOPES)
        assert both == pytest.approx((1 - own) * shared + own * alone)
        alone, shared, both = (models.contributions(x, partition, scope) for scope in SCOPES)
        mixed = {name: (1 - own) * shared[name] + own * alone[name] for name in x}
        assert both == pytest.approx(mixed)


@each_entry
def test_base_and_shares_are_the_logit_in_every_scope(name):
    models, x = weighing(name, 0.25, 1.0), {"amount": 120.0, "count": 3.0}
    for partition in (0, 1):
        for scope in SCOPES:
            base, shares = models.explain(x, partition, scope)
            assert list(shares) == list(x)
            logit = models.logit(x, partition, scope)
            assert base + sum(shares.values()) == pytest.approx(logit, abs=1e-9)


@each_entry
@pytest.mark.parametrize("count", [1, 3, 40])
def test_scores_by_chunk_have_the_bits_of_scores_one_by_one(name, count):
    models = weighing(name, 0.0, 0.328125, 1.0)
    rows = [x for x, _, _ in examples(2, count)]
    for partition in range(3):
        assert models.logits(rows, partition, "both") == [
            models.logit(x, partition, "both") for x in rows
        ]


def unlike(models: ModelSet, count: int, seed: int = 0) -> ModelSet:
    """What is positive in the first partition is negative in the second."""
    for number, (x, y, w) in enumerate(examples(seed, count)):
        models.learn(x, y == (number % 2 == 0), w, number % 2)
    return models


@pytest.mark.parametrize("name", ["binned", "logistic", "rates", "binned_net"])
def test_partitions_that_differ_give_their_own_models_weight(name):
    models = unlike(ModelSet(name, 2, GRIDS), 2000)
    assert all(models.own(partition, "both") > 0.7 for partition in (0, 1))
    (x, _, _), *_ = examples(1, 1)
    assert models.logit(x, 0, "both") != models.logit(x, 1, "both")


@pytest.mark.parametrize("name", ["binned", "logistic", "rates", "binned_net"])
def test_partitions_that_are_alike_do_not(name):
    models = ModelSet(name, 4, GRIDS)
    for number, (x, y, w) in enumerate(examples(0, 2000)):
        models.learn(x, y, w, number % 4)
        assert models.own(number % 4, "both") == 0.0


def test_with_the_models_of_an_earlier_release_no_own_one_has_weight():
    models = unlike(ModelSet("binned", 2, GRIDS), 1000)
    assert models.own(0, "both") > 0.0
    models.load(models.learned, list(models.parts()))
    assert models.own(0, "both") == 0.0


@each_entry
@pytest.mark.parametrize("cut", [0, 1, 50, 150, 300])
def test_what_was_dumped_at_any_place_goes_on_with_the_same_bits(name, cut):
    whole, again = unlike(ModelSet(name, 2, GRIDS), cut), ModelSet(name, 2, GRIDS)
    mixed = msgspec.msgpack.encode(whole.mixed())
    again.load(whole.learned, list(whole.parts()), msgspec.msgpack.decode(mixed, type=list[Mixed]))
    for models in (whole, again):
        unlike(models, 150, seed=1)
    assert list(again.parts()) == list(whole.parts())
    assert again.mixed() == whole.mixed()
