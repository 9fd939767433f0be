"""The net over the binned model: batches, their ends, exact dumps, sampled learning."""

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.checks import yield_checks

from app.core.models.binned import BinnedLogistic
from app.core.models.blend import LogitMean
from app.core.models.linear import ScaledLogistic
from app.core.models.net import RAREST, Net
from app.errors import StateError
from tests.core.samples import GRIDS, features

MARKS = {"a": [0.5], "b": [0.5]}


def net(**parameters) -> Net:
    return Net(BinnedLogistic(GRIDS), **parameters)


def teach(model, seed: int, count: int, ends: float = 0.05) -> None:
    """Examples whose steps end now and then."""
    chance = random.Random(seed)
    for _ in range(count):
        x = features(chance)
        fraud = x.get("amount", 60.0) > 100.0 and x.get("count", 9.0) > 2.0
        model.learn_one(x, fraud, chance.choice([1.0, 0.3, 2.0]))
        if chance.random() < ends:
            model.end_step()


def stored(model) -> bytes:
    return msgspec.msgpack.encode(model.dump())


def added(model: Net, x: dict[str, float]) -> float:
    """What the net adds to the model below."""
    return model.logit_one(x) - model.below.logit_one(x)


def mark(chance: random.Random) -> tuple[dict[str, float], bool]:
    """One of two marks alone is fraud, both are not; few have any."""
    a, b = (chance.random() < 0.1 for _ in "ab")
    return {"a": float(a), "b": float(b)}, a != b


@pytest.mark.parametrize(
    "check", list(yield_checks(Net(BinnedLogistic()))), ids=lambda check: check.__name__
)
def test_the_net_keeps_rivers_conventions(check):
    check(Net(BinnedLogistic()))


@pytest.mark.parametrize("size", [1, 2, 7, 32, 100])
def test_rows_score_the_same_bits_alone_and_in_chunks(size: int, seed: int):
    model = net()
    teach(model, seed, 500)
    chance = random.Random(seed + 1)
    rows = [features(chance) for _ in range(100)]
    alone = [model.logit_one(x) for x in rows]
    chunks = [model.logit_many(rows[at : at + size]) for at in range(0, 100, size)]
    assert np.concatenate(chunks).tolist() == alone
    assert any(model.below.logit_one(x) != score for x, score in zip(rows, alone, strict=True))


def test_no_rows_have_no_scores():
    assert net().logit_many([]).shape == (0,)


@settings(deadline=None, max_examples=25)
@given(
    before=st.integers(0, 120),
    after=st.integers(1, 60),
    ends=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 1000),
)
def test_a_net_loaded_within_a_batch_goes_on_with_equal_bits(before, after, ends, seed):
    original, loaded = net(batch=8), net(batch=8)
    teach(original, seed, before, ends)
    loaded.load(msgspec.msgpack.decode(stored(original)))
    assert stored(loaded) == stored(original)
    for model in (original, loaded):
        teach(model, seed + 1, after, ends)
    assert stored(loaded) == stored(original)
    x = features(random.Random(seed))
    assert loaded.contributions_one(x) == original.contributions_one(x)


def test_a_batch_is_learned_when_it_is_full():
    model, x = net(batch=3), {"amount": 300.0}
    for number, fraud in enumerate([True, False, True]):
        assert added(model, x) == 0.0, number
        model.learn_one(x, fraud)
    assert added(model, x) != 0.0


def test_an_open_batch_is_learned_where_a_step_ends_and_only_once():
    model, x = net(), {"amount": 300.0}
    model.learn_one(x, True)
    assert added(model, x) == 0.0
    model.end_step()
    assert added(model, x) > 0.0
    before = stored(model)
    model.end_step()
    assert stored(model) == before


def test_a_blend_tells_its_models_where_a_step_ends():
    inner, x = net(), {"amount": 300.0}
    model = LogitMean(net=inner, logistic=ScaledLogistic())
    model.learn_one(x, True)
    assert added(inner, x) == 0.0
    model.end_step()
    assert added(inner, x) > 0.0


def test_features_that_come_within_a_batch_find_room_in_it():
    model, early = net(batch=4), {"amount": 300.0}
    model.learn_one(early, True)
    model.learn_one({"count": 1.0, "unlisted": 2.0}, False)
    model.load(msgspec.msgpack.decode(stored(model)))
    model.learn_one({"night": 1.0, **early}, True)
    model.learn_one(early, True)
    assert added(model, early) > 0.0


def test_the_order_of_features_changes_no_bit():
    forward, backward = net(batch=4), net(batch=4)
    chance = random.Random(3)
    for _ in range(200):
        x = features(chance)
        x.pop("unlisted", None)
        reverse = dict(reversed(x.items()))
        assert forward.logit_one(x) == backward.logit_one(reverse)
        forward.learn_one(x, "amount" in x)
        backward.learn_one(reverse, "amount" in x)
    assert stored(forward) == stored(backward)


def test_sampled_examples_teach_what_all_of_them_do(seed: int):
    sampled, every = (Net(BinnedLogistic(MARKS), surprise=s) for s in (0.2, 0.0))
    chance = random.Random(seed)
    batches, before = 0, b""
    for _ in range(8000):
        x, fraud = mark(chance)
        for model in (sampled, every):
            model.learn_one(x, fraud)
        layers = b"".join(sampled.dump()["layers"])
        batches += layers != before
        before = layers
    assert batches * sampled.batch < 6000
    for a, b in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]:
        x = {"a": a, "b": b}
        for model in (sampled, every):
            assert (model.logit_one(x) > 0) == (a != b)


def test_no_example_is_scaled_up_beyond_the_bound():
    model = net(batch=1000)
    for _ in range(3000):
        model.learn_one({"amount": 5.0}, False)
    weights = np.frombuffer(model.dump()["open"]).reshape(-1, 4)[:, -1]
    assert 1 < weights.max() <= 1 / RAREST


def test_shares_are_what_the_score_would_lose_without_the_feature():
    model = net()
    teach(model, 5, 3000)
    x = {"amount": 150.0, "count": 6.0, "night": 1.0}
    shares, below = model.contributions_one(x), model.below.contributions_one(x)
    assert list(shares) == list(x)
    for name in x:
        others = {other: value for other, value in x.items() if other != name}
        through_net = added(model, x) - added(model, others)
        assert shares[name] == pytest.approx(below[name] + through_net)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (Net(BinnedLogistic(GRIDS), hidden=(16, 8)), "another shape"),
        (Net(BinnedLogistic({"amount": [1.0]})), "other features or grids"),
    ],
    ids=["layers", "grids"],
)
def test_a_dump_of_another_net_is_refused(other, sentence):
    model = net()
    teach(model, 1, 50)
    with pytest.raises(StateError, match=sentence):
        other.load(model.dump())


def test_a_dump_with_a_cut_batch_is_refused():
    model = net()
    model.learn_one({"amount": 5.0}, True)
    dump = model.dump()
    with pytest.raises(StateError, match="batch is cut"):
        net().load({**dump, "open": dump["open"][:-8]})
