"""River's Hoeffding tree with finite logits, exact dumps and shares along the path."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from typing import Any

import msgspec
from river.tree.nodes.htc_nodes import LeafMajorityClass

from app.core.models.classifier import LogitClassifier
from app.core.models.hoeffding import Hoeffding, Node, Ranks, StoredNode, pack_nodes, unpack_nodes
from app.core.models.plain import Plain
from app.core.models.splitter import LeanSplitter

NEVER = 2**62  # examples


class Stored(msgspec.Struct):
    """A dump: learned weight by class, names of features, nodes with the left side first."""

    weights: tuple[float, float]
    names: list[str]
    nodes: list[StoredNode]


class LogitTree(LogitClassifier):
    """River's Hoeffding tree with settings for rare positives.

    Leaves answer with their class weights, smoothed towards the share of positives in all that
    was learned as if that came `prior` times: every logit is finite, and near the base rate
    where little is known. Depth bounds the tree: River's bound by size asks Python how large
    objects are, which is not a function of what was learned.

    Parameters
    ----------
    grids
        Ascending edges by feature name; other features are ranked on `DEFAULT_GRID` of
        `app.core.models.bins`.
    prior
        Weight of the base rate in each leaf, in examples, above 0.
    grace_period
        Weight between two attempts to split a leaf.
    delta
        Chance of a wrong split that the Hoeffding bound allows.
    tau
        The bound below which the best split is made even though others are as good.
    max_depth
        Branches above a leaf, at most.
    n_splits
        Candidates for a split in each feature.

    References
    ----------
    [^1]: Domingos, P. and Hulten, G., 2000. Mining high-speed data streams. KDD, pp. 71-80.
    [^2]: Saabas, A., 2014. Interpreting random forests (shares along the path).

    Examples
    --------
    >>> model = LogitTree()
    >>> for number in range(1000):
    ...     model.learn_one({"amount": 5.0 + number % 7}, False)
    ...     model.learn_one({"amount": 500.0 + number % 7}, True)
    >>> [round(model.predict_proba_one({"amount": a})[True], 2) for a in (5.0, 500.0)]
    [0.0, 1.0]
    """

    def __init__(
        self,
        grids: Mapping[str, Sequence[float]] | None = None,
        prior: float = 1.0,
        grace_period: int = 200,
        delta: float = 1e-5,
        tau: float = 0.02,
        max_depth: int = 12,
        n_splits: int = 30,
    ) -> None:
        self.grids = grids
        self.prior = prior
        self.grace_period = grace_period
        self.delta = delta
        self.tau = tau
        self.max_depth = max_depth
        self.n_splits = n_splits
        self._ranks = Ranks(grids or {})
        self._weights = [0.0, 0.0]  # learned, by class
        self._tree = self._fresh()
        self._plant(LeafMajorityClass({False: 0.0, True: 0.0}, 0, self._tree.splitter))

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        return self._logit(self._tree.path(x, self._ranks)[-1])

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        """Teach the leaf of `x`, and split it when the data justifies it."""
        nodes = self._tree.path(x, self._ranks)
        logit = self._logit(nodes[-1])
        for branch in nodes[:-1]:
            branch.centre += (logit - branch.centre) / 256
        self._weights[bool(y)] += w
        grown = self._tree.learn_along(nodes, self._ranks.all(x), bool(y), w)
        if grown is not None:
            grown.centre = logit

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """What each feature moved the logit by, summed over the branches that test it.

        A branch moves it from the mean logit of the latest 250 or so examples that came
        through to that of the side taken; the leaf's own at the end. So shares are zero on
        average, and their sum is the logit less the root's mean. What branches on absent
        features move is part of no share.
        """
        shares = dict.fromkeys(x, 0.0)
        nodes = self._tree.path(x, self._ranks)
        for branch, node in pairwise(nodes):
            if branch.feature in shares:
                to = node.centre if node is not nodes[-1] else self._logit(node)
                shares[branch.feature] += to - branch.centre
        return shares

    def dump(self) -> Plain:
        """All state as plain values, a copy."""
        negatives, positives = self._weights
        stored = Stored((negatives, positives), *pack_nodes(self._tree._root))
        plain: Plain = msgspec.to_builtins(stored, builtin_types=(bytes,))
        return plain

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores, steps and splits have the same bits."""
        stored = msgspec.convert(plain, Stored)
        self._weights = list(stored.weights)
        self._tree = self._fresh()
        self._plant(unpack_nodes(stored.names, stored.nodes, self._tree.splitter))

    def _logit(self, leaf: Node) -> float:
        stats = leaf.stats
        negatives, positives = self._weights
        share = self.prior / (negatives + positives + 2.0)
        odds = (stats.get(True, 0.0) + share * (positives + 1.0)) / (
            stats.get(False, 0.0) + share * (negatives + 1.0)
        )
        return log(odds)

    def _fresh(self) -> Hoeffding:
        return Hoeffding(
            grace_period=self.grace_period,
            max_depth=self.max_depth,
            delta=self.delta,
            tau=self.tau,
            leaf_prediction="mc",
            splitter=LeanSplitter(self.n_splits),
            min_branch_fraction=0.001,
            max_share_to_split=1.0,
            memory_estimate_period=NEVER,
        )

    def _plant(self, root: Node) -> None:
        leaves = list(root.iter_leaves())
        self._tree._root = root
        self._tree._n_active_leaves = sum(leaf.is_active() for leaf in leaves)
        self._tree._n_inactive_leaves = len(leaves) - self._tree._n_active_leaves
