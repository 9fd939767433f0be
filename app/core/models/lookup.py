"""Where many rows lie in the bins of an additive model: one call of numpy for each column."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import nan
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# Where groups of bins begin, and the binary digits of their size.
Group: TypeAlias = tuple[int, int]
# Edges, where the column's bins begin, its groups from the smallest ones on.
Column: TypeAlias = tuple[Sequence[float], int, tuple[Group, ...]]
Cells: TypeAlias = NDArray[np.intp]

# The first two cells: a zero for features never learned, and the intercept.
ABSENT, INTERCEPT = 0, 1
FINE = 64  # a grid with at least this many edges is fine
GROUPS = 2, 4  # binary digits: four bins a group, sixteen in the larger ones
SURELY_FINITE = 1e12  # a thousand such features still pass `app.core.models.logit.check_features`


class Lookup:
    """The columns of a model in a form that finds the cells of many rows at once."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._absent = dict.fromkeys(columns, nan)
        edges, starts, groups = zip(*columns.values(), strict=True) if columns else ((), (), ())
        self._edges = [np.array(each, dtype=np.float64) for each in edges]
        self._starts = np.array(starts, dtype=np.intp)
        coarse = [(row, *group) for row, each in enumerate(groups) for group in each]
        coarse.sort(key=lambda group: group[2])
        found = np.array(coarse, dtype=np.intp).reshape(-1, 3).T
        self._grouped, self._groups, self._digits = found[0], found[1:2].T, found[2:].T

    def cells(self, rows: Sequence[Mapping[str, float]]) -> Cells | None:
        """The cells of n rows, shape (cells of a row, n): the intercept's, bins, then groups.

        A feature that a row lacks is `ABSENT`. None when a row has a feature without a column,
        or a value that might not be learned: then rows have to be looked up one by one.
        """
        width = len(self._edges)
        values = np.fromiter(
            chain.from_iterable([{**self._absent, **x}.values() for x in rows]), np.float64
        )
        if values.size != width * len(rows):
            return None
        values = np.ascontiguousarray(values.reshape(len(rows), width).T)
        absent = np.isnan(values)
        if not np.all(np.abs(values) <= SURELY_FINITE, where=~absent):
            return None
        cells = np.empty((1 + width + len(self._grouped), len(rows)), dtype=np.intp)
        cells[0] = INTERCEPT
        bins, groups = cells[1 : 1 + width], cells[1 + width :]
        for row, edges, column in zip(bins, self._edges, values, strict=True):
            row[:] = edges.searchsorted(column, side="right")
        np.add(bins[self._grouped] >> self._digits, self._groups, out=groups)
        bins += self._starts[:, np.newaxis]
        bins[absent] = ABSENT
        groups[absent[self._grouped]] = ABSENT
        return cells
