"""XGBoost refitted every week on all whose labels are known when the week begins."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from time import process_time
from typing import NamedTuple

import numpy as np

from benchmarks.handbook.baselines import DAYS
from benchmarks.handbook.comparison import Row
from benchmarks.handbook.transactions import Floats, Matrix, Transactions
from benchmarks.handbook.weeks import Quality, Week, between

START = date(2018, 4, 8)  # before it no merchant has a label
BINS = 256


class Settings(NamedTuple):
    """Of gradient boosting, in the words of XGBoost's parameters."""

    max_depth: int
    trees: int
    eta: float
    min_child_weight: float
    subsample: float
    colsample_bytree: float

    def __str__(self) -> str:
        return (
            f"{self.trees} trees of depth {self.max_depth}, rate {self.eta:g}, least child "
            f"{self.min_child_weight:g}, {self.subsample:.0%} of rows and "
            f"{self.colsample_bytree:.0%} of columns a tree"
        )


# Tried on the validation weeks: `--tune` prints what each gives.
TRIED = (
    Settings(5, 100, 0.15, 1, 1.0, 1.0),
    Settings(6, 300, 0.05, 5, 0.8, 0.5),
    Settings(8, 150, 0.05, 10, 0.8, 0.5),
    Settings(4, 300, 0.1, 1, 0.8, 0.5),
    Settings(3, 400, 0.1, 1, 0.8, 0.5),
    Settings(5, 600, 0.03, 5, 0.8, 0.3),
)
CHOSEN = {"handbook": TRIED[1], "weir": TRIED[1]}
NAMES = {
    "handbook": "XGBoost weekly, the Handbook's features",
    "weir": "XGBoost weekly, Weir's features",
}


def refit(name: str, txs: Transactions, x: Matrix, weeks: Sequence[Week], cores: int) -> Row:
    """Quality on each week of XGBoost fitted for it, with the settings chosen for these features.

    Parameters
    ----------
    name
        Whose features: a name of CHOSEN.
    cores
        Weeks that are fitted at a time.
    """
    started = process_time()
    (qualities,) = tried(txs, x, weeks, [CHOSEN[name]], cores)
    return Row(NAMES[name], qualities, f"{(process_time() - started) / len(weeks):.0f} s a week")


def tried(
    txs: Transactions, x: Matrix, weeks: Sequence[Week], settings: Sequence[Settings], cores: int
) -> list[list[Quality]]:
    """For each of some settings the qualities of the weeks."""

    def qualities(tested: Week) -> list[Quality]:
        found = [tested.quality(scores) for scores in fitted(txs, x, tested, settings)]
        print(f"  week from {tested.first}", flush=True)
        return found

    with ThreadPoolExecutor(cores) as pool:
        return [list(found) for found in zip(*pool.map(qualities, weeks), strict=True)]


def fitted(
    txs: Transactions, x: Matrix, tested: Week, settings: Sequence[Settings]
) -> Iterator[Floats]:
    """Scores of a week's rows by models fitted on the transactions from START to 7 days before."""
    import xgboost

    rows = between(txs, START, tested.first - DAYS)
    labels = txs.fraud[rows].astype(np.float32)
    # One thread each: on a busy machine several spend most of their time waiting for each other.
    data = xgboost.QuantileDMatrix(x[rows], labels, max_bin=BINS, nthread=1)
    for chosen in settings:
        parameters = chosen._asdict()
        trees = parameters.pop("trees")
        fixed = {"objective": "binary:logistic", "max_bin": BINS, "nthread": 1}
        model = xgboost.train({**fixed, **parameters}, data, trees)
        yield np.asarray(model.inplace_predict(x[tested.rows]), dtype=np.float64)
