"""A rolling forest: trees that are grown one by one on the latest rows, the oldest leaving."""

from math import log
from typing import Any

import msgspec
import numpy as np

from app.core.models.grove.growth import UNIT, Growth, Rule
from app.core.models.grove.levels import Level
from app.core.models.grove.rows import Rows
from app.core.models.grove.trees import DEPTH, Trees
from app.core.models.layers import Floats
from app.core.models.plain import Plain
from app.errors import StateError

FIRST = 32  # rows from which the first tree is grown
# Rows between two trees. At first each is news; later one tree more changes little.
EARLY, EVERY = 8, 16
LATE = 4096  # rows from which it is EVERY
FACTOR, ADDEND = 6364136223846793005, 1442695040888963407  # Knuth's MMIX generator

Change = tuple[int, bool, float, bytes | None]  # key, y, weight, levels: None removes the row


class Stored(msgspec.Struct):
    """A dump; `candidates` and `splits` are those of a tree that is growing."""

    features: list[str]
    rows: Any
    trees: Any
    base: float | None
    seen: int
    chance: int
    candidates: list[int] | None
    splits: list[tuple[int, int]] | None
    waiting: list[Change]


class Forest:
    """Gradient boosting that never ends: its logit is a base and the sum of the latest trees.

    A tree grows in slices, one with each example or withdrawal (`advance`): gradients, a question
    for each depth, leaves. Until it has grown, rows stay as they are and changes to
    them wait. All of that is part of the state, so a dump in between changes nothing.

    Parameters
    ----------
    features
        Names of the features whose levels it is given, in their order.
    size, most
        Rows and trees that it holds.
    rule
        How trees grow.
    """

    def __init__(
        self, features: tuple[str, ...], size: int, most: int, rule: Rule | None = None
    ) -> None:
        self.features, self.rule = features, rule or Rule()
        self.rows, self.trees = Rows(size, len(features)), Trees(most)
        self._scores: Floats = np.zeros(size)  # of the rows, exact sums
        self._fresh: list[int] = []  # rows without a score yet: many at once cost less
        self._base: float | None = None  # until the first tree
        self._seen = 0  # rows so far
        self._chance = 1  # state of the generator
        self._growth: Growth | None = None
        self._candidates: list[int] | None = None  # of a tree that is due, or growing
        self._waiting: list[Change] = []

    @property
    def weight(self) -> float:
        """How far it is full, 0 to 1."""
        return self.trees.count / self.trees.most

    @property
    def growing(self) -> bool:
        """Whether a tree is due or growing."""
        return self._candidates is not None

    def logits(self, levels: Level) -> Floats:
        """The logits of n rows of levels, shape (features, n)."""
        return self.trees.sums(levels) + (self._base or 0.0)

    def logit(self, levels: Level) -> float:
        """As `logits`, for one row of levels, shape (features,)."""
        return self.trees.sum(levels) + (self._base or 0.0)

    def shares(self, levels: Level) -> dict[str, float]:
        """The share of each feature in the logit of one row of levels, by name."""
        _, shares = self.trees.shares(levels)
        return dict(zip(self.features, shares.tolist(), strict=True))

    def learn(self, key: int, levels: Level, y: bool, w: float) -> None:
        """Take in a row; every so often a tree becomes due."""
        self._change((key, y, w, levels.tobytes()))
        self._seen += 1
        if self._seen < FIRST or self.growing or not self.features:
            return
        if not (self._seen - FIRST) % (EARLY if self._seen < LATE else EVERY):
            self._candidates = self._choose()

    def forget(self, key: int) -> None:
        """Remove the row of an example, if it is here; a tree grows by a slice as well.

        Otherwise a long run of withdrawals would wait for a tree that does not get on.
        """
        self.advance()
        self._change((key, False, 0.0, None))

    def advance(self) -> None:
        """Let a tree grow by one slice, if one is due: the log has got on by an example."""
        if self._candidates is None:
            return
        growth = self._growth
        if growth is None:
            self._growth = self._begin(self._candidates, ())
        elif not growth.grown:
            growth.split()
        else:
            self._end(growth)

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        growth = self._growth
        return {
            "features": list(self.features),
            "rows": self.rows.dump(),
            "trees": self.trees.dump(),
            "base": self._base,
            "seen": self._seen,
            "chance": self._chance,
            "candidates": None if self._candidates is None else list(self._candidates),
            "splits": None if growth is None else [list(split) for split in growth.splits],
            "waiting": [list(change) for change in self._waiting],
        }

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave. Raises StateError when it is of other features or sizes."""
        stored = msgspec.convert(plain, Stored)
        if tuple(stored.features) != self.features:
            raise StateError("the stored grove was made for other features")
        splits, places = stored.splits or (), range(len(self.features))
        asked = [*(stored.candidates or ()), *(feature for feature, _ in splits)]
        if len(splits) > DEPTH or not all(feature in places for feature in asked):
            raise StateError("the stored tree of a grove asks for what there is not")
        self.rows.load(stored.rows)
        self.trees.load(stored.trees, len(self.features))
        self._base, self._seen, self._chance = stored.base, stored.seen, stored.chance
        self._waiting, self._candidates = stored.waiting, stored.candidates
        self._scores = np.zeros(self.rows.size)
        for first in range(0, self.rows.used, 512):  # so few at once stay in the cache
            some = slice(first, min(first + 512, self.rows.used))
            self._scores[some] = self.logits(self.rows.levels[:, some])
        self._fresh = [] if stored.base is not None else list(range(self.rows.used))
        self._growth = None
        if stored.candidates is not None and stored.splits is not None:
            self._growth = self._begin(stored.candidates, tuple(stored.splits))

    def _begin(self, candidates: list[int], splits: tuple[tuple[int, int], ...]) -> Growth:
        """The first slice: gradients without the tree that is to be replaced."""
        if self._base is None:
            self._base = self._odds()
        fresh, self._fresh = self._fresh, []
        self._scores[fresh] = self.logits(self.rows.levels[:, fresh])
        used = self.rows.used
        replaced = self.trees.one(self.trees.next, self.rows.levels[:, :used])
        scores = self._scores[:used] - replaced
        return Growth(self.rule, self.rows, scores, candidates, splits)

    def _end(self, growth: Growth) -> None:
        """The last slice: the tree takes its place, and what waited is done."""
        used, place = self.rows.used, self.trees.next
        self._scores[:used] -= self.trees.one(place, self.rows.levels[:, :used])
        tree, leaves = growth.tree()
        self.trees.put(tree)
        self._scores[:used] += tree.values[leaves]
        self._growth = self._candidates = None
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            self._change(change)

    def _change(self, change: Change) -> None:
        if self.growing:
            self._waiting.append(change)
            return
        key, y, w, packed = change
        if packed is None:
            self.rows.remove(key)
            return
        place = self.rows.add(key, np.frombuffer(packed, np.uint8), y, w)
        if self.features:  # without any no tree ever asks for scores
            self._fresh.append(place)

    def _odds(self) -> float:
        """The log-odds of the rows, half a positive and half a negative added, in 1024ths.

        They need not be closer, and no processor's last bit of a logarithm is seen in them.
        """
        weights = np.rint(UNIT * self.rows.weights[: self.rows.used])  # sums of whole numbers
        positive = float(weights[self.rows.ys[: self.rows.used] == 1].sum())
        negative = float(weights.sum()) - positive
        return round(1024 * log((positive + UNIT / 2) / (negative + UNIT / 2))) / 1024

    def _choose(self) -> list[int]:
        """A random half of the features, ascending, but enough to differ at each depth.

        It is the start of a shuffle (Fisher and Yates, 1938).
        """
        places = list(range(len(self.features)))
        count = min(len(places), max(DEPTH, len(places) // 2))
        for place in range(count):
            self._chance = (self._chance * FACTOR + ADDEND) % 2**64
            other = place + (self._chance >> 33) % (len(places) - place)
            places[place], places[other] = places[other], places[place]
        return sorted(places[:count])
