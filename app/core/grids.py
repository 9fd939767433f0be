"""Bin edges for features: fixed, ascending, and chosen without looking at any data.

Edges for counts lie between whole numbers. Learned positions would be degenerate: most
features that come from labels are zero until the first labels arrive. A binned model also
learns groups of bins where a grid is fine, so fine grids cost little and learn no slower.
"""

Grid = tuple[float, ...]


class Codes(Grid):
    """Edges between codes that have no order, such as hashes of words.

    Models learn each bin for itself: no groups of neighbours, no cut through the grid.

    >>> Codes.of(4)
    (0.5, 1.5, 2.5)
    """

    @classmethod
    def of(cls, count: int) -> "Codes":
        """Those between the codes 0, 1, ... up to and without `count`."""
        return cls(code - 0.5 for code in range(1, count))


def per_decade(steps: int, first: int, last: int) -> Grid:
    """Edges in equal ratios: `steps` a decade, from 10 ** first to 10 ** last.

    >>> per_decade(2, 0, 1)
    (1.0, 3.16228, 10.0)
    """
    exponents = range(first * steps, last * steps + 1)
    return tuple(float(f"{10 ** (step / steps):.6g}") for step in exponents)


def evenly(first: float, last: float, steps: int) -> Grid:
    """Edges in equal distances: `steps` + 1 of them, both ends included.

    >>> evenly(0, 1, 4)
    (0.0, 0.25, 0.5, 0.75, 1.0)
    """
    return tuple(round(first + (last - first) * step / steps, 6) for step in range(steps + 1))


YES: Grid = (0.5,)
FEW: Grid = (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 7.5, 10.5, 15.5, 25.5, 50.5)
COUNTS: Grid = (
    *(1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 8.5, 10.5, 13.5, 17.5),
    *(23.5, 31.5, 45.5, 65.5, 99.5, 149.5, 199.5),
)
RATIOS: Grid = evenly(-3, 4, 70)  # logs of ratios
SHARES: Grid = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, *evenly(0.1, 0.9, 16), 0.95)
HOURS: Grid = evenly(0.5, 22.5, 22)  # of the day
LOG_SECONDS: Grid = evenly(0, 16, 32)
DAYS: Grid = (0.05, 0.25, 0.5, *evenly(1, 60, 59))
