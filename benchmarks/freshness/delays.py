"""From what was sent and what arrived to delays in seconds."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from benchmarks.freshness.load import Scored

QUANTILES = (0.5, 0.99, 0.999, 1.0)


class Quantiles(NamedTuple):
    """Milliseconds, None of no delays."""

    p50: float | None = None
    p99: float | None = None
    p999: float | None = None
    longest: float | None = None


def latencies(sent: Mapping[str, float], arrived: Mapping[str, float]) -> list[float]:
    """Seconds from each transaction's sending to its arrival, or that of its prediction.

    >>> latencies({"t1": 1.0, "t2": 2.0}, {"t2": 2.5, "t1": 1.25})
    [0.25, 0.5]
    """
    return [arrived[tx] - at for tx, at in sent.items()]


def freshness(
    labels: Mapping[str, float], examples: Mapping[str, int], scored: Sequence[Scored]
) -> list[float | None]:
    """Seconds from each label's sending to the first prediction by models that have learned it.

    The version of a model is the next offset of the examples log to fold, so it has learned the
    example at an offset when it is above. None for a label that no prediction has followed yet.

    Parameters
    ----------
    labels
        When the label of each transaction was sent.
    examples
        Offset of each one's example.
    scored
        Predictions in the order of their arrival; of several partitions, so an earlier version
        may arrive after a later one.

    Examples
    --------
    >>> scored = [Scored(1.0, 7), Scored(2.0, 8), Scored(3.0, 9), Scored(3.5, 8)]
    >>> freshness({"t1": 0.5, "t2": 0.5, "t3": 0.5}, {"t1": 7, "t2": 8, "t3": 9}, scored)
    [1.5, 2.5, None]
    """
    newest = list(accumulate((one.version for one in scored), max))
    firsts = (bisect_right(newest, examples[tx]) for tx in labels)
    return [
        scored[first].at - at if first < len(scored) else None
        for at, first in zip(labels.values(), firsts, strict=True)
    ]


def quantiles(delays: Sequence[float]) -> Quantiles:
    """The median, the 99th and the 99.9th percentile and the longest, in milliseconds.

    >>> quantiles([0.001, 0.002, 0.003])[::3], quantiles([]).p50 is None
    ((2.0, 3.0), True)
    """
    if not delays:
        return Quantiles()
    return Quantiles(*(float(delay) * 1e3 for delay in np.quantile(delays, QUANTILES)))
