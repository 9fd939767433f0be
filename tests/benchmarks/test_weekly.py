"""XGBoost refitted weekly: what it may know, and what a comparison of weeks says."""

import doctest
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
from scipy.stats import sem

import benchmarks.handbook
from benchmarks.handbook.baselines import CHAPTER_3, Fold, reproduce
from benchmarks.handbook.comparison import difference
from benchmarks.handbook.features import handbook_features
from benchmarks.handbook.transactions import Transactions, read_transactions
from benchmarks.handbook.weekly import Settings, fitted
from benchmarks.handbook.weeks import Week, mean, number, week
from tests.benchmarks.streams import on, stream

FEW = Settings(3, 5, 0.3, 1, 1.0, 1.0)
TESTED = 35  # the first day of a test week, counted from the stream's first


@pytest.fixture(scope="module")
def txs(seed: int) -> Transactions:
    return stream(seed, days=42, a_day=60)


@pytest.fixture(scope="module")
def tested(txs: Transactions) -> Week:
    return week(txs, on(TESTED).date())


def scores(txs: Transactions, tested: Week, day: int) -> np.ndarray:
    """Of the week, when all labels of that day are the other way round."""
    flipped = txs.fraud ^ (txs.day == number(on(day).date()))
    x = handbook_features(txs)
    (found,) = fitted(txs._replace(fraud=flipped), x, tested, [FEW])
    return found


@pytest.mark.parametrize("day", [0, 6, TESTED - 7, TESTED - 1, TESTED])
def test_a_fit_knows_no_label_of_the_first_week_nor_of_the_last_seven_days(txs, tested, day):
    np.testing.assert_array_equal(scores(txs, tested, day), scores(txs, tested, day=99))


@pytest.mark.parametrize("day", [7, TESTED - 8])
def test_a_fit_knows_every_label_between(txs, tested, day):
    assert (scores(txs, tested, day) != scores(txs, tested, day=99)).any()


def test_a_week_has_its_seven_days_without_customers_known_to_be_compromised(txs, tested):
    first = number(on(TESTED).date())
    assert set(tested.days) == set(range(first, first + 7))
    known = txs.customer[txs.fraud & (txs.day >= first - 14) & (txs.day < first - 7)]
    assert len(known)
    assert not np.isin(tested.customers, known).any()


def test_scores_that_are_the_truth_are_perfect_and_reversed_ones_are_worst(tested):
    best, worst = tested.quality(tested.frauds), tested.quality(-tested.frauds)
    assert (best.roc_auc, best.average_precision) == (1, 1)
    assert worst.roc_auc == 0
    assert worst.recall == 0 < best.recall
    assert mean([best, worst]).roc_auc == 0.5


def test_the_standard_error_of_paired_differences_is_that_of_scipy():
    ours, theirs = [0.7, 0.75, 0.72, 0.8], [0.71, 0.7, 0.7, 0.74]
    found = difference(ours, theirs)
    assert found.mean == pytest.approx(0.03)
    assert found.standard_error == pytest.approx(sem(np.subtract(ours, theirs)))


@pytest.mark.parametrize(
    "name", [module.name for module in iter_modules(benchmarks.handbook.__path__)]
)
def test_the_examples_of_the_modules_hold(name):
    assert doctest.testmod(import_module(f"benchmarks.handbook.{name}")).failed == 0


@pytest.mark.data
def test_quick_models_of_chapter_3_give_the_published_figures(data_folder: Path):
    quick = ("logistic regression", "decision tree, depth 2")
    fold = Fold(
        CHAPTER_3.title,
        CHAPTER_3.weeks,
        {name: CHAPTER_3.models[name] for name in quick},
        CHAPTER_3.published,
        same=True,
    )
    whole = read_transactions(data_folder)
    late = whole.at >= 86_400 * number(CHAPTER_3.weeks[0] - timedelta(days=60))
    txs = Transactions(*(column[late] for column in whole))
    for name, quality in reproduce(txs, handbook_features(txs), fold, cores=1).items():
        assert quality[:3] == pytest.approx(fold.published[name], abs=0.0015)
