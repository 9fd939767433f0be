"""River's Hoeffding tree with finite logits, exact dumps and shares along the path."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import log
from typing import Any, TypeAlias

import msgspec
from river import base, tree
from river.tree.nodes.branch import NumericBinaryBranch
from river.tree.nodes.htc_nodes import LeafMajorityClass

from app.core.binned import DEFAULT_GRID
from app.core.logit import check_features, probabilities
from app.core.plain import Plain, pack_floats, unpack_floats
from app.core.splitter import LeanSplitter

NEVER = 2**62  # examples
Node: TypeAlias = Any  # River's NumericBinaryBranch or LeafMajorityClass


class StoredBranch(msgspec.Struct, tag="branch", array_like=True):
    """A branch: where it splits, which side is heavier, the mean logit of what passed."""

    feature: int
    threshold: float  # a rank
    heavier: int
    centre: float


class StoredLeaf(msgspec.Struct, tag="leaf", array_like=True):
    """A leaf: weights by class, weight at the last attempt to split, and its splitters.

    `cells` are 2 x feature + class in the order in which they were first seen, `moments`
    five floats for each; no cells for a leaf that does not watch its features.
    """

    weights: tuple[float, float]
    attempted: float
    cells: list[int] | None
    moments: bytes


StoredNode: TypeAlias = StoredBranch | StoredLeaf


class Stored(msgspec.Struct):
    """A dump: names of features, learned weight by class, nodes with the left side first."""

    names: list[str]
    weights: tuple[float, float]
    nodes: list[StoredNode]


class Ranks:
    """Coordinates in which trees split: how many edges of its grid lie at or below a value.

    Equal distances are then about equally full, and candidates for splits are not wasted on
    the few largest amounts. A feature of the grids that is absent lies at -1, apart.
    """

    def __init__(self, grids: Mapping[str, Sequence[float]]) -> None:
        self._grids = {name: tuple(edges) for name, edges in grids.items()}

    def one(self, name: str, value: float | None) -> float | None:
        """The coordinate of a value; None when it is absent and of no grid."""
        if value is None:
            return -1.0 if name in self._grids else None
        return float(bisect_right(self._grids.get(name, DEFAULT_GRID), value))

    def all(self, x: Mapping[str, float]) -> dict[str, float]:
        """All coordinates of `x`: the grids' features first, in the grids' order."""
        ranks = dict.fromkeys(self._grids, -1.0)
        for name, value in x.items():
            ranks[name] = float(bisect_right(self._grids.get(name, DEFAULT_GRID), value))
        return ranks


class Hoeffding(tree.HoeffdingTreeClassifier):  # type: ignore[misc]  # River has no types
    """River's tree, walked by our own rule where a feature without a grid is absent.

    River weighs whole subtrees at each absent feature and never splits a leaf reached that
    way. Here the heavier side at the time of the split takes such examples for good.
    """

    def path(self, x: Mapping[str, float], ranks: Ranks) -> list[Node]:
        """Nodes from the root to the leaf of `x`."""
        node, nodes = self._root, []
        while type(node) is NumericBinaryBranch:
            nodes.append(node)
            rank = ranks.one(node.feature, x.get(node.feature))
            node = node.children[node.heavier if rank is None else rank > node.threshold]
        nodes.append(node)
        return nodes

    def learn_along(
        self, nodes: list[Node], ranks: Mapping[str, float], y: bool, w: float
    ) -> Node | None:
        """Teach the leaf at the end of a path; the branch that takes its place, if one does."""
        leaf = nodes[-1]
        leaf.learn_one(ranks, y, w=w, tree=self)
        if not leaf.is_active():
            return None
        if leaf.depth >= self.max_depth:
            leaf.deactivate()
            self._n_active_leaves -= 1
            self._n_inactive_leaves += 1
            return None
        if leaf.total_weight - leaf.last_split_attempt_at < self.grace_period:
            return None
        return self._attempt(leaf, nodes[-2] if len(nodes) > 1 else None)

    def _attempt(self, leaf: Node, parent: Node | None) -> Node | None:
        side = None if parent is None else int(parent.children[1] is leaf)
        self._attempt_to_split(leaf, parent, side)
        leaf.last_split_attempt_at = leaf.total_weight
        node = self._root if parent is None else parent.children[side]
        if node is leaf:
            return None
        left, right = node.children
        node.heavier = int(left.total_weight < right.total_weight)
        return node


class LogitTree(base.Classifier):  # type: ignore[misc]
    """River's Hoeffding tree with settings for rare frauds.

    Leaves answer with their class weights, smoothed towards the share of fraud in all that
    was learned as if that came `prior` times: every logit is finite, and near the base rate
    where little is known. Depth bounds the tree: River's bound by size asks Python how large
    objects are, which is no function of what was learned.

    Parameters
    ----------
    grids
        Ascending edges by feature name; other features are ranked on `DEFAULT_GRID` of
        `app.core.binned`.
    prior
        Weight of the base rate in each leaf, in examples, above 0.
    grace_period
        Weight between two attempts to split a leaf.
    delta
        Chance of a wrong split that the Hoeffding bound allows.
    tau
        The bound below which the best split is made though others are as good.
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

    def predict_proba_one(self, x: Mapping[str, float], **_: Any) -> dict[bool, float]:
        """Probability of each class."""
        return probabilities(self.logit_one(x))

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        return self._logit(self._tree.path(x, self._ranks)[-1])

    def learn_one(self, x: Mapping[str, float], y: bool, w: float = 1.0) -> None:
        """Teach the leaf of `x`, and split it when the data says so.

        Raises
        ------
        ValueError
            When a value of `x` is not finite; nothing has been learned then.
        """
        check_features(x)
        if not w:
            return
        nodes = self._tree.path(x, self._ranks)
        logit = self._logit(nodes[-1])
        for branch in nodes[:-1]:
            branch.centre += (logit - branch.centre) / 256
        self._weights[bool(y)] += w
        grown = self._tree.learn_along(nodes, self._ranks.all(x), bool(y), w)
        if grown is not None:
            grown.centre = logit

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """What each feature moved the logit by, summed over the branches that ask for it.

        A branch moves it from the mean logit of the latest some 250 examples that came
        through to that of the side taken; the leaf's own at the end. So shares are zero on
        average, and their sum is the logit less the root's mean. What branches on absent
        features move is in no share.
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
        names: dict[str, int] = {}
        nodes = [_stored(node, names) for node in self._tree._root.iter_dfs()]
        legitimate, frauds = self._weights
        stored = Stored(list(names), (legitimate, frauds), nodes)
        plain: Plain = msgspec.to_builtins(stored, builtin_types=(bytes,))
        return plain

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores, steps and splits have the same bits."""
        stored = msgspec.convert(plain, Stored)
        self._weights = list(stored.weights)
        self._tree = self._fresh()
        self._plant(self._node(iter(stored.nodes), stored.names, 0))

    def _logit(self, leaf: Node) -> float:
        stats = leaf.stats
        legitimate, frauds = self._weights
        share = self.prior / (legitimate + frauds + 2.0)
        odds = (stats.get(True, 0.0) + share * (frauds + 1.0)) / (
            stats.get(False, 0.0) + share * (legitimate + 1.0)
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

    def _node(self, nodes: Iterator[StoredNode], names: list[str], depth: int) -> Node:
        stored = next(nodes)
        if isinstance(stored, StoredLeaf):
            return self._leaf(stored, names, depth)
        left, right = (self._node(nodes, names, depth + 1) for _ in range(2))
        feature, threshold = names[stored.feature], stored.threshold
        branch = NumericBinaryBranch({}, feature, threshold, depth, left, right)
        branch.heavier, branch.centre = stored.heavier, stored.centre
        return branch

    def _leaf(self, stored: StoredLeaf, names: list[str], depth: int) -> Node:
        legitimate, frauds = stored.weights
        leaf = LeafMajorityClass({False: legitimate, True: frauds}, depth, self._tree.splitter)
        leaf.last_split_attempt_at = stored.attempted
        if stored.cells is None:
            leaf.deactivate()
            return leaf
        moments = unpack_floats(stored.moments)
        for place, cell in enumerate(stored.cells):
            name = names[cell // 2]
            if name not in leaf.splitters:
                leaf.splitters[name] = self._tree.splitter.clone()
            leaf.splitters[name].classes[cell % 2 == 1] = moments[5 * place : 5 * place + 5]
        return leaf


def _stored(node: Node, names: dict[str, int]) -> StoredNode:
    """A node without its children; River's statistics of a branch decide nothing."""
    if isinstance(node, NumericBinaryBranch):
        feature = names.setdefault(node.feature, len(names))
        return StoredBranch(feature, node.threshold, node.heavier, node.centre)
    weights = (node.stats.get(False, 0.0), node.stats.get(True, 0.0))
    attempted = node.last_split_attempt_at
    if not node.is_active():
        return StoredLeaf(weights, attempted, None, b"")
    cells, moments = [], []
    for name, splitter in node.splitters.items():
        feature = names.setdefault(name, len(names))
        for y, seen in splitter.classes.items():
            cells.append(2 * feature + y)
            moments.extend(seen)
    return StoredLeaf(weights, attempted, cells, pack_floats(moments))
