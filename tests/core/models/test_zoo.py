"""Every entry of the zoo: River's checks, exact dumps, honest explanations, no poison."""

import math
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import optim
from river.checks import yield_checks

from app.core.metrics import roc_auc
from app.core.models.anomaly import AnomalyLogistic
from app.core.models.bayes import BayesianBinned
from app.core.models.binned import BinnedLogistic
from app.core.models.blend import Hedge, LogitMean
from app.core.models.grove.model import Grove
from app.core.models.linear import Ftrl, ScaledLogistic
from app.core.models.logit import sigmoid
from app.core.models.trees import LogitTree
from app.core.models.zoo import make_model
from app.errors import SettingsError, StateError
from tests.core.samples import GRIDS
from tests.core.taught import each_entry, examples, stored, taught

ESTIMATORS = {
    "grove": Grove(),
    "grove with grids": Grove({"age_of_domain": [0.5, 1.0], "is_popular": [0.5]}, 256, 8),
    "binned": BinnedLogistic(),
    "binned with grids": BinnedLogistic({"age_of_domain": [0.5, 1.0], "is_popular": [0.5]}),
    "logistic": ScaledLogistic(),
    "blend": LogitMean(binned=BinnedLogistic(), logistic=ScaledLogistic()),
    "sgd": ScaledLogistic(optim.SGD(0.01)),
    "ftrl": ScaledLogistic(Ftrl(alpha=0.1, l1=30.0)),
    "tree": LogitTree(),
    "tree with grids": LogitTree(
        {"age_of_domain": [0.5, 1.0], "is_popular": [0.5]}, grace_period=20
    ),
    "bayes": BayesianBinned(),
    "anomaly": AnomalyLogistic(n_trees=5, height=4, window=20),
    "hedge": Hedge(tree=LogitTree(), logistic=ScaledLogistic()),
}
CHECKS = [
    pytest.param(estimator, check, id=f"{name}: {check.__name__} {number}")
    for name, estimator in ESTIMATORS.items()
    for number, check in enumerate(yield_checks(estimator))
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_models_keep_rivers_conventions(estimator, check):
    check(estimator.clone())


@each_entry
@settings(deadline=None, max_examples=20)
@given(before=st.integers(0, 60), after=st.integers(1, 30), seed=st.integers(0, 1000))
def test_a_loaded_model_goes_on_with_equal_bits(name, before, after, seed):
    original = taught(name, before, seed)
    loaded = make_model(name, GRIDS)
    loaded.load(msgspec.msgpack.decode(stored(original)))
    for x, y, w in examples(seed + 1, after):
        assert loaded.logit_one(x) == original.logit_one(x)
        assert loaded.contributions_one(x) == original.contributions_one(x)
        original.learn_one(x, y, w)
        loaded.learn_one(x, y, w)
    assert stored(loaded) == stored(original)


@each_entry
def test_a_dump_shares_nothing_with_its_model(name):
    model = taught(name, 40)
    dump = model.dump()
    before = msgspec.msgpack.encode(dump)
    loaded = make_model(name, GRIDS)
    loaded.load(dump)
    for row in examples(1, 40):
        model.learn_one(*row)
        loaded.learn_one(*row)
    assert msgspec.msgpack.encode(dump) == before


@each_entry
def test_a_model_learns_which_amounts_are_fraud(name):
    model = make_model(name, GRIDS)
    for x, y, _ in examples(0, 4000):
        model.learn_one(x, y)
    unseen = [(x, y) for x, y, _ in examples(1, 1000) if "amount" in x]
    scores = [model.predict_proba_one(x)[True] for x, _ in unseen]
    assert roc_auc([float(y) for _, y in unseen], scores) > 0.84


@each_entry
def test_logit_and_probability_agree(name):
    model = taught(name, 200)
    for x, _, _ in examples(2, 50):
        assert model.predict_proba_one(x)[True] == sigmoid(model.logit_one(x))


@each_entry
def test_differences_of_contributions_are_differences_of_logits(name):
    model = taught(name, 3000)
    low, high = ({"amount": a, "count": 1.0, "night": 0.0, "unlisted": 0.0} for a in (5.0, 500.0))
    below, above = model.contributions_one(low), model.contributions_one(high)
    assert list(above) == list(high)
    assert above["amount"] > below["amount"]
    gap = model.logit_one(high) - model.logit_one(low)
    if not model.additive:
        above, below = {"amount": above["amount"]}, {"amount": below["amount"]}
    assert sum(above.values()) - sum(below.values()) == pytest.approx(gap)


@each_entry
def test_base_and_shares_are_the_logit_whatever_is_missing(name):
    model = taught(name, 1000)
    for x in ({}, {"never": 3.0}, *(x for x, _, _ in examples(1, 50))):
        base, shares = model.explain_one(x)
        assert shares == model.contributions_one(x)
        assert base + sum(shares.values()) == pytest.approx(model.logit_one(x), abs=1e-9)


@each_entry
def test_of_rows_with_all_features_additive_models_have_one_base(name):
    model = taught(name, 3000)
    bases = [
        model.explain_one({"amount": a, "count": c, "night": n, "unlisted": 0.5}).base
        for a in (5.0, 80.0, 500.0)
        for c in (0.0, 3.0)
        for n in (0.0, 1.0)
    ]
    assert (max(bases) - min(bases) < 1e-9) == model.additive == (name != "binned_net")


@each_entry
def test_contributions_are_small_on_average(name):
    model = taught(name, 3000)
    shares = [model.contributions_one(x).get("amount") for x, _, _ in examples(0, 3000)[-1000:]]
    seen = [share for share in shares if share is not None]
    spread = max(seen) - min(seen)
    assert abs(sum(seen) / len(seen)) < 0.1 * spread


@each_entry
def test_scores_are_finite_before_the_first_fraud(name):
    model = make_model(name, GRIDS)
    rows = [x for x, _, _ in examples(0, 300)]
    assert all(math.isfinite(model.logit_one(x)) for x in rows)
    for x in rows:
        model.learn_one(x, False)
    logits = [model.logit_one(x) for x in rows]
    assert all(math.isfinite(logit) for logit in logits)
    assert sum(logits) < 0


@each_entry
def test_absent_and_unknown_features_are_no_harm(name):
    model = taught(name, 1000)
    model.learn_one({}, True)
    model.learn_one({"count": 2.0}, False)
    assert math.isfinite(model.logit_one({}))
    assert model.contributions_one({}) == {}
    assert math.isfinite(model.logit_one({"never": 3.0, "amount": 5.0}))
    assert list(model.contributions_one({"never": 3.0, "amount": 5.0})) == ["never", "amount"]


@each_entry
def test_scoring_leaves_no_trace(name):
    model = taught(name, 60)
    before = stored(model)
    for x in ({"never": 3.0}, {"amount": 5.0}, {}):
        model.logit_one(x)
        model.contributions_one(x)
    assert stored(model) == before


@each_entry
@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf, 1e300])
def test_poison_is_refused_and_teaches_nothing(name, poison):
    model = taught(name, 30)
    before = stored(model)
    with pytest.raises(ValueError, match="amount"):
        model.learn_one({"count": 1.0, "amount": poison}, True)
    assert stored(model) == before


@each_entry
@given(amount=st.floats(-1e15, 1e15), y=st.booleans())
def test_scores_stay_finite_for_whatever_may_be_learned(name, amount, y):
    model = taught(name, 5)
    model.learn_one({"amount": amount / 2}, y)
    assert math.isfinite(model.logit_one({"amount": amount}))


def test_the_order_of_features_changes_no_bit_of_the_binned_model():
    forward, backward = (BinnedLogistic(GRIDS) for _ in range(2))
    for x, y, w in examples(3, 300):
        x.pop("unlisted", None)
        reverse = dict(reversed(x.items()))
        assert forward.logit_one(x) == backward.logit_one(reverse)
        forward.learn_one(x, y, w)
        backward.learn_one(reverse, y, w)
    assert forward.dump() == backward.dump()


@pytest.mark.parametrize(
    ("value", "same"),
    [(10.0, 49.9), (9.9, 0.0), (220.0, 1e9)],
    ids=["an edge belongs to the bin above", "below the first edge", "above the last edge"],
)
def test_values_of_one_bin_score_alike(value, same):
    model = taught("binned", 300)
    assert model.logit_one({"amount": value}) == model.logit_one({"amount": same})


@pytest.mark.parametrize(
    "grids",
    [
        {"amount": GRIDS["amount"]},
        {"amount": [1.0], "count": GRIDS["count"], "night": GRIDS["night"]},
        dict(reversed(GRIDS.items())),
    ],
    ids=["fewer features", "other edges", "another order"],
)
def test_a_dump_for_other_grids_is_refused(grids):
    with pytest.raises(StateError, match="other features"):
        make_model("binned", grids).load(taught("binned", 10).dump())


def test_an_unknown_model_is_named_with_the_choices():
    with pytest.raises(
        SettingsError, match=r"'forest'; choose one of grove, binned, logistic, blend"
    ):
        make_model("forest", GRIDS)


def test_the_blend_is_the_mean_of_its_models():
    x = {"amount": 300.0, "count": 2.0}
    apart = [taught(name, 200).logit_one(x) for name in ("binned", "logistic")]
    assert taught("blend", 200).logit_one(x) == sum(apart) / 2


def test_a_worker_with_the_default_model_starts_without_scipy():
    script = (
        "import sys; import app.serving.worker; from app.core.models.zoo import make_model; "
        "make_model('grove', {}); print(sorted({'scipy', 'sklearn'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert done.stdout == "[]\n"
