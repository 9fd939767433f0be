"""The weight of a partition's own model: earned by its log loss, and lost again."""

import random
from collections.abc import Callable
from math import isfinite

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.mixing import FINEST, Mixed, Mixing, log_loss
from app.core.models.logit import sigmoid

Guess = Callable[[random.Random, float], float]  # a model's logit, given the truth's


def right(chance: random.Random, truth: float) -> float:
    return truth


def near(chance: random.Random, truth: float) -> float:
    return truth + chance.gauss(0.0, 1.0)


def blind(chance: random.Random, truth: float) -> float:
    return -3.0


def wrong(chance: random.Random, truth: float) -> float:
    return -6.0 - truth


def play(mixing: Mixing, shared: Guess, own: Guess, count: int, seed: int = 0, w: float = 1.0):
    """Examples of which 1 in 15 is positive, as two models see them."""
    chance = random.Random(seed)
    for _ in range(count):
        truth = chance.gauss(-4.0, 2.5)
        positive = chance.random() < sigmoid(truth)
        logits = shared(chance, truth), own(chance, truth)
        if share := mixing.share(*logits, positive, w):
            mixing.learn(*logits, positive, w / share)
    return mixing


@pytest.mark.parametrize(
    ("shared", "own", "least", "most"),
    [
        (right, near, 0.0, 0.0),
        (right, blind, 0.0, 0.0),
        (right, wrong, 0.0, 0.0),
        (right, right, 0.0, 0.0),
        (blind, right, 0.9, 1.0),
        (wrong, right, 0.9, 1.0),
        (near, near, 0.4, 0.6),
    ],
    ids=[
        "the own model knows the same less well",
        "it knows nothing",
        "it is wrong",
        "it is the same",
        "the shared model knows nothing",
        "the shared model is wrong",
        "both err, in different ways",
    ],
)
@pytest.mark.parametrize("w", [0.25, 1.0, 64.0])
def test_the_own_model_has_the_weight_that_it_earns(shared, own, least, most, w):
    assert least <= play(Mixing(), shared, own, 20_000, w=w).own <= most


def test_it_begins_without_weight_and_earns_it_step_by_step():
    mixing = Mixing()
    assert mixing.own == 0.0
    assert mixing.log_losses() is None
    weights = [play(mixing, blind, right, 1, seed).own for seed in range(2000)]
    assert weights[0] == 0.0
    assert len({weight for weight in weights if 0 < weight < 0.7}) > 3
    assert all(weight * FINEST % 1 == 0 for weight in weights)


def test_noise_earns_nothing():
    """With an own model that adds noise to the shared one, at any time, in any of 40 partitions."""
    for seed in range(40):
        mixing = Mixing()
        assert [play(mixing, right, near, 250, seed * 100 + n).own for n in range(8)] == [0.0] * 8


@pytest.mark.parametrize(("first", "then"), [((blind, right), 0), ((right, blind), 1)])
def test_what_has_changed_sides_is_noticed(first, then):
    mixing = play(Mixing(), *first, 20_000)
    assert round(mixing.own) == 1 - then
    assert round(play(mixing, *reversed(first), 60_000).own) == then


def test_losses_are_those_of_all_examples_though_few_count():
    mixing, chance, losses, counted = Mixing(), random.Random(3), [], 0
    for _ in range(40_000):
        truth = chance.gauss(-4.0, 2.5)
        positive, shared = chance.random() < sigmoid(truth), near(chance, truth)
        sign = 1.0 if positive else -1.0
        losses.append((log_loss(sign * shared), log_loss(sign * truth)))
        if share := mixing.share(shared, truth, positive, 1.0):
            mixing.learn(shared, truth, positive, 1.0 / share)
            counted += 1
    found = mixing.log_losses()
    assert counted < 16_000
    lately = losses[-20_000:]
    assert found.shared == pytest.approx(sum(one for one, _ in lately) / len(lately), rel=0.05)
    assert found.own == pytest.approx(sum(one for _, one in lately) / len(lately), rel=0.05)
    assert found.mixed == pytest.approx(found.own, rel=0.05)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 9))
def test_what_is_dumped_goes_on_with_the_same_bits(before, after, seed):
    mixing = play(Mixing(), blind, near, before, seed)
    raw = msgspec.msgpack.encode(mixing.dump())
    again = Mixing(msgspec.msgpack.decode(raw, type=Mixed))
    for each in (mixing, again):
        play(each, blind, near, after, seed + 1)
    assert again.own == mixing.own
    assert again.dump() == mixing.dump()


LOGITS = st.floats(-1e6, 1e6)


@settings(deadline=None)
@given(st.lists(st.tuples(LOGITS, LOGITS, st.booleans(), st.sampled_from([2.0**-6, 1.0, 64.0]))))
def test_no_logits_break_it(examples):
    mixing = Mixing()
    for shared, own, positive, w in examples:
        if share := mixing.share(shared, own, positive, w):
            mixing.learn(shared, own, positive, w / share)
        assert 0.0 <= mixing.own <= 1.0
    assert all(map(isfinite, mixing.log_losses() or ()))
