"""River's logistic regression on standardized features, with any of three optimizers."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from river import linear_model, optim, preprocessing
from river.utils import VectorDict

from app.core.models.classifier import LogitClassifier
from app.core.models.plain import Plain


class Stored(msgspec.Struct):
    """A dump: the scaler's state, the regression's, and the vectors of its optimizer."""

    counts: dict[str, float]
    means: dict[str, float]
    variances: dict[str, float]
    weights: dict[str, float]
    intercept: float
    steps: int
    vectors: dict[str, dict[str, float] | None]


class Scaler(preprocessing.StandardScaler):  # type: ignore[misc]  # River has no types
    """River's StandardScaler with weights, and without a trace of what was only scored.

    River's ignores `w`, and its `transform_one` records names it has never learned.
    """

    def learn_one(self, x: Mapping[str, float], w: float = 1.0) -> None:
        """Take `x` into means and variances as if it came `w` times, `w` above 0 (West, 1979)."""
        counts, means, variances = self.counts, self.means, self.vars
        for name, value in x.items():
            counts[name] = total = counts[name] + w
            before = means[name]
            # A first value is the mean to the bit: a rounding error of w / w would be a deviation.
            means[name] = mean = before + w * (value - before) / total if total != w else value
            spread = (value - before) * (value - mean)
            variances[name] += w * (spread - variances[name]) / total

    def transform_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Values less their means in standard deviations; 0 where there is no deviation yet."""
        means, variance_of = self.means, self.vars.get
        scaled = {}
        for name, value in x.items():
            variance = variance_of(name, 0.0)
            scaled[name] = (value - means[name]) / variance**0.5 if variance else 0.0
        return scaled


class Ftrl(optim.FTRLProximal):  # type: ignore[misc]
    """River's FTRL-Proximal, which forgets to set a weight back to zero.

    Where |z| is within `l1` the weight is zero by definition; River leaves the last one.
    """

    def _step_with_dict(self, w: Any, g: Any) -> Any:
        w = super()._step_with_dict(w, g)
        for name in g:
            if abs(self.z[name]) <= self.l1:
                w[name] = 0.0
        return w


def _floats(stored: dict[str, float]) -> dict[str, float]:
    return defaultdict(float, stored)


# The vectors that each optimizer keeps beside the weights, and what it keeps them in.
VECTORS: dict[type, tuple[tuple[str, ...], Callable[[dict[str, float]], Any]]] = {
    optim.SGD: ((), _floats),
    optim.Adam: (("m", "v"), VectorDict),
    Ftrl: (("z", "n"), _floats),
}


class ScaledLogistic(LogitClassifier):
    """River's StandardScaler and LogisticRegression.

    The scaler learns from labelled examples only, like the regression: the state is then a
    function of the examples alone, whatever was scored in between.

    Parameters
    ----------
    optimizer
        A fresh `optim.SGD`, `optim.Adam` or `Ftrl`; Adam with steps of 0.001 without one.

    References
    ----------
    [^1]: Kingma, D.P. and Ba, J., 2014. Adam: A method for stochastic optimization.
    arXiv:1412.6980.
    [^2]: McMahan, H.B. et al., 2013. Ad click prediction: a view from the trenches. KDD,
    pp. 1222-1230.
    [^3]: West, D.H.D., 1979. Updating mean and variance estimates: an improved method.
    Communications of the ACM 22(9), pp. 532-535.

    Examples
    --------
    >>> model = ScaledLogistic()
    >>> for _ in range(2000):
    ...     model.learn_one({"amount": 5.0}, False)
    ...     model.learn_one({"amount": 500.0}, True)
    >>> [round(model.predict_proba_one({"amount": a})[True], 2) for a in (5.0, 500.0)]
    [0.06, 0.94]
    """

    def __init__(self, optimizer: Any = None) -> None:
        self.optimizer = optimizer
        self._scaler = Scaler()
        self._regression = self._fresh()

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        logit: float = self._regression._raw_dot_one(self._scaler.transform_one(x))
        return logit

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        """Update the scaler with `x`, then take one step on the scaled (x, y)."""
        self._scaler.learn_one(x, w)
        self._regression.learn_one(self._scaler.transform_one(x), y, w)

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Weight times scaled value of each feature: zero where the value is its mean."""
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
            "weights": _plain(self._regression.weights),
            "intercept": self._regression.intercept,
            "steps": optimizer.n_iterations,
            "vectors": {name: _plain(getattr(optimizer, name)) for name in self._vectors()[0]},
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits."""
        stored = msgspec.convert(plain, Stored)  # new dicts: a VectorDict wraps what it is given
        regression = self._fresh()
        regression._weights = VectorDict(stored.weights)
        regression.intercept = stored.intercept
        regression.optimizer.n_iterations = stored.steps
        names, kept_in = self._vectors()
        for name in names:
            vector = stored.vectors[name]
            setattr(regression.optimizer, name, None if vector is None else kept_in(vector))
        self._regression = regression
        self._scaler = Scaler._from_state(stored.counts, stored.means, stored.variances)

    def _fresh(self) -> Any:
        optimizer = optim.Adam(0.001) if self.optimizer is None else self.optimizer.clone()
        return linear_model.LogisticRegression(optimizer)

    def _vectors(self) -> tuple[tuple[str, ...], Callable[[dict[str, float]], Any]]:
        return VECTORS[type(self._regression.optimizer)]


def _plain(vector: Any) -> Any:
    """A vector of River's as a dict of floats (FTRL's are numpy's); None before Adam's first."""
    return None if vector is None else {name: float(value) for name, value in vector.items()}
