"""Blends: means of any number of models, and weights that follow what models are worth."""

import pytest

from app.core.models.bayes import BayesianBinned
from app.core.models.binned import BinnedLogistic
from app.core.models.blend import Hedge, LogitMean
from app.core.models.linear import ScaledLogistic
from app.errors import StateError
from tests.core.samples import GRIDS

SMALL, LARGE = {"amount": 5.0}, {"amount": 500.0}


def expert(fraud: dict[str, float], other: dict[str, float]) -> BinnedLogistic:
    """A model that knows which amount is fraud and learns no more."""
    taught, frozen = BinnedLogistic(GRIDS), BinnedLogistic(GRIDS, learning_rate=1e-12)
    for _ in range(200):
        taught.learn_one(fraud, True)
        taught.learn_one(other, False)
    frozen.load(taught.dump())
    return frozen


def experts(memory: float) -> Hedge:
    return Hedge(memory=memory, small=expert(SMALL, LARGE), large=expert(LARGE, SMALL))


def teach(model: Hedge, fraud: dict[str, float], other: dict[str, float], times: int) -> None:
    for _ in range(times):
        model.learn_one(fraud, True)
        model.learn_one(other, False)


def test_a_mean_takes_any_number_of_models():
    model = LogitMean(a=BinnedLogistic(GRIDS), b=ScaledLogistic(), c=BayesianBinned(GRIDS))
    for _ in range(20):
        model.learn_one(LARGE, True)
        model.learn_one(SMALL, False)
    apart = [one.logit_one(LARGE) for one in model.models.values()]
    shares = [one.contributions_one(LARGE)["amount"] for one in model.models.values()]
    assert model.logit_one(LARGE) == pytest.approx(sum(apart) / 3)
    assert model.contributions_one(LARGE)["amount"] == pytest.approx(sum(shares) / 3)


def test_weights_begin_equal_and_go_to_the_model_that_is_right():
    model = experts(memory=1e6)
    assert model.weights == {"small": 0.5, "large": 0.5}
    teach(model, LARGE, SMALL, 50)
    assert model.weights["large"] > 0.99
    assert sum(model.weights.values()) == pytest.approx(1.0)
    assert model.logit_one(LARGE) == pytest.approx(model.models["large"].logit_one(LARGE), rel=0.05)


@pytest.mark.parametrize(("memory", "trusts"), [(50.0, "large"), (1e6, "small")])
def test_a_short_memory_forgives_what_is_long_ago(memory, trusts):
    model = experts(memory)
    teach(model, SMALL, LARGE, 300)
    assert model.weights["small"] > 0.99
    teach(model, LARGE, SMALL, 100)
    assert model.weights[trusts] > 0.99


def test_a_weight_of_two_judges_like_two_examples():
    once, twice = experts(1000.0), experts(1000.0)
    once.learn_one(LARGE, True, 2.0)
    twice.learn_one(LARGE, True)
    twice.learn_one(LARGE, True)
    assert once.weights == pytest.approx(twice.weights, rel=1e-2)
    assert once.weights["large"] > 0.5


def test_weights_are_part_of_a_dump():
    model = experts(1000.0)
    teach(model, LARGE, SMALL, 3)
    loaded = experts(1000.0)
    loaded.load(model.dump())
    assert loaded.weights == model.weights != {"small": 0.5, "large": 0.5}


def test_a_dump_of_other_models_is_refused():
    with pytest.raises(StateError, match="small, large"):
        Hedge(other=BinnedLogistic(GRIDS)).load(experts(10.0).dump())
