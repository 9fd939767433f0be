"""What trees see of a feature: a level, a few steps of its grid, found from its cell."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.core.grids import Codes
from app.core.models.lookup import Cells, Column

Level: TypeAlias = NDArray[np.uint8]

PARTS = 15  # of a grid
MISSING = PARTS  # the level of a feature without a value, above all others
CUTS = PARTS  # a cut at level c has 0..c on its lower side


class Levels:
    """Finds levels from the cells of `BinnedClassifier`, for features whose grid has an order.

    Parameters
    ----------
    grids
        Ascending bin edges by feature name.
    columns
        Where the bins of each feature lie, in the order of the grids.
    cells
        How many cells there are.
    """

    def __init__(
        self, grids: Mapping[str, Sequence[float]], columns: Mapping[str, Column], cells: int
    ) -> None:
        ordered = [
            (row, name)
            for row, (name, grid) in enumerate(grids.items(), 1)  # the intercept's row is first
            if len(grid) and not isinstance(grid, Codes)
        ]
        self.names = tuple(name for _, name in ordered)
        self._rows = np.array([row for row, _ in ordered], dtype=np.intp)
        # Cells that are no bin of such a feature belong to a place behind the last one.
        places = np.full(cells, len(ordered), dtype=np.intp)
        self._level = np.full(cells, MISSING, dtype=np.uint8)
        for place, name in enumerate(self.names):
            edges, start, _ = columns[name]
            bins = len(edges) + 1
            places[start : start + bins] = place
            self._level[start : start + bins] = _parts(bins)
        self._one = list(zip(places.tolist(), self._level.tolist(), strict=True))
        self._missing = bytes([MISSING] * (1 + len(ordered)))

    def __len__(self) -> int:
        """How many features trees see."""
        return len(self.names)

    def of(self, cells: Sequence[int]) -> Level:
        """The levels of a row that lies in these cells, shape (features,)."""
        levels, one = bytearray(self._missing), self._one
        for cell in cells:
            if cell < len(one):  # those that come later are of features without a grid
                place, level = one[cell]
                levels[place] = level
        return np.frombuffer(levels, np.uint8, len(self.names))

    def of_many(self, cells: Cells) -> Level:
        """The levels of n rows, shape (features, n), from what `Lookup.cells` found."""
        return self._level[cells[self._rows]]


def _parts(bins: int) -> Level:
    """The part of the grid that each bin belongs to."""
    every = np.arange(bins)
    return (every if bins <= PARTS else every * PARTS // bins).astype(np.uint8)
