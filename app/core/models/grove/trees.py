"""Oblivious trees as arrays: their sum for many rows at once, and what each feature adds to it."""

from itertools import permutations
from math import factorial
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.core.models.grove.levels import CUTS, Level
from app.core.models.layers import Floats
from app.core.models.plain import Plain
from app.errors import StateError

DEPTH = 3
LEAVES = 1 << DEPTH
# Added and subtracted again, it leaves a multiple of 2**-36: sums of such are exact in any order.
ROUND = 1.5 * 2.0**16

_DIGITS = (1 << np.arange(DEPTH)).astype(np.uint8)  # of a leaf's number

Leaves: TypeAlias = NDArray[np.intp]


class Tree(NamedTuple):
    """A tree: at depth d it asks whether the level of a feature is above a cut.

    `values` and `weights` are those of the leaves, whose bit d is the answer at depth d.
    """

    features: list[int]
    cuts: list[int]
    values: Floats
    weights: Floats  # of the rows that it was grown on


class Stored(msgspec.Struct):
    """A dump: columns of the trees that there are, and the place of the oldest."""

    oldest: int
    features: bytes
    cuts: bytes
    values: bytes
    shares: bytes
    bases: bytes


class Trees:
    """A ring of trees, whose oldest leaves for the next one.

    Parameters
    ----------
    most
        How many it holds.
    """

    def __init__(self, most: int) -> None:
        self.most, self.count, self.oldest = most, 0, 0
        self._features = np.zeros((DEPTH, most), dtype=np.intp)
        self._cuts = np.full((DEPTH, most, 1), CUTS, dtype=np.uint8)
        self._values: Floats = np.zeros((most, LEAVES))
        self._shares: Floats = np.zeros((most, LEAVES, DEPTH))
        self._bases: Floats = np.zeros(most)
        self._firsts = LEAVES * np.arange(most, dtype=np.intp)[:, np.newaxis]  # leaves

    @property
    def next(self) -> int:
        """The place of the next tree, which may be that of the oldest."""
        return self.oldest if self.count == self.most else self.count

    def sums(self, levels: Level) -> Floats:
        """The sum of all trees for n rows of levels, shape (features, n): exact, shape (n,)."""
        sums: Floats = self._values.take(self._leaves(levels)).sum(axis=0)
        return sums

    def sum(self, levels: Level) -> float:
        """As `sums`, for one row of levels, shape (features,)."""
        return float(self._values.take(self._leaf(levels)).sum())

    def one(self, place: int, levels: Level) -> Floats:
        """What the tree at a place adds for n rows; nothing where there is none yet."""
        if place >= self.count:
            return np.zeros(levels.shape[1])
        values: Floats = self._values[place]
        return values[leaves(self._features[:, place], self._cuts[:, place], levels)]

    def put(self, tree: Tree) -> None:
        """Put a tree in the place of the next one."""
        place = self.next
        if self.count == self.most:
            self.oldest = (self.oldest + 1) % self.most
        self.count = max(self.count, place + 1)
        self._features[:, place], self._cuts[:, place, 0] = tree.features, tree.cuts
        self._values[place] = tree.values
        self._bases[place], self._shares[place] = shapley(tree)

    def shares(self, levels: Level) -> tuple[float, Floats]:
        """Base, and the share of each feature, for one row of levels: they add up to its sum."""
        shares = self._shares.reshape(-1, DEPTH)[self._leaf(levels)]
        asked = self._features[:, : self.count]
        found = np.bincount(asked.ravel(), shares.T.ravel(), len(levels)).astype(np.float64)
        return float(self._bases[: self.count].sum()), found

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        count = self.count
        return {
            "oldest": self.oldest,
            "features": self._features[:, :count].astype("<u2").tobytes(),
            "cuts": self._cuts[:, :count].tobytes(),
            "values": self._values[:count].astype("<f8").tobytes(),
            "shares": self._shares[:count].astype("<f8").tobytes(),
            "bases": self._bases[:count].astype("<f8").tobytes(),
        }

    def load(self, plain: Any, features: int) -> None:
        """Restore what `dump` gave, of so many features; StateError when it cannot be."""
        stored = msgspec.convert(plain, Stored)
        count = len(stored.bases) // 8
        fresh = Trees(self.most)
        try:
            fresh._features[:, :count] = np.frombuffer(stored.features, "<u2").reshape(DEPTH, count)
            fresh._cuts[:, :count, 0] = np.frombuffer(stored.cuts, np.uint8).reshape(DEPTH, count)
            fresh._values[:count] = np.frombuffer(stored.values, "<f8").reshape(count, LEAVES)
            shares = np.frombuffer(stored.shares, "<f8")
            fresh._shares[:count] = shares.reshape(count, LEAVES, DEPTH)
            fresh._bases[:count] = np.frombuffer(stored.bases, "<f8")
        except ValueError:
            raise StateError("the stored trees of a grove are of another shape") from None
        if not 0 <= stored.oldest < self.most:
            raise StateError("the stored trees of a grove are of another number")
        if int(fresh._features.max(initial=0)) >= max(features, 1):
            raise StateError("the stored trees of a grove ask for features that there are not")
        fresh.count, fresh.oldest = count, stored.oldest
        self.__dict__.update(fresh.__dict__)

    def _leaf(self, levels: Level) -> Leaves:
        """As `_leaves`, for one row in few calls, as calls are what costs then; shape (trees,)."""
        count = self.count
        answers = levels.take(self._features[:, :count]) > self._cuts[:, :count, 0]
        found: Leaves = _DIGITS @ answers.view(np.uint8) + self._firsts[:count, 0]
        return found

    def _leaves(self, levels: Level) -> Leaves:
        """The leaf of each tree in which each row lies, shape (trees, n); numbered over all trees.

        Answers are bytes for as long as possible: with many rows their size is what costs.
        """
        count = self.count
        answers = levels[self._features[:, :count]] > self._cuts[:, :count]
        leaf, *others = answers.view(np.uint8)
        for depth, answer in enumerate(others, 1):
            leaf |= answer << np.uint8(depth)
        found: Leaves = leaf + self._firsts[:count]
        return found


def leaves(features: Any, cuts: Any, levels: Level) -> Leaves:
    """The leaf of one tree, grown as deep as it has features, in which each of n rows lies."""
    found: Leaves = np.zeros(levels.shape[1], dtype=np.intp)
    for depth, (feature, cut) in enumerate(zip(features, cuts, strict=True)):
        found += (levels[feature] > cut).astype(np.intp) << depth
    return found


def rounded(values: Floats) -> Floats:
    """The nearest multiples of 2**-36 of values below 2**15."""
    return values + ROUND - ROUND


def shapley(tree: Tree) -> tuple[float, Floats]:
    """Base and shares of a tree: Shapley values of its questions, shape (leaves, depth).

    What is not known of a row is averaged over the rows that the tree was grown on. Base and
    shares of a leaf add up to its value exactly: the last share is what is left. Where two
    questions are of one feature, its share is their sum.

    References
    ----------
    Shapley, L.S., 1953. A value for n-person games. Contributions to the Theory of Games II.
    """
    known = _known(tree)
    shares = np.zeros((DEPTH, LEAVES))
    for order in permutations(range(DEPTH)):
        asked = 0
        for depth in order:
            shares[depth] += known[asked | 1 << depth] - known[asked]
            asked |= 1 << depth
    shares = rounded(shares / factorial(DEPTH))
    base = float(rounded(known[0, :1])[0])
    shares[-1] = tree.values - base - shares[:-1].sum(axis=0)
    return base, shares.T


def _known(tree: Tree) -> Floats:
    """What is known of a leaf by some of its answers, shape (sets of questions, leaves).

    It is the mean of the leaves that answer alike, and where no row did so they count alike. Sums
    run over the first axis, which numpy adds up one by one, in the same order everywhere.
    """
    weights = tree.weights[:, np.newaxis, np.newaxis] * _ALIKE
    weights = np.where(weights.sum(axis=0) > 0, weights, _ALIKE)
    sums = (weights * tree.values[:, np.newaxis, np.newaxis]).sum(axis=0)
    known: Floats = sums / weights.sum(axis=0)
    return known


_EVERY = np.arange(LEAVES)
# Which leaf (first axis) answers the questions of a set (second) like another leaf (third).
_ALIKE = (
    (_EVERY[:, np.newaxis, np.newaxis] ^ _EVERY[np.newaxis, np.newaxis, :])
    & _EVERY[np.newaxis, :, np.newaxis]
) == 0
