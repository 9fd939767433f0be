"""A set of scores cut at every threshold, and what the cuts say about the ranking."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = Sequence[float] | NDArray[Any]


class Curve(NamedTuple):
    """Weight of the positives and of the negatives at or above each distinct score.

    Both arrays have one entry per threshold, the highest first. Equal scores are one threshold,
    so nothing here depends on the order of the rows, except for rounding.
    """

    hits: Floats
    misses: Floats

    @classmethod
    def of(cls, y: Floats, scores: Floats, w: Floats) -> "Curve":
        """The curve of n labels, scores and weights; a row of weight 0 is ignored."""
        if not w.all():
            y, scores, w = y[w > 0], scores[w > 0], w[w > 0]
        order = np.argsort(-scores, kind="stable")  # stable: the same bits on every machine
        y, scores, w = y[order], scores[order], w[order]
        last = np.flatnonzero(np.diff(scores, append=np.nan) != 0)
        return cls(np.cumsum(w * y)[last], np.cumsum(w * (1 - y))[last])

    @property
    def positives(self) -> float:
        """Weight of all positives."""
        return float(self.hits[-1]) if len(self.hits) else 0.0

    @property
    def negatives(self) -> float:
        """Weight of all negatives."""
        return float(self.misses[-1]) if len(self.misses) else 0.0

    def average_precision(self) -> float | None:
        """Mean precision at each gain of recall; None without a positive."""
        if not self.positives:
            return None
        gains = np.diff(self.hits, prepend=0.0)
        return float(np.sum(gains * self.hits / (self.hits + self.misses)) / self.positives)

    def roc_auc(self) -> float | None:
        """Chance that a positive is above a negative; None without both classes."""
        if not (self.positives and self.negatives):
            return None
        heights = self.hits - np.diff(self.hits, prepend=0.0) / 2
        area = np.sum(np.diff(self.misses, prepend=0.0) * heights)
        return float(area / (self.positives * self.negatives))

    def tpr_at_fpr(self, fpr: float) -> float | None:
        """Highest TPR at a threshold whose FPR is at most `fpr`; None without both classes."""
        if not (self.positives and self.negatives):
            return None
        # Divided, not multiplied: 29 of 100 are .29, and .29 * 100 is below 29.
        allowed = int(np.count_nonzero(self.misses / self.negatives <= fpr))
        return float(self.hits[allowed - 1] / self.positives) if allowed else 0.0

    def recall_at_review_rate(self, rate: float) -> float | None:
        """Share of the positives in the top `rate` of all weight; None without a positive.

        The line from threshold to threshold stands for equal scores: of those at the limit
        the same share of positives fits in as of negatives.
        """
        if not self.positives:
            return None
        reviewed = np.concatenate(([0.0], self.hits + self.misses))
        found = np.concatenate(([0.0], self.hits))
        return float(np.interp(rate * reviewed[-1], reviewed, found) / self.positives)

    def precision_recall(self) -> tuple[Floats, Floats] | None:
        """Recall and precision at each threshold after recall 0; None without a positive."""
        if not self.positives:
            return None
        precision = self.hits / (self.hits + self.misses)
        recall = self.hits / self.positives
        return np.concatenate(([0.0], recall)), np.concatenate((precision[:1], precision))


def columns(ys: Numbers, scores: Numbers, weights: Numbers | None) -> tuple[Floats, Floats, Floats]:
    """Labels, scores and weights as arrays of equal length; weights of 1 when there are none.

    Raises
    ------
    ValueError
        When the lengths differ, a label is neither 0 nor 1, a score is not finite, or a
        weight is negative or not finite.
    """
    y, score = np.asarray(ys, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    w = np.ones_like(y) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (y.shape == score.shape == w.shape and y.ndim == 1):
        shapes = f"{y.shape}, {score.shape}, {w.shape}"
        raise ValueError(f"columns must be of one length, not {shapes}")
    if not ((y == 0) | (y == 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not np.isfinite(score).all():
        raise ValueError("scores must be finite")
    if not ((w >= 0) & (w < np.inf)).all():
        raise ValueError("weights must be finite and not negative")
    return y, score, w
