"""The model `grove`: binned weights and a rolling forest, as one."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.core.models.binned import BinnedLogistic
from app.core.models.classifier import LogitClassifier
from app.core.models.grove.forest import Forest
from app.core.models.grove.levels import Levels
from app.core.models.layers import Floats
from app.core.models.lookup import Cells
from app.core.models.plain import Plain

# The forest's part of the mean once it is full. .5 to .7 are alike where frauds are many; where
# they are few more is better later, and less in the first weeks.
FOREST_SHARE = 0.6
SCALES = 3  # of its fine grids, and of those of every model that shares its cells


class Stored(msgspec.Struct):
    """A dump: of both."""

    binned: Any
    forest: Any


class Grove(LogitClassifier):
    """Binned weights, and trees for what features say together: a weighted mean of their logits.

    `BinnedLogistic` adds up what each feature says for itself, and learns each label once. A
    forest is grown on the same labels: those that `binned` took a step for, which is where it
    was wrong, are kept as rows, the latest some thousands of them. Every few rows one tree is
    grown on all of them and the oldest one leaves, so each label is learned again and again
    while it is recent. Where frauds are few, that is what a batch learner is better at.

    Trees see features that have a grid with an order. The forest's part of the mean grows with
    its trees, from nothing to six tenths.

    Parameters
    ----------
    grids
        As those of `BinnedClassifier`.
    rows
        Labels that trees are grown on.
    trees
        Trees of the forest.

    Examples
    --------
    >>> model = Grove({"amount": [10.0, 100.0], "night": [0.5]})
    >>> for number in range(4000):
    ...     amount, night = (5.0, 500.0)[number % 2], float(number // 2 % 2)
    ...     model.learn_one({"amount": amount, "night": night}, amount > 100 and night == 1)
    >>> odd = {"amount": 500.0, "night": 1.0}
    >>> model.predict_proba_one(odd)[True] > 0.9
    True
    """

    def __init__(
        self,
        grids: Mapping[str, Sequence[float]] | None = None,
        rows: int = 8192,
        trees: int = 100,
    ) -> None:
        self.grids, self.rows, self.trees = grids, rows, trees
        self.binned = BinnedLogistic(grids, scales=SCALES)
        self._levels = Levels(grids or {}, *self.binned.layout())
        self._forest = Forest(self._levels.names, rows, trees)

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        return self.logit_at(self.binned.cells(x))

    def logit_at(self, cells: Sequence[int]) -> float:
        """As `logit_one`, where `x` is known to lie in these cells."""
        binned = self.binned.logit_at(cells)
        if not (share := self._forest_share):
            return binned
        forest = self._forest.logit(self._levels.of(cells))
        return (1.0 - share) * binned + share * forest

    def rough_one(self, x: Mapping[str, float]) -> float:
        """The logit of `binned` alone."""
        return self.binned.logit_one(x)

    def rough_at(self, cells: Sequence[int]) -> float:
        """What decides whether an example is learned: the logit of `binned` alone."""
        return self.binned.logit_at(cells)

    def logit_many(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """The scores of n rows, shape (n,), each with the bits of `logit_one`."""
        cells = self.cells_of_many(rows)
        return super().logit_many(rows) if cells is None else self.logits_at(cells)

    def logits_at(self, cells: Cells) -> Floats:
        """As `logit_many`, where the rows are known to lie in these cells."""
        binned = self.binned.logits_at(cells)
        if not (share := self._forest_share):
            return binned
        forest = self._forest.logits(self._levels.of_many(cells))
        mean: Floats = (1.0 - share) * binned + share * forest
        return mean

    def cells_of(self, x: Mapping[str, float]) -> list[int] | None:
        """As `BinnedLogistic.cells_of`."""
        return self.binned.cells_of(x)

    def cells_of_many(self, rows: Sequence[Mapping[str, float]]) -> Cells | None:
        """As `BinnedLogistic.cells_of_many`."""
        return self.binned.cells_of_many(rows)

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Each feature's share of the logit: see `BinnedClassifier`, and `shapley` for a tree."""
        shares = self.binned.contributions_one(x)
        if not (share := self._forest_share):
            return shares
        forest = self._forest.shares(self._levels.of(self.binned.cells(x)))
        return {
            name: (1.0 - share) * own + share * forest.get(name, 0.0)
            for name, own in shares.items()
        }

    def learn_at(
        self,
        cells: Sequence[int],
        y: bool,
        w: float,
        rough: float,
        key: int = 0,
    ) -> None:
        """As `learn_one`, with values that were checked, a weight above 0, and `rough_at`.

        `key` is the example's, by which `forget` finds it.
        """
        self._forest.advance()
        if share := self.binned.learn_at(cells, y, w, rough):
            self._forest.learn(key, self._levels.of(cells), y, w / share)

    def forget(self, key: int) -> None:
        """Take an example out of the rows that trees are grown on."""
        self._forest.forget(key)

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        return {"binned": self.binned.dump(), "forest": self._forest.dump()}

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits.

        Raises
        ------
        StateError
            When the dump is of a model with other features, grids or sizes.
        """
        stored = msgspec.convert(plain, Stored)
        self.binned.load(stored.binned)
        self._forest.load(stored.forest)

    @property
    def _forest_share(self) -> float:
        """The forest's part of the mean."""
        return FOREST_SHARE * self._forest.weight

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        cells = self.binned.cells_to_learn(x)
        self.learn_at(cells, y, w, self.binned.logit_at(cells))
