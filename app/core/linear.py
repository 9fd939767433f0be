"""River's logistic regression on standardized features, storable as plain values."""

from collections.abc import Mapping
from typing import Any

import msgspec
from river import base, linear_model, optim, preprocessing
from river.utils import VectorDict

from app.core.logit import check_features, probabilities
from app.core.plain import Plain


class Stored(msgspec.Struct):
    """A dump: the scaler's state, the regression's, and the moments of its optimizer."""

    counts: dict[str, int]
    means: dict[str, float]
    variances: dict[str, float]
    weights: dict[str, float]
    intercept: float
    steps: int
    m: dict[str, float] | None
    v: dict[str, float] | None


class ScaledLogistic(base.Classifier):  # type: ignore[misc]  # River has no types
    """River's StandardScaler and LogisticRegression with Adam.

    The scaler learns from labelled examples only, like the regression: the state is then a
    function of the examples alone, whatever was scored in between.

    Parameters
    ----------
    learning_rate
        Adam's step size.

    References
    ----------
    [^1]: Kingma, D.P. and Ba, J., 2014. Adam: A method for stochastic optimization.
    arXiv:1412.6980.

    Examples
    --------
    >>> model = ScaledLogistic()
    >>> for _ in range(2000):
    ...     model.learn_one({"amount": 5.0}, False)
    ...     model.learn_one({"amount": 500.0}, True)
    >>> [round(model.predict_proba_one({"amount": a})[True], 2) for a in (5.0, 500.0)]
    [0.06, 0.94]
    """

    def __init__(self, learning_rate: float = 0.001) -> None:
        self.learning_rate = learning_rate
        self._scaler = preprocessing.StandardScaler()
        self._regression = linear_model.LogisticRegression(optim.Adam(learning_rate))

    def predict_proba_one(self, x: Mapping[str, float], **_: Any) -> dict[bool, float]:
        """Probability of each class."""
        return probabilities(self.logit_one(x))

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        logit: float = self._regression._raw_dot_one(self._scaler.transform_one(x))
        return logit

    def learn_one(self, x: Mapping[str, float], y: bool, w: float = 1.0) -> None:
        """Update the scaler with `x`, then take one step of Adam on the scaled (x, y).

        Raises
        ------
        ValueError
            When a value of `x` is not finite; nothing has been learned then.
        """
        check_features(x)
        self._scaler.learn_one(x)
        self._regression.learn_one(self._scaler.transform_one(x), y, w)

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Weight times scaled value of each feature: zero where it has its mean value."""
        weights = self._regression.weights
        scaled = self._scaler.transform_one(x)
        return {name: weights.get(name, 0.0) * value for name, value in scaled.items()}

    def dump(self) -> Plain:
        """All state as plain values. Every dict keeps its order, which decides how sums round."""
        optimizer = self._regression.optimizer
        return {
            "counts": dict(self._scaler.counts),
            "means": dict(self._scaler.means),
            "variances": dict(self._scaler.vars),
            "weights": dict(self._regression.weights),
            "intercept": self._regression.intercept,
            "steps": optimizer.n_iterations,
            "m": None if optimizer.m is None else dict(optimizer.m.items()),
            "v": None if optimizer.v is None else dict(optimizer.v.items()),
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits."""
        stored = msgspec.convert(plain, Stored)  # new dicts: a VectorDict wraps what it is given
        regression = linear_model.LogisticRegression(optim.Adam(self.learning_rate))
        regression._weights = VectorDict(stored.weights)
        regression.intercept = stored.intercept
        regression.optimizer.n_iterations = stored.steps
        if stored.m is not None:
            regression.optimizer.m = VectorDict(stored.m)
            regression.optimizer.v = VectorDict(stored.v)
        self._regression = regression
        self._scaler = preprocessing.StandardScaler._from_state(
            stored.counts, stored.means, stored.variances
        )
