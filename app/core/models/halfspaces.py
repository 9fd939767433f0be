"""River's half-space trees with their splits moved to the edges of grids."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

from river import anomaly
from river.tree.base import Branch


class HalfSpaces(NamedTuple):
    """A tree's branches level by level: the children of i are 2i + 1 and 2i + 2."""

    features: tuple[str, ...]
    edges: tuple[float, ...]  # below it is the left side

    def way(self, masses: Sequence[float], x: Mapping[str, float], light: float = 0.0) -> list[int]:
        """Nodes from the root to the first with a mass below `light`, or to the leaf.

        Where a feature is absent the heavier side is taken. `masses` are those of the last
        full window: River uses the current one, whose first rows would decide for the rest.
        """
        features, edges = self
        branches, node, way = len(features), 0, [0]
        while node < branches and masses[node] >= light:
            value, left = x.get(features[node]), 2 * node + 1
            if value is None:
                node = left + (masses[left] < masses[left + 1])
            else:
                node = left + (value >= edges[node])
            way.append(node)
        return way


@lru_cache(maxsize=8)  # the models of all partitions share them
def half_spaces(
    grids: tuple[tuple[str, tuple[float, ...]], ...], n_trees: int, height: int, seed: int
) -> tuple[HalfSpaces, ...]:
    """River's trees over coordinates 0 to 1, with the edge that each split falls on.

    The coordinate of a value is rank / edges, its rank being the edges at or below it. It is
    below a split s exactly if the value is below the edge number ceil(s x edges).
    """
    river = anomaly.HalfSpaceTrees(n_trees=n_trees, height=height, seed=seed)
    river.learn_one({name: 0.0 for name, _ in grids})  # what makes it plant its trees
    return tuple(_half_space(root, dict(grids)) for root in river.trees)


def _half_space(root: Any, grids: Mapping[str, Sequence[float]]) -> HalfSpaces:
    branches = [node for node in root.iter_bfs() if isinstance(node, Branch)]
    features = [branch.feature for branch in branches]
    places = [ceil(branch.threshold * len(grids[branch.feature])) for branch in branches]
    edges = [grids[name][place - 1] for name, place in zip(features, places, strict=True)]
    return HalfSpaces(tuple(features), tuple(edges))
