"""The Handbook's own models, fitted as it fits them: on one week, for the week after next."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeAlias

from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from benchmarks.handbook.transactions import Floats, Transactions
from benchmarks.handbook.weeks import Quality, Week, between, mean, week

Factory: TypeAlias = Callable[[], Any]
DAYS = timedelta(days=7)  # of training, of waiting for labels, and of testing


class Published(NamedTuple):
    """What the Handbook prints, to three digits."""

    roc_auc: float
    average_precision: float
    card_precision: float


class Fold(NamedTuple):
    """A table of the Handbook's: its test weeks, models and figures.

    Le Borgne, Siblini, Lebichot and Bontempi (2022): chapter 3, "Baseline fraud detection
    system"; chapter 5, "Model selection".
    """

    title: str
    weeks: tuple[date, ...]
    models: Mapping[str, Factory]
    published: Mapping[str, Published]
    same: bool  # whether the figures were published for these weeks


def xgboost(**settings: Any) -> Factory:
    """As XGBoost was before version 2: later ones split and begin otherwise by default."""
    fixed = {"base_score": 0.5, "tree_method": "exact", "random_state": 0, "n_jobs": 1}
    return lambda: XGBClassifier(**fixed, **settings)


SINGLE: dict[str, Factory] = {
    "logistic regression": lambda: LogisticRegression(random_state=0),
    "decision tree, depth 2": lambda: DecisionTreeClassifier(max_depth=2, random_state=0),
    "random forest": lambda: RandomForestClassifier(random_state=0),
    "XGBoost": xgboost(),
}
SELECTED: dict[str, Factory] = {  # those that chapter 5 finds best by average precision
    "logistic regression": lambda: LogisticRegression(C=100, random_state=0),
    "random forest": lambda: RandomForestClassifier(max_depth=20, random_state=0),
    "XGBoost": xgboost(max_depth=5, n_estimators=100, learning_rate=0.1),
}
CHAPTER_3 = Fold(
    "Chapter 3: one week, 2018-08-08 to 08-14",
    (date(2018, 8, 8),),
    SINGLE,
    {
        "logistic regression": Published(0.871, 0.606, 0.291),
        "decision tree, depth 2": Published(0.763, 0.496, 0.241),
        "random forest": Published(0.867, 0.658, 0.287),
        "XGBoost": Published(0.862, 0.639, 0.273),
    },
    same=True,
)
CHAPTER_5_VALIDATION = Fold(
    "Chapter 5, validation: mean of four weeks, 2018-07-04 to 07-31",
    tuple(date(2018, 7, 4) + later * DAYS for later in range(4)),
    SELECTED,
    {
        "logistic regression": Published(0.867, 0.613, 0.278),
        "random forest": Published(0.880, 0.694, 0.289),
        "XGBoost": Published(0.886, 0.707, 0.288),
    },
    same=True,
)
CHAPTER_5_TEST = Fold(
    "Chapter 5, test: mean of four weeks, 2018-07-18 to 08-14, published for 08-08 to 09-04",
    tuple(date(2018, 7, 18) + later * DAYS for later in range(4)),
    SELECTED,
    {
        "logistic regression": Published(0.868, 0.623, 0.297),
        "random forest": Published(0.870, 0.678, 0.299),
        "XGBoost": Published(0.872, 0.692, 0.300),
    },
    same=False,
)
FOLDS = (CHAPTER_3, CHAPTER_5_VALIDATION, CHAPTER_5_TEST)


def reproduce(txs: Transactions, x: Floats, fold: Fold, cores: int) -> dict[str, Quality]:
    """Mean quality of each model of a table over its weeks, by name.

    Parameters
    ----------
    x
        The Handbook's features, shape (transactions, 15).
    cores
        Models that are fitted at a time.
    """
    weeks = [week(txs, first) for first in fold.weeks]
    fits = [(make, tested) for make in fold.models.values() for tested in weeks]
    with ThreadPoolExecutor(cores) as pool:
        found = list(pool.map(lambda fit: quality(txs, x, fit[1], fit[0]()), fits))
    starts = range(0, len(found), len(weeks))
    means = (mean(found[start : start + len(weeks)]) for start in starts)
    return dict(zip(fold.models, means, strict=True))


def quality(txs: Transactions, x: Floats, tested: Week, classifier: Any) -> Quality:
    """That of a classifier fitted on the week before the labels' delay."""
    rows = between(txs, tested.first - 2 * DAYS, tested.first - DAYS)
    model = make_pipeline(StandardScaler(), classifier)
    model.fit(x[rows], txs.fraud[rows].astype(int))
    return tested.quality(model.predict_proba(x[tested.rows])[:, 1])
