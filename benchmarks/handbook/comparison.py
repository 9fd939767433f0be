"""Models on the same weeks: means, and differences week by week."""

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from benchmarks.handbook.weeks import Quality, mean


class Difference(NamedTuple):
    """A model's figure less another's on the same weeks."""

    mean: float
    standard_error: float
    by_week: list[float]


class Row(NamedTuple):
    """A model and how good it is, week by week."""

    name: str
    weeks: list[Quality]
    cpu: str  # what it took, in words

    @property
    def mean(self) -> Quality:
        """Over the weeks."""
        return mean(self.weeks)


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Paired differences: what makes a week hard for both is not counted.

    The standard error of the mean is s / sqrt(weeks), s the deviation with weeks - 1.

    >>> difference([0.5, 0.75], [0.25, 0.25])
    Difference(mean=0.375, standard_error=0.125, by_week=[0.25, 0.5])
    """
    by_week = [our - their for our, their in zip(ours, theirs, strict=True)]
    return Difference(fmean(by_week), stdev(by_week) / len(by_week) ** 0.5, by_week)


def differences(row: Row, against: Row) -> dict[str, Difference]:
    """The difference of each figure, by its name in `Quality`."""
    pairs = zip(zip(*row.weeks, strict=True), zip(*against.weeks, strict=True), strict=True)
    found = (difference(ours, theirs) for ours, theirs in pairs)
    return dict(zip(Quality._fields, found, strict=True))
