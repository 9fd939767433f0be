"""Exact metrics for rare classes, over all of a set or over a rolling window of decisions."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
LEAST = 1e-15  # probabilities are kept this far from 0 and 1 in the log loss


class Prequential:
    """Quality of decisions in the order in which their labels came: test, then learn.

    The score given is the one from before the label was known. All figures are exact over
    the latest `window` labels and computed when asked for; `update` only notes.

    River's RollingPRAUC joins the points of the precision-recall curve by straight lines,
    which is too optimistic (Davis and Goadrich, 2006); average precision does not. Its
    RollingROCAUC does not count equal scores as a half. Hence our own of both.

    Parameters
    ----------
    window
        Labels that count.

    Examples
    --------
    >>> metrics = Prequential(window=1000)
    >>> for y, score in [(0, 0.1), (1, 0.9), (0, 0.6), (1, 0.4)]:
    ...     metrics.update(y, score, flagged=score >= 0.5)
    >>> figures = metrics.get()
    >>> round(figures["average_precision"], 4), figures["alert_precision"]
    (0.8333, 0.5)
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self._rows = np.zeros((window, 4))  # a ring: one is computed on a busy event loop
        self._updates = 0

    def update(self, y: int, score: float, flagged: bool, w: float = 1.0) -> None:
        """Note a label `y` (1 fraud), the score before it, whether it was flagged, its weight."""
        self._rows[self._updates % self.window] = y, score, flagged, w
        self._updates += 1

    def get(self) -> dict[str, float | None]:
        """The figures, by name; None for one that the labels seen do not determine yet.

        `n` labels, `base_rate` of fraud, `average_precision`, `roc_auc`, `log_loss` in nats,
        `alerts` and `alert_precision`, the share of fraud among what was flagged. All but
        `n` and `alerts` are weighted.
        """
        table = self._rows[: self._updates]
        y, scores, flagged, w = table.T
        return {
            "n": len(table),
            "base_rate": _mean(y, w),
            "average_precision": average_precision(y, scores, w),
            "roc_auc": roc_auc(y, scores, w),
            "log_loss": _mean(_log_losses(y, scores), w),
            "alerts": int(flagged.sum()),
            "alert_precision": _mean(y, w * flagged),
        }


def average_precision(
    ys: Sequence[float] | Floats,
    scores: Sequence[float] | Floats,
    weights: Sequence[float] | Floats | None = None,
) -> float | None:
    """Mean precision at each gain of recall; equal scores count as one threshold.

    The same as scikit-learn's `average_precision_score`. None without a positive.

    >>> average_precision([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8])
    1.0
    """
    hits, misses = _curve(ys, scores, weights)
    if not len(hits) or hits[-1] == 0:
        return None
    flagged = np.maximum(hits + misses, np.finfo(np.float64).tiny)
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / flagged) / hits[-1])


def roc_auc(
    ys: Sequence[float] | Floats,
    scores: Sequence[float] | Floats,
    weights: Sequence[float] | Floats | None = None,
) -> float | None:
    """Chance that a positive scores above a negative; equal scores count as a half.

    The same as scikit-learn's `roc_auc_score`. None without both classes.

    >>> roc_auc([0, 1, 0, 1], [0.1, 0.35, 0.35, 0.8])
    0.875
    """
    hits, misses = _curve(ys, scores, weights)
    if not len(hits) or hits[-1] == 0 or misses[-1] == 0:
        return None
    heights = hits - np.diff(hits, prepend=0.0) / 2
    area = np.sum(np.diff(misses, prepend=0.0) * heights)
    return float(area / (hits[-1] * misses[-1]))


def _curve(ys: Any, scores: Any, weights: Any) -> tuple[Floats, Floats]:
    """Weight of positives and of negatives at or above each distinct score, highest first."""
    y, score = np.asarray(ys, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    w = np.ones_like(y) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(-score, kind="stable")
    y, score, w = y[order], score[order], w[order]
    last = np.flatnonzero(np.diff(score, append=np.nan) != 0)
    return np.cumsum(w * y)[last], np.cumsum(w * (1 - y))[last]


def _mean(values: Floats, w: Floats) -> float | None:
    total = float(w.sum())
    # Not `@`: BLAS wakes its threads for it, 17 ms on a busy machine against 30 us.
    return float(np.sum(values * w)) / total if total > 0 else None


def _log_losses(y: Floats, scores: Floats) -> Floats:
    p = np.clip(scores, LEAST, 1 - LEAST)
    losses: Floats = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    return losses
