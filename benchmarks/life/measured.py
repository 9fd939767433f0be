"""Average precision of some days, and XGBoost that is refitted every week, on a stream's plays."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import NamedTuple

import numpy as np

from app.core.metrics import average_precision
from benchmarks.handbook.transactions import Flags, Floats, Ints, Matrix
from benchmarks.handbook.weekly import BINS, CHOSEN, Settings
from benchmarks.handbook.weeks import known, number
from benchmarks.life.played import DELAY, Play
from benchmarks.life.streams import DAY_MS

# Depths 1, 2 and 6 for few frauds, and what was chosen for many.
TRIED = (
    Settings(1, 400, 0.1, 1, 0.8, 0.5),
    Settings(2, 300, 0.1, 1, 0.8, 0.5),
    Settings(6, 300, 0.05, 5, 0.8, 0.5),
    CHOSEN["weir"],
)


class Refitted(NamedTuple):
    """XGBoost with some settings: its scores of every row, NaN before the first week."""

    settings: Settings
    scores: Floats

    @property
    def name(self) -> str:
        """As a line of a table has it."""
        return f"XGBoost weekly, depth {self.settings.max_depth}"


def days(play: Play, first: date, end: date) -> Flags:
    """Which transactions are of the days from `first` up to and without `end`."""
    return (play.at >= number(first) * DAY_MS) & (play.at < number(end) * DAY_MS)


def precision(play: Play, rows: Flags, scores: Floats | None = None, without: int = 0) -> float:
    """Average precision of these transactions, without the frauds of a kind if one is named."""
    if without:
        rows = rows & (play.kind != without)
    given = play.scores if scores is None else scores
    return known(average_precision(play.fraud[rows].astype(np.float64), given[rows]))


def weekly(
    play: Play,
    first: int,
    tried: Sequence[Settings] = TRIED,
    codes: Sequence[Ints] = (),
    cores: int = 1,
) -> list[Refitted]:
    """XGBoost fitted every week from the time `first` on, on all labels known by then.

    Parameters
    ----------
    play
        Its features as scored and its truth.
    first
        Epoch ms of the first week.
    codes
        Categories besides the features, whole numbers from 0.
    cores
        Weeks that are fitted at a time.
    """
    x = np.column_stack([play.x, *codes]).astype(np.float32)
    kinds = ["q"] * play.x.shape[1] + ["c"] * len(codes)
    found = [Refitted(one, np.full(len(play.at), np.nan)) for one in tried]
    begins = range(first, int(play.at[-1]) + 1, 7 * DAY_MS)
    with ThreadPoolExecutor(cores) as pool:
        for _ in pool.map(lambda begin: _fit(play, x, kinds, begin, found), begins):
            pass
    return found


def _fit(play: Play, x: Matrix, kinds: list[str], begin: int, found: Sequence[Refitted]) -> None:
    """Fit on what is known when a week begins, and score its rows."""
    import xgboost

    times = [begin - DELAY * DAY_MS, begin, begin + 7 * DAY_MS]
    known_to, start, end = np.searchsorted(play.at, times)
    shared = {"max_bin": BINS, "nthread": 1}
    data = xgboost.QuantileDMatrix(
        x[:known_to], play.fraud[:known_to], feature_types=kinds, enable_categorical=True, **shared
    )
    tested = xgboost.DMatrix(x[start:end], feature_types=kinds, enable_categorical=True, nthread=1)
    for one in found:
        given = one.settings._asdict()
        trees = given.pop("trees")
        fixed = {"objective": "binary:logistic", **shared}
        one.scores[start:end] = xgboost.train({**fixed, **given}, data, trees).predict(tested)
