"""Where the bins of additive models lie, and what such models keep for each."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from math import fsum

import numpy as np

from app.core.grids import Codes
from app.core.models.classifier import LogitClassifier
from app.core.models.lookup import ABSENT, FINE, GROUPS, INTERCEPT, Column
from app.core.models.plain import unpack_floats
from app.errors import StateError

# For features that come without a grid: three bins a decade on both sides of zero.
SIZES = [float(f"{digit}e{power}") for power in range(-3, 7) for digit in (1, 2, 5)]
DEFAULT_GRID = (*(-size for size in reversed(SIZES)), 0.0, *SIZES)

NO_COLUMN: Column = ((), ABSENT, ())


class BinnedClassifier(LogitClassifier):
    """A logit that is the sum of one weight for each feature: that of the bin of its value.

    The sum is correctly rounded, so the order of the features changes no bit. A feature that
    is missing from `x` contributes nothing.

    Parameters
    ----------
    grids
        Ascending bin edges by feature name; an edge belongs to the bin above it. A feature
        without a grid gets `DEFAULT_GRID` when it is first learned.
    scale
        What a bin starts with besides its weight of 0: it determines the size of its steps.
    groups
        In how many sizes of groups the bins of a fine grid are learned as well, up to 2.
    """

    def __init__(
        self, grids: Mapping[str, Sequence[float]] | None, scale: float, groups: int = 0
    ) -> None:
        self.grids = grids
        self._scale = scale
        self._digits = GROUPS[:groups]
        self._lay_out()

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        return self.logit_at(self.cells(x))

    def logit_at(self, cells: Sequence[int]) -> float:
        """As `logit_one`, where `x` is known to lie in these cells."""
        weights = self._weights
        return fsum([weights[cell] for cell in cells])

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Each feature's share of the logit, less what the feature contributed on average lately.

        The average runs over about the last thousand examples that had the feature.
        Intercept and averages are in no share: shares say what sets `x` apart.
        """
        centres, owners = self._centres, self._owners
        shares: dict[str, float] = {}
        for name, value in x.items():
            edges, start, groups = self._columns.get(name, NO_COLUMN)
            bin_ = bisect_right(edges, value)
            coarse = sum([self._weights[first + (bin_ >> digits)] for first, digits in groups])
            shares[name] = self._weights[start + bin_] + coarse - centres[owners[start]]
        return shares

    def _average(self, cells: Sequence[int]) -> None:
        """Count an example, and every so often move the averages towards its contributions."""
        self._learned += 1
        if self._learned % 16 == 0:  # often enough for a mean, and costs next to nothing
            found, centres = np.array(cells), np.frombuffer(self._centres)
            owners = np.frombuffer(self._owners, np.uint32)[found]
            weights = np.bincount(owners, np.frombuffer(self._weights)[found], len(centres))
            known = np.bincount(owners, minlength=len(centres)) > 0
            known[0] = False  # the intercept and what is missing are nobody's
            centres[known] += (weights[known] - centres[known]) / 64

    def cells(self, x: Mapping[str, float]) -> list[int]:
        """Where the weights of `x` lie: the intercept's first, then in the order of `x`."""
        column = self._columns.get
        cells = [INTERCEPT]
        append = cells.append
        for name, value in x.items():
            edges, start, groups = column(name, NO_COLUMN)
            bin_ = bisect_right(edges, value)
            append(start + bin_)
            if groups:
                for first, digits in groups:
                    append(first + (bin_ >> digits))
        return cells

    def cells_to_learn(self, x: Mapping[str, float]) -> list[int]:
        """As `cells`, with a column for each feature of `x` from now on."""
        cells = self.cells(x)
        if ABSENT in cells:
            self._add_columns(x)
            cells = self.cells(x)
        return cells

    def layout(self) -> tuple[Mapping[str, Column], int]:
        """The columns by name, and how many cells there are."""
        return self._columns, len(self._weights)

    def _lay_out(self) -> None:
        """Start over, with a column for each feature that has a grid."""
        self._columns: dict[str, Column] = {}
        self._weights = array("d", [0.0, 0.0])
        self._scales = array("d", [self._scale, self._scale])
        # The column of each cell by number, from 1, and the columns' averages; 0 is for no column.
        self._owners = array("I", [0, 0])
        self._centres = array("d", [0.0])
        self._learned = 0
        self._add_columns(self.grids or {})

    def _add_columns(self, names: Iterable[str]) -> None:
        grids = self.grids or {}
        for name in names:
            if name not in self._columns:
                edges = grids.get(name, DEFAULT_GRID)
                self._add_column(name, edges if isinstance(edges, Codes) else tuple(edges))

    def _add_column(self, name: str, edges: Sequence[float]) -> None:
        start, bins = len(self._weights), len(edges) + 1
        groups: list[tuple[int, int]] = []
        end = start + bins
        for digits in self._digits if len(edges) >= FINE and not isinstance(edges, Codes) else ():
            groups.append((end, digits))
            end += ((bins - 1) >> digits) + 1
        self._columns[name] = (edges, start, tuple(groups))
        self._weights.extend([0.0] * (end - start))
        self._scales.extend([self._scale] * (end - start))
        self._owners.extend([len(self._columns)] * (end - start))
        self._centres.append(0.0)

    def _restore(
        self, columns: list[str], weights: bytes, scales: bytes, centres: bytes, learned: int
    ) -> None:
        """Restore what was stored: weights and scales by cell, centres by column.

        Raises
        ------
        StateError
            When it is of a model with other features or grids; nothing has changed then.
        """
        fresh = copy(self)
        fresh._lay_out()
        fresh._add_columns(columns)
        cells = len(fresh._weights)
        fresh._weights = array("d", unpack_floats(weights))
        fresh._scales = array("d", unpack_floats(scales))
        fresh._centres = array("d", [0.0, *unpack_floats(centres)])
        sizes = len(fresh._weights), len(fresh._scales), len(fresh._centres)
        if list(fresh._columns) != columns or sizes != (cells, cells, 1 + len(columns)):
            raise StateError("the stored model was made for other features or grids")
        fresh._learned = learned
        self.__dict__.update(fresh.__dict__)
