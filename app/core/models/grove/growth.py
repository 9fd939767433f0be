"""How a tree grows: in slices, each at a place of the log that all workers share."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from app.core.models.grove.levels import CUTS, Level
from app.core.models.grove.rows import Rows
from app.core.models.grove.trees import DEPTH, LEAVES, Leaves, Tree, leaves, rounded
from app.core.models.layers import Floats

# Gradients and hessians are whole numbers of 2**-20, so sums of them are exact in any order.
UNIT = 2.0**20
WIDE = CUTS + 1  # levels of a feature
LARGEST = 4.0  # logits, of a leaf
HALVED, TERMS = 10, 7  # how `exponential` is computed


class Rule(NamedTuple):
    """How trees grow: shrinkage, ridge and least weight of a side, and share of missed positives.

    The last three are as those of XGBoost (`lambda`, `min_child_weight`) and of `BinnedLogistic`.
    """

    rate: float = 0.2
    ridge: float = 2.0
    least: float = 1.0
    unreported: float = 0.1


class Growth:
    """A tree that grows on rows that stay as they are: gradients, a question a depth, leaves.

    Parameters
    ----------
    rows
        What it grows on.
    scores
        The logits of the rows without the tree that this one replaces.
    candidates
        The features that it may ask for, ascending.
    splits
        What it has asked already: pairs of a feature and a cut.

    References
    ----------
    Friedman, J.H., 2001. Greedy function approximation: a gradient boosting machine. Annals of
    Statistics 29(5), pp. 1189-1232.
    Kohavi, R. and Li, C.-H., 1995. Oblivious decision trees, graphs, and top-down pruning. IJCAI.
    """

    def __init__(
        self,
        rule: Rule,
        rows: Rows,
        scores: Floats,
        candidates: Sequence[int],
        splits: Sequence[tuple[int, int]] = (),
    ) -> None:
        used = rows.used
        self.rule, self.candidates = rule, list(candidates)
        self.splits = list(splits)
        self._levels: Level = rows.levels[:, :used]
        self._weights = rows.weights[:used]
        self._gradients, self._hessians = gradients(rule, rows, scores[:used])
        self._leaves: Leaves = leaves(*self._asked(), self._levels)
        self._before: Floats | None = None  # the histograms of the depth before, once counted

    @property
    def grown(self) -> bool:
        """Whether all questions are asked."""
        return len(self.splits) == DEPTH

    def split(self) -> None:
        """Ask one question more: of all features and cuts the one that gains most.

        Of several that gain alike it is that of the lowest feature, and then of the lowest cut.
        """
        depth = len(self.splits)
        place, cut = divmod(int(self._gains(1 << depth).argmax()), CUTS)
        feature = self.candidates[place]
        self._leaves += (self._levels[feature] > cut).astype(np.intp) << depth
        self.splits.append((feature, cut))

    def tree(self) -> tuple[Tree, Leaves]:
        """The tree, and the leaf of each row."""
        ridge = self.rule.ridge * UNIT
        sums = np.bincount(self._leaves, self._gradients, LEAVES)
        values = (
            -self.rule.rate * sums / (np.bincount(self._leaves, self._hessians, LEAVES) + ridge)
        )
        whole = np.rint(self._weights * UNIT)
        weights = np.bincount(self._leaves, whole, LEAVES)
        features, cuts = self._asked()
        clipped = rounded(np.clip(values, -LARGEST, LARGEST))
        return Tree(features, cuts, clipped, weights.astype(np.float64)), self._leaves

    def _asked(self) -> tuple[list[int], list[int]]:
        return [feature for feature, _ in self.splits], [cut for _, cut in self.splits]

    def _gains(self, nodes: int) -> Floats:
        """What each cut of each candidate gains over all nodes, shape (candidates, cuts).

        Sums are of whole numbers, and gains are added up node by node: all workers have equal bits.
        """
        self._before = histograms = self._histograms(nodes)
        g, h = histograms.cumsum(axis=3)
        ridge, least = self.rule.ridge * UNIT, self.rule.least * UNIT
        g_all, h_all = g[:, :, -1:], h[:, :, -1:]
        low_g, low_h = g[:, :, :CUTS], h[:, :, :CUTS]
        high_g, high_h = g_all - low_g, h_all - low_h
        parted = low_g * low_g / (low_h + ridge) + high_g * high_g / (high_h + ridge)
        whole = g_all * g_all / (h_all + ridge)
        allowed = (low_h >= least) & (high_h >= least)
        gains: Floats = np.where(allowed, parted, whole).sum(axis=0)
        return gains

    def _histograms(self, nodes: int) -> Floats:
        """Sums of gradients and of hessians, shape (2, nodes, candidates, levels).

        Of two leaves that were one before only the smaller is counted. The other is what is left,
        exactly, as all sums are of whole numbers.
        """
        before, half = self._before, nodes // 2
        if before is None:
            return self._counted(self._leaves, nodes, slice(None))
        fewer = np.bincount(self._leaves, minlength=nodes).reshape(2, half).argmin(axis=0)
        answers, former = divmod(self._leaves, half)
        some = np.flatnonzero(answers == fewer[former])
        counted = self._counted(former[some], half, some)
        left, yes = before - counted, (fewer == 1)[:, np.newaxis, np.newaxis]
        both = np.where(yes, left, counted), np.where(yes, counted, left)
        return np.concatenate(both, axis=1)

    def _counted(self, leaves: Leaves, nodes: int, some: Any) -> Floats:
        """The histograms of some of the rows, which lie in these leaves.

        Two features are counted at once, by the pair of their levels: counting is most of the work.
        """
        count = len(self.candidates)
        even = self.candidates + self.candidates[-1:] * (count % 2)
        pairs = np.empty((2, len(even) // 2, nodes * WIDE**2))
        node = leaves * WIDE**2
        kinds = self._gradients[some], self._hessians[some]
        for pair, (one, other) in enumerate(zip(even[::2], even[1::2], strict=True)):
            first, second = self._levels[one][some], self._levels[other][some]
            places = node + (first * np.uint8(WIDE) + second)
            for kind, what in enumerate(kinds):
                pairs[kind, pair] = np.bincount(places, what, nodes * WIDE**2)
        counted = pairs.reshape(2, -1, nodes, WIDE, WIDE)
        sums = np.stack((counted.sum(axis=4), counted.sum(axis=3)), axis=2)
        return sums.reshape(2, -1, nodes, WIDE)[:, :count].swapaxes(1, 2)


def gradients(rule: Rule, rows: Rows, scores: Floats) -> tuple[Floats, Floats]:
    """Gradients and hessians of the rows' log loss, in units; `BinnedLogistic` doubts alike."""
    ys, weights = rows.ys[: rows.used], rows.weights[: rows.used]
    p = 1.0 / (1.0 + exponential(-scores))
    missed = rule.unreported * p
    doubt = np.minimum(missed / (1.0 - p + missed), p / 2) if rule.unreported else 0.0
    target = np.where(ys == 1, 1.0, doubt)
    return np.rint(UNIT * weights * (p - target)), np.rint(UNIT * weights * p * (1.0 - p))


def exponential(values: Floats) -> Floats:
    """e to the power of values, to 12 digits and with the same bits on all processors.

    That of numpy differs between them in the last bit. Sums and products are correctly rounded
    everywhere, so this has nothing else: a series near 0, squared until it is far enough. Values
    beyond 40 in size are taken as 40: of a probability that sure nothing is left in whole numbers.
    """
    small = np.clip(values, -40.0, 40.0) / 2**HALVED
    series: Floats = np.ones_like(small)
    for order in range(TERMS, 0, -1):
        series = series * small / order + 1.0
    for _ in range(HALVED):
        series *= series
    return series
