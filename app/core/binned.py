"""Binned additive logistic regression, learned event by event in plain Python."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from math import fsum, sqrt
from typing import Any, TypeAlias

import msgspec
from river import base

from app.core.logit import check_features, probabilities, sigmoid
from app.core.plain import Plain, pack_floats, unpack_floats
from app.errors import StateError

# For features that come without a grid: three bins a decade on both sides of zero.
SIZES = [float(f"{digit}e{power}") for power in range(-3, 7) for digit in (1, 2, 5)]
DEFAULT_GRID = (*(-size for size in reversed(SIZES)), 0.0, *SIZES)

# The first two cells: a zero for features never learned, and the intercept.
ABSENT, INTERCEPT = 0, 1
FINE = 64  # edges from which on a feature's bins are learned in groups as well
GROUP = 2  # binary digits: four bins a group

# Edges, where the column's bins begin, where its groups begin (0: none).
Column: TypeAlias = tuple[Sequence[float], int, int]
NO_COLUMN: Column = ((), ABSENT, 0)


class Stored(msgspec.Struct):
    """A dump; weights and squares by cell, centres by column."""

    columns: list[str]
    weights: bytes
    squares: bytes
    centres: bytes
    learned: int
    owed: float


class BinnedLogistic(base.Classifier):  # type: ignore[misc]  # River has no types
    """Logistic regression with one weight for each bin of each feature.

    A value falls into one bin of its feature's fixed grid, so each feature contributes a
    step function and the logit is their sum: a generalized additive model. Steps are those
    of AdaGrad on the log loss, with their own size in each bin, which lets rare bins learn
    as fast as common ones. A feature that is missing from `x` contributes nothing.

    The sum is correctly rounded (`math.fsum`): the order of the features changes no bit.
    The defaults were chosen on card transactions labelled a week late: average precision
    .78, against .77 with steps of 0.1 and .75 with an `initial` of 1e-8 on top.

    Parameters
    ----------
    grids
        Ascending bin edges by feature name; an edge belongs to the bin above it. A feature
        without a grid gets `DEFAULT_GRID` when it is first learned.
    learning_rate
        Size of the steps, in logits.
    initial
        Where the sum of squared gradients starts in each bin, above 0. Larger is slower at
        first: near 0 a bin's first example moves it by a whole step, however sure the model.
    surprise
        Gradient, in probability, from which on every example takes its step. 0: all do.

    References
    ----------
    [^1]: Duchi, J., Hazan, E. and Singer, Y., 2011. Adaptive subgradient methods for online
    learning and stochastic optimization. JMLR 12, pp. 2121-2159.
    [^2]: Zhao, P. and Zhang, T., 2015. Stochastic optimization with importance sampling for
    regularized loss minimization. ICML, pp. 1-9.
    [^3]: Hastie, T. and Tibshirani, R., 1986. Generalized additive models. Statistical
    Science 1(3), pp. 297-310.

    Examples
    --------
    >>> model = BinnedLogistic({"amount": [10.0, 100.0]})
    >>> for _ in range(200):
    ...     model.learn_one({"amount": 5.0}, False)
    ...     model.learn_one({"amount": 500.0}, True)
    >>> [round(model.predict_proba_one({"amount": a})[True], 2) for a in (5.0, 50.0, 500.0)]
    [0.05, 0.5, 0.95]
    """

    def __init__(
        self,
        grids: Mapping[str, Sequence[float]] | None = None,
        learning_rate: float = 0.2,
        initial: float = 0.1,
        surprise: float = 0.05,
    ) -> None:
        self.grids = grids
        self.learning_rate = learning_rate
        self.initial = initial
        self.surprise = surprise
        self._columns: dict[str, Column] = {}
        self._weights = [0.0, 0.0]
        self._squares = [initial, initial]
        self._centres: dict[str, float] = {}
        self._learned = 0
        self._owed = 0.0  # steps that are due, less those that were taken
        for name, edges in (grids or {}).items():
            self._add_column(name, tuple(edges))
        self._listed = len(self._weights)  # cells of features with a grid

    def predict_proba_one(self, x: Mapping[str, float], **_: Any) -> dict[bool, float]:
        """Probability of each class."""
        return probabilities(self.logit_one(x))

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        return self.logit_at(self._cells(x))

    def learn_one(self, x: Mapping[str, float], y: bool, w: float = 1.0) -> None:
        """Learn (x, y) with weight `w`: at most one AdaGrad step on the log loss.

        Raises
        ------
        ValueError
            When a value of `x` is not finite; nothing has been learned then.
        """
        check_features(x)
        if not w:
            return
        cells = self._cells(x)
        if ABSENT in cells:
            self._add_missing_columns(x)
            cells = self._cells(x)
        self.learn_at(cells, x, y, w)

    def cells_of(self, x: Mapping[str, float]) -> list[int] | None:
        """Where `x` lies in every model of these grids; None if a feature has no grid.

        Looking up bins is most of the work, so several models can share it.
        """
        cells = self._cells(x)
        return None if ABSENT in cells or max(cells) >= self._listed else cells

    def logit_at(self, cells: Sequence[int]) -> float:
        """As `logit_one`, where `cells_of` says that `x` lies."""
        weights = self._weights
        return fsum([weights[cell] for cell in cells])

    def learn_at(self, cells: Sequence[int], x: Mapping[str, float], y: bool, w: float) -> None:
        """As `learn_one`, with values that were checked and a weight above 0."""
        gradient = w * (sigmoid(self.logit_at(cells)) - (1.0 if y else 0.0))
        if share := self._share(abs(gradient)):
            self._step(cells, gradient / share)
        self._learned += 1
        if self._learned % 16 == 0:  # often enough for a mean, and costs next to nothing
            self._move_centres(x)

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Each feature's share of the logit, less what the feature contributed on average lately.

        The average runs over about the last thousand examples that had the feature.
        Intercept and averages are in no share: shares say what sets `x` apart.
        """
        centres = self._centres
        return {name: at - centres.get(name, 0.0) for name, at in self._weights_of(x)}

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        return {
            "columns": list(self._columns),
            "weights": pack_floats(self._weights),
            "squares": pack_floats(self._squares),
            "centres": pack_floats(self._centres.values()),
            "learned": self._learned,
            "owed": self._owed,
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits.

        Raises
        ------
        StateError
            When the dump is of a model with other features or grids.
        """
        stored = msgspec.convert(plain, Stored)
        fresh = type(self)(self.grids, self.learning_rate, self.initial, self.surprise)
        for name in stored.columns[len(fresh._columns) :]:
            fresh._add_column(name, DEFAULT_GRID)
        weights, squares = unpack_floats(stored.weights), unpack_floats(stored.squares)
        cells = len(fresh._weights)
        if list(fresh._columns) != stored.columns or not len(weights) == len(squares) == cells:
            raise StateError("the stored model was made for other features or grids")
        self._columns = fresh._columns
        self._weights, self._squares = weights, squares
        self._centres = dict(zip(stored.columns, unpack_floats(stored.centres), strict=True))
        self._learned, self._owed = stored.learned, stored.owed

    def _cells(self, x: Mapping[str, float]) -> list[int]:
        """Where the weights of `x` lie: the intercept's first, then in the order of `x`."""
        column = self._columns.get
        cells = [INTERCEPT]
        append = cells.append
        for name, value in x.items():
            edges, start, groups = column(name, NO_COLUMN)
            bin_ = bisect_right(edges, value)
            append(start + bin_)
            if groups:
                append(groups + (bin_ >> GROUP))
        return cells

    def _weights_of(self, x: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        """Each feature of `x` and what it adds to the logit."""
        weights = self._weights
        for name, value in x.items():
            edges, start, groups = self._columns.get(name, NO_COLUMN)
            bin_ = bisect_right(edges, value)
            yield name, weights[start + bin_] + (weights[groups + (bin_ >> GROUP)] if groups else 0)

    def _share(self, gradient: float) -> float:
        """The probability with which the step of this size is taken; 0 when it is not."""
        if gradient >= self.surprise:
            return 1.0
        share = gradient / self.surprise
        self._owed += share
        if self._owed < 1:
            return 0.0
        self._owed -= 1
        return share

    def _step(self, cells: Sequence[int], gradient: float) -> None:
        weights, squares = self._weights, self._squares
        square, step = gradient * gradient, self.learning_rate * gradient
        for cell in cells:
            squares[cell] = total = squares[cell] + square
            weights[cell] -= step / sqrt(total)

    def _add_column(self, name: str, edges: Sequence[float]) -> None:
        start, bins = len(self._weights), len(edges) + 1
        groups = ((bins - 1) >> GROUP) + 1 if len(edges) >= FINE else 0
        self._columns[name] = (edges, start, start + bins if groups else 0)
        self._weights += [0.0] * (bins + groups)
        self._squares += [self.initial] * (bins + groups)
        self._centres[name] = 0.0

    def _add_missing_columns(self, x: Mapping[str, float]) -> None:
        for name in x:
            if name not in self._columns:
                self._add_column(name, DEFAULT_GRID)

    def _move_centres(self, x: Mapping[str, float]) -> None:
        centres = self._centres
        for name, weight in self._weights_of(x):
            centres[name] += (weight - centres[name]) / 64
