"""Bayesian logistic regression on bins: a probability, and how sure it is."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import fsum, sqrt
from statistics import NormalDist
from typing import Any

import msgspec
from river import base

from app.core.binned import DEFAULT_GRID
from app.core.logit import check_features, probabilities, sigmoid
from app.core.plain import Plain, pack_floats, unpack_floats
from app.errors import StateError

NO_COLUMN: tuple[Sequence[float], int] = ((), 0)  # cell 0: of features never learned


class Stored(msgspec.Struct):
    """A dump; means and variances by cell, centres by column."""

    columns: list[str]
    means: bytes
    variances: bytes
    centres: bytes
    learned: int


class BayesianBinned(base.Classifier):  # type: ignore[misc]  # River has no types
    """Logistic regression whose weight in each bin of each feature is a normal distribution.

    An example moves the weights of its bins as an extended Kalman filter does: the logistic
    likelihood is taken to second order at the present mean, and of the posterior only means
    and variances are kept. A weight moves in proportion to its variance, so bins learn fast
    while they are new. Between examples variances grow by a factor, up to the prior's: what
    is long ago counts less.

    The logit is the mean of the weights' sum, so the probability is the median of its
    distribution; `interval_one` gives the quantiles around it. It says how little the model
    has seen of what `x` is made of, not how the model errs for other reasons.

    Parameters
    ----------
    grids
        Ascending bin edges by feature name; a feature without a grid gets `DEFAULT_GRID` of
        `app.core.binned` when it is first learned.
    prior
        Variance of a weight of which nothing is known, in squared logits, above 0.
    growth
        By how much a weight's variance grows with each example that uses it, 0 for never.

    References
    ----------
    [^1]: Spiegelhalter, D.J. and Lauritzen, S.L., 1990. Sequential updating of conditional
    probabilities on directed graphical structures. Networks 20(5), pp. 579-605.
    [^2]: Graepel, T. et al., 2010. Web-scale Bayesian click-through rate prediction for
    sponsored search advertising in Microsoft's Bing search engine. ICML, pp. 13-20.

    Examples
    --------
    >>> model = BayesianBinned({"amount": [10.0, 100.0]})
    >>> for _ in range(200):
    ...     model.learn_one({"amount": 5.0}, False)
    ...     model.learn_one({"amount": 500.0}, True)
    >>> [round(p, 2) for p in model.interval_one({"amount": 500.0}, 0.9)]
    [0.94, 0.98]
    >>> [round(p, 2) for p in model.interval_one({"amount": 50.0}, 0.9)]
    [0.15, 0.84]
    """

    def __init__(
        self,
        grids: Mapping[str, Sequence[float]] | None = None,
        prior: float = 1.0,
        growth: float = 1e-5,
    ) -> None:
        self.grids = grids
        self.prior = prior
        self.growth = growth
        self._columns: dict[str, tuple[Sequence[float], int]] = {}
        self._means = [0.0, 0.0]  # of features never learned, and the intercept
        self._variances = [prior, prior]
        self._centres: dict[str, float] = {}
        self._learned = 0
        for name, edges in (grids or {}).items():
            self._add_column(name, tuple(edges))

    def predict_proba_one(self, x: Mapping[str, float], **_: Any) -> dict[bool, float]:
        """Probability of each class."""
        return probabilities(self.logit_one(x))

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        means = self._means
        return fsum([means[cell] for cell in self._cells(x)])

    def interval_one(self, x: Mapping[str, float], level: float) -> tuple[float, float]:
        """Between what the probability lies with the chance `level`, by what was learned."""
        cells = self._cells(x)
        mean = fsum([self._means[cell] for cell in cells])
        deviation = sqrt(fsum([self._variances[cell] for cell in cells]))
        reach = NormalDist().inv_cdf((1.0 + level) / 2.0) * deviation
        return sigmoid(mean - reach), sigmoid(mean + reach)

    def learn_one(self, x: Mapping[str, float], y: bool, w: float = 1.0) -> None:
        """Take in (x, y) as if it came `w` times.

        Raises
        ------
        ValueError
            When a value of `x` is not finite; nothing has been learned then.
        """
        check_features(x)
        if not w:
            return
        for name in x:
            if name not in self._columns:
                self._add_column(name, DEFAULT_GRID)
        cells = self._cells(x)
        means, variances, prior = self._means, self._variances, self.prior
        before = [means[cell] for cell in cells]
        spread = [min(variances[cell] * (1.0 + self.growth), prior) for cell in cells]
        p = sigmoid(fsum(before))
        known = w * p * (1.0 - p)
        gain = 1.0 / (1.0 + known * fsum(spread))
        step, shrink = w * ((1.0 if y else 0.0) - p) * gain, known * gain
        for cell, mean, variance in zip(cells, before, spread, strict=True):
            means[cell] = mean + variance * step
            variances[cell] = variance - variance * variance * shrink
        self._learned += 1
        if self._learned % 16 == 0:  # often enough for a mean, and costs next to nothing
            self._move_centres(x, before[1:])

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Each feature's share of the logit, less what the feature contributed on average lately.

        The average runs over about the last thousand examples that had the feature.
        """
        return {
            name: self._means[cell] - self._centres.get(name, 0.0)
            for name, cell in zip(x, self._cells(x)[1:], strict=True)
        }

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        return {
            "columns": list(self._columns),
            "means": pack_floats(self._means),
            "variances": pack_floats(self._variances),
            "centres": pack_floats(self._centres.values()),
            "learned": self._learned,
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits.

        Raises
        ------
        StateError
            When the dump is of a model with other features or grids.
        """
        stored = msgspec.convert(plain, Stored)
        fresh = type(self)(self.grids, self.prior, self.growth)
        for name in stored.columns[len(fresh._columns) :]:
            fresh._add_column(name, DEFAULT_GRID)
        means, variances = unpack_floats(stored.means), unpack_floats(stored.variances)
        cells = len(fresh._means)
        if list(fresh._columns) != stored.columns or not len(means) == len(variances) == cells:
            raise StateError("the stored model was made for other features or grids")
        self._columns = fresh._columns
        self._means, self._variances = means, variances
        self._centres = dict(zip(stored.columns, unpack_floats(stored.centres), strict=True))
        self._learned = stored.learned

    def _cells(self, x: Mapping[str, float]) -> list[int]:
        """Where the weights of `x` lie: the intercept's first, then in the order of `x`."""
        column = self._columns.get
        cells = [1]
        for name, value in x.items():
            edges, start = column(name, NO_COLUMN)
            cells.append(start + bisect_right(edges, value))
        return cells

    def _add_column(self, name: str, edges: Sequence[float]) -> None:
        self._columns[name] = (edges, len(self._means))
        self._means += [0.0] * (len(edges) + 1)
        self._variances += [self.prior] * (len(edges) + 1)
        self._centres[name] = 0.0

    def _move_centres(self, x: Mapping[str, float], means: Sequence[float]) -> None:
        for name, mean in zip(x, means, strict=True):
            self._centres[name] += (mean - self._centres[name]) / 64
