"""Oblivious trees as arrays: their sum for many rows at once, and what each feature adds to it."""

from itertools import permutations
from math import fsum
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
        self._features = np.zeros((most, DEPTH), dtype=np.intp)
        self._cuts = np.full((most, DEPTH), CUTS, dtype=np.uint8)
        self._values: Floats = np.zeros((most, LEAVES))
        self._shares: Floats = np.zeros((most, LEAVES, DEPTH))
        self._bases: Floats = np.zeros(most)

    @property
    def next(self) -> int:
        """The place of the next tree, which may be that of the oldest."""
        return self.oldest if self.count == self.most else self.count

    def sums(self, levels: Level) -> Floats:
        """The sum of all trees for n rows of levels, shape (features, n): exact, shape (n,)."""
        leaves = self._leaves(levels)
        sums: Floats = np.take_along_axis(self._values[: self.count], leaves, axis=1).sum(axis=0)
        return sums

    def one(self, place: int, levels: Level) -> Floats:
        """What the tree at a place adds for n rows; nothing where there is none yet."""
        if place >= self.count:
            return np.zeros(levels.shape[1])
        values: Floats = self._values[place]
        return values[leaves(self._features[place], self._cuts[place], levels)]

    def put(self, tree: Tree) -> None:
        """Put a tree in the place of the next one."""
        place = self.next
        if self.count == self.most:
            self.oldest = (self.oldest + 1) % self.most
        self.count = max(self.count, place + 1)
        self._features[place], self._cuts[place] = tree.features, tree.cuts
        self._values[place] = tree.values
        self._bases[place], self._shares[place] = shapley(tree)

    def shares(self, levels: Level) -> tuple[float, dict[int, float]]:
        """Base, and the share of each feature that is asked, for one row: their sum is `sums`."""
        (leaf,) = self._leaves(levels[:, np.newaxis]).T
        found: dict[int, float] = {}
        each = self._shares[np.arange(self.count), leaf]
        asked = self._features[: self.count].ravel().tolist()
        for feature, share in zip(asked, each.ravel().tolist(), strict=True):
            found[feature] = found.get(feature, 0.0) + share
        return float(self._bases[: self.count].sum()), found

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        count = self.count
        return {
            "oldest": self.oldest,
            "features": self._features[:count].astype("<u2").tobytes(),
            "cuts": self._cuts[:count].tobytes(),
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
            fresh._features[:count] = np.frombuffer(stored.features, "<u2").reshape(count, DEPTH)
            fresh._cuts[:count] = np.frombuffer(stored.cuts, np.uint8).reshape(count, DEPTH)
            fresh._values[:count] = np.frombuffer(stored.values, "<f8").reshape(count, LEAVES)
            shares = np.frombuffer(stored.shares, "<f8")
            fresh._shares[:count] = shares.reshape(count, LEAVES, DEPTH)
            fresh._bases[:count] = np.frombuffer(stored.bases, "<f8")
        except ValueError:
            raise StateError("the stored trees of a grove are of another shape") from None
        if int(fresh._features.max(initial=0)) >= max(features, 1):
            raise StateError("the stored trees of a grove ask for features that there are not")
        fresh.count, fresh.oldest = count, stored.oldest
        self.__dict__.update(fresh.__dict__)

    def _leaves(self, levels: Level) -> Leaves:
        """The leaf of each tree in which each row lies, shape (trees, n)."""
        above = levels[self._features[: self.count]] > self._cuts[: self.count, :, np.newaxis]
        found: Leaves = above[:, 0].astype(np.intp)
        for depth in range(1, DEPTH):
            found += above[:, depth].astype(np.intp) << depth
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
    known = np.array([[_mean(tree, leaf, asked) for asked in range(LEAVES)] for leaf in _EVERY])
    shares = np.zeros((LEAVES, DEPTH))
    for order in _ORDERS:
        asked = 0
        for depth in order:
            shares[:, depth] += known[:, asked | 1 << depth] - known[:, asked]
            asked |= 1 << depth
    shares = rounded(shares / len(_ORDERS))
    base = float(rounded(known[0, :1])[0])
    shares[:, -1] = tree.values - base - shares[:, :-1].sum(axis=1)
    return base, shares


def _mean(tree: Tree, leaf: int, asked: int) -> float:
    """The mean of the leaves that answer the questions in `asked`, a set of bits, as `leaf` does.

    Where no row gave these answers, the leaves count alike.
    """
    alike = _ALIKE[asked][leaf]
    weights = tree.weights[alike]
    total = fsum(weights)
    if total <= 0:
        return fsum(tree.values[alike]) / len(alike)
    return fsum(weights * tree.values[alike]) / total


_EVERY = range(LEAVES)
_ORDERS = tuple(permutations(range(DEPTH)))
# By the questions that are asked and the leaf that answers: the leaves that answer alike.
_ALIKE = [
    [[other for other in _EVERY if (other ^ leaf) & asked == 0] for leaf in _EVERY]
    for asked in _EVERY
]
