"""The binned model: groups of bins, and steps in proportion to their gradients."""

import itertools
import random

import pytest

from app.core.models.binned import BinnedLogistic


def test_fine_grids_are_learned_in_groups_as_well():
    model = BinnedLogistic({"fine": [float(edge) for edge in range(64)]})
    for _ in range(50):
        model.learn_one({"fine": 10.5}, True)
        model.learn_one({"fine": 40.5}, False)
    near, far, other = (model.logit_one({"fine": value}) for value in (8.5, 30.5, 42.5))
    assert other < far < near < model.logit_one({"fine": 10.5})
    shares = model.contributions_one({"fine": 10.5})
    assert shares["fine"] > 0


def test_what_is_foreseen_takes_few_steps_and_teaches_as_much(seed: int):
    chance = random.Random(seed)
    sampled, every = BinnedLogistic({"a": [0.5]}), BinnedLogistic({"a": [0.5]}, surprise=0.0)
    steps, before = 0, None
    for _ in range(20_000):
        fraud = chance.random() < 0.02
        x = {"a": float(chance.random() < (0.7 if fraud else 0.1))}
        for model in (sampled, every):
            model.learn_one(x, fraud)
        steps += before != (before := sampled.logit_one({"a": 0.0}))
    assert steps < 10_000
    for value in (0.0, 1.0):
        x = {"a": value}
        assert sampled.logit_one(x) == pytest.approx(every.logit_one(x), abs=0.35)


def test_a_surprise_always_takes_its_step():
    model = BinnedLogistic({"a": [0.5]})
    for _ in range(500):
        model.learn_one({"a": 0.0}, False)
    before = model.logit_one({"a": 0.0})
    model.learn_one({"a": 0.0}, True)
    assert model.logit_one({"a": 0.0}) > before


def steps_of(unreported: float, fraud: bool, labels: int) -> list[float]:
    """How far each label moves a model that is sure of fraud."""
    model = BinnedLogistic({"a": [0.5]}, unreported=unreported)
    for _ in range(200):
        model.learn_one({"a": 1.0}, True)
    logits = [model.logit_one({"a": 1.0})]
    for _ in range(labels):
        model.learn_one({"a": 1.0}, fraud)
        logits.append(model.logit_one({"a": 1.0}))
    return [after - before for before, after in itertools.pairwise(logits)]


def test_a_legitimate_label_counts_for_half_where_fraud_is_sure():
    (believed,), (doubted,) = steps_of(0.0, False, 1), steps_of(0.1, False, 1)
    assert believed < doubted < 0
    assert doubted == pytest.approx(believed / 2, rel=0.2)


def test_a_fraud_label_is_never_doubted():
    assert steps_of(0.0, True, 3) == steps_of(0.1, True, 3)


def test_what_the_model_believes_can_be_corrected_all_the_same():
    model = BinnedLogistic({"a": [0.5]}, unreported=0.9)
    for fraud in (True, False):
        for _ in range(2000):
            model.learn_one({"a": 1.0}, fraud)
    assert model.predict_proba_one({"a": 1.0})[True] < 0.2
