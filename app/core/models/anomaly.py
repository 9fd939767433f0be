"""Half-space trees as a classifier: how rare an event is among negatives."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log, sqrt
from typing import Any

import msgspec

from app.core.models.bins import DEFAULT_GRID
from app.core.models.classifier import LogitClassifier
from app.core.models.halfspaces import HalfSpaces, half_spaces
from app.core.models.logit import sigmoid
from app.core.models.plain import Plain, pack_floats, unpack_floats
from app.errors import StateError

LOG_2 = log(2.0)
LIGHT = 0.1  # share of a window below which a node is not looked into
STEP = 0.1  # of AdaGrad, in logits


class Stored(msgspec.Struct):
    """A dump; masses tree by tree, each from the root down, level by level."""

    names: list[str]
    reference: bytes
    latest: bytes
    weight: float
    calibration: tuple[float, float]
    squares: tuple[float, float]
    centres: bytes
    learned: int


class AnomalyLogistic(LogitClassifier):
    """Half-space trees that learn from negative rows, and a logistic curve over their answer.

    Trees are River's: complete, split at random in the unit cube before any row is seen. A
    value's coordinate is the share of its grid's edges at or below it. A window of negative
    rows fills the nodes with masses, which answer while the next window is gathered.

    The answer is the mean over trees of minus the log of (mass x 2^depth / window) at the
    first node with less than a tenth of the window, or the leaf: about minus the log of how
    many times denser than uniform the place is. In logs it is a sum over the splits on the
    way, which the shares of features need. Its slope and intercept are learned by AdaGrad
    on the log loss of all rows; the slope is kept from falling below zero.

    Parameters
    ----------
    grids
        Ascending edges by feature name: only these features are looked at. Without grids,
        those of the first row are, on `DEFAULT_GRID` of `app.core.models.bins`.
    n_trees
        Trees.
    height
        Splits from root to leaf.
    window
        Weight of negative rows in a window.
    seed
        Of the trees' splits.

    References
    ----------
    [^1]: Tan, S.C., Ting, K.M. and Liu, T.F., 2011. Fast anomaly detection for streaming
    data. IJCAI, pp. 1511-1516.
    [^2]: Platt, J., 1999. Probabilistic outputs for support vector machines and comparisons
    to regularized likelihood methods. Advances in Large Margin Classifiers, pp. 61-74.

    Examples
    --------
    >>> model = AnomalyLogistic({"amount": [10.0, 20.0, 50.0, 100.0, 200.0]}, window=100)
    >>> for number in range(1000):
    ...     model.learn_one({"amount": 15.0 + number % 7}, False)
    >>> model.logit_one({"amount": 500.0}) > model.logit_one({"amount": 20.0})
    True
    """

    def __init__(
        self,
        grids: Mapping[str, Sequence[float]] | None = None,
        n_trees: int = 25,
        height: int = 8,
        window: int = 1000,
        seed: int = 1,
    ) -> None:
        self.grids = grids
        self.n_trees = n_trees
        self.height = height
        self.window = window
        self.seed = seed
        self._calibration = [0.0, 1.0]  # intercept and slope
        self._squares = [1.0, 1.0]  # summed squares of their gradients
        self._weight = 0.0  # in the current window
        self._learned = 0
        self._nodes = 2 ** (height + 1) - 1
        self._trees: tuple[HalfSpaces, ...] = ()
        self._reference: list[list[float]] = []
        self._latest: list[list[float]] = []
        self._centres: dict[str, float] = {}
        self._plant(grids or {})

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        intercept, slope = self._calibration
        return intercept + slope * self.anomaly_one(x)

    def anomaly_one(self, x: Mapping[str, float]) -> float:
        """Minus the log of the density of negative rows around `x`, in nats; 0 is uniform."""
        if not self._reference or not self._reference[0][0]:  # no window is full yet
            return 0.0
        total = 0.0
        for space, masses in zip(self._trees, self._reference, strict=True):
            way = space.way(masses, x, LIGHT * masses[0])
            total += log((masses[way[-1]] + 0.5) / (masses[0] + 0.5)) + (len(way) - 1) * LOG_2
        return -total / self.n_trees

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        """Move the curve towards (x, y), then count `x` in every tree if it is negative."""
        if not self._trees:
            self._plant(dict.fromkeys(x, DEFAULT_GRID))
        self._calibrate(self.anomaly_one(x), y, w)
        self._learned += 1
        if self._learned % 16 == 0:  # often enough for a mean, and costs next to nothing
            for name, move in self._moves(x).items():
                self._centres[name] += (move - self._centres[name]) / 64
        if not y:
            self._count(x, w)

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Each feature's share of the logit, less what the feature contributed on average lately.

        A feature's share is what the splits on it add to the answer of the trees. What splits
        on absent features add is part of no share.
        """
        moves, slope = self._moves(x), self._calibration[1]
        centre = self._centres.get
        return {name: slope * (moves.get(name, 0.0) - centre(name, 0.0)) for name in x}

    def dump(self) -> Plain:
        """All state as plain values, a copy; the trees follow from names and seed."""
        return {
            "names": list(self._centres),
            "reference": pack_floats(mass for masses in self._reference for mass in masses),
            "latest": pack_floats(mass for masses in self._latest for mass in masses),
            "weight": self._weight,
            "calibration": list(self._calibration),
            "squares": list(self._squares),
            "centres": pack_floats(self._centres.values()),
            "learned": self._learned,
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits.

        Raises
        ------
        StateError
            When the dump is of a model with other features, trees or heights.
        """
        stored = msgspec.convert(plain, Stored)
        self._plant(self.grids if self.grids else dict.fromkeys(stored.names, DEFAULT_GRID))
        reference, latest = unpack_floats(stored.reference), unpack_floats(stored.latest)
        masses = len(self._trees) * self._nodes
        if list(self._centres) != stored.names or not len(reference) == len(latest) == masses:
            raise StateError("the stored model was made for other features or trees")
        self._reference, self._latest = self._by_tree(reference), self._by_tree(latest)
        self._weight = stored.weight
        self._calibration, self._squares = list(stored.calibration), list(stored.squares)
        self._centres = dict(zip(stored.names, unpack_floats(stored.centres), strict=True))
        self._learned = stored.learned

    def _plant(self, grids: Mapping[str, Sequence[float]]) -> None:
        """Split the space at edges of the grids, as River splits the unit cube."""
        self._centres = dict.fromkeys(sorted(grids), 0.0)
        edges = tuple((name, tuple(grids[name])) for name in sorted(grids))
        self._trees = half_spaces(edges, self.n_trees, self.height, self.seed) if grids else ()
        self._reference, self._latest = self._empty(), self._empty()

    def _empty(self) -> list[list[float]]:
        return [[0.0] * self._nodes for _ in self._trees]

    def _by_tree(self, masses: list[float]) -> list[list[float]]:
        return [masses[i : i + self._nodes] for i in range(0, len(masses), self._nodes)]

    def _count(self, x: Mapping[str, float], w: float) -> None:
        """Add `w` to the masses on the way to each leaf; River counts 1, whatever the weight."""
        for space, masses, latest in zip(self._trees, self._reference, self._latest, strict=True):
            for node in space.way(masses, x):
                latest[node] += w
        self._weight += w
        if self._weight >= self.window:
            self._reference = self._latest
            self._latest = self._empty()
            self._weight = 0.0

    def _moves(self, x: Mapping[str, float]) -> dict[str, float]:
        """What splits on each feature of `x` add to the answer of the trees."""
        moves = {name: 0.0 for name in x if name in self._centres}
        for space, masses in zip(self._trees, self._reference, strict=True):
            for node, child in pairwise(space.way(masses, x, LIGHT * masses[0])):
                name = space.features[node]
                if name in moves:
                    denser = log((masses[child] + 0.5) / (masses[node] + 0.5)) + LOG_2
                    moves[name] -= denser / self.n_trees
        return moves

    def _calibrate(self, rarity: float, y: bool, w: float) -> None:
        intercept, slope = self._calibration
        gradient = w * (sigmoid(intercept + slope * rarity) - (1.0 if y else 0.0))
        for place, part in enumerate((gradient, gradient * rarity)):
            self._squares[place] += part * part
            self._calibration[place] -= STEP * part / sqrt(self._squares[place])
        self._calibration[1] = max(self._calibration[1], 0.0)
