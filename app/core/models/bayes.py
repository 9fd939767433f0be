"""Bayesian logistic regression on bins: a probability, and how sure it is."""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

import msgspec

from app.core.models.bins import BinnedClassifier
from app.core.models.logit import sigmoid
from app.core.models.plain import Plain, pack_floats


class Stored(msgspec.Struct):
    """A dump; means and variances by cell, centres by column."""

    columns: list[str]
    means: bytes
    variances: bytes
    centres: bytes
    learned: int


class BayesianBinned(BinnedClassifier):
    """Logistic regression whose weight in each bin of each feature is a normal distribution.

    An example moves the weights of its bins as an extended Kalman filter does: the logistic
    likelihood is taken to second order at the current mean, and only means and variances of
    the posterior are kept. A weight moves in proportion to its variance, so bins learn fast
    while they are new. Between examples variances grow by a factor, up to the prior's: old
    examples count less.

    The logit is the mean of the weights' sum, so the probability is the median of its
    distribution.

    Parameters
    ----------
    grids
        As those of `BinnedClassifier`.
    prior
        Variance of a weight about which nothing is known, in squared logits, above 0.
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
    >>> [round(model.predict_proba_one({"amount": a})[True], 2) for a in (50.0, 500.0)]
    [0.49, 0.96]
    """

    def __init__(
        self,
        grids: Mapping[str, Sequence[float]] | None = None,
        prior: float = 1.0,
        growth: float = 1e-5,
    ) -> None:
        super().__init__(grids, prior)
        self.prior = prior
        self.growth = growth

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        return {
            "columns": list(self._columns),
            "means": pack_floats(self._weights),
            "variances": pack_floats(self._scales),
            "centres": pack_floats(self._centres[1:]),
            "learned": self._learned,
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits.

        Raises
        ------
        StateError
            When the dump is of a model with other features or grids.
        """
        self._restore(*msgspec.structs.astuple(msgspec.convert(plain, Stored)))

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        """Take in (x, y) as if it came `w` times."""
        cells = self.cells_to_learn(x)
        self._average(cells)
        means, variances, prior = self._weights, self._scales, self.prior
        before = [means[cell] for cell in cells]
        spread = [min(variances[cell] * (1.0 + self.growth), prior) for cell in cells]
        p = sigmoid(fsum(before))
        known = w * p * (1.0 - p)
        gain = 1.0 / (1.0 + known * fsum(spread))
        step, shrink = w * ((1.0 if y else 0.0) - p) * gain, known * gain
        for cell, mean, variance in zip(cells, before, spread, strict=True):
            means[cell] = mean + variance * step
            variances[cell] = variance - variance * variance * shrink
