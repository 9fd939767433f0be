"""Exact metrics for rare classes, over all of a set or over a rolling window of decisions.

Arguments of the functions: `ys` are n labels (1 positive, 0 negative), `scores` n numbers, the
higher the more suspicious, `weights` n weights or None for 1 each. A row of weight 2
counts as two rows. Equal scores are never told apart, so the order of rows does not matter.
Input of unequal lengths, other labels, scores that are not finite and negative weights
raise ValueError.
"""

from typing import NamedTuple

import numpy as np

from app.core.curves import Curve, Floats, Numbers, columns

LEAST = 1e-15  # probabilities are kept this far from 0 and 1 in the log loss

# Half a decade of odds each, 1 to 10,000 up to 100 to 1: positives are rare, so are high scores.
ODDS = 10.0 ** np.arange(-4.0, 2.5, 0.5)
EDGES = np.concatenate(([0.0], ODDS / (1 + ODDS), [1.0]))


class Prequential:
    """Quality of decisions in the order in which their labels came: test, then learn.

    The score given is the one from before the label was known. All figures are exact over
    the latest `window` labels and computed when asked for; `update` only notes.

    River's RollingPRAUC joins the points of the precision-recall curve by straight lines,
    which is too optimistic (Davis and Goadrich, 2006); average precision does not. Its
    RollingROCAUC does not count equal scores as a half. Hence our own versions of both.

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
        """Note a label `y` (1 positive), the score before it, whether flagged, and its weight."""
        self._rows[self._updates % self.window] = y, score, flagged, w
        self._updates += 1

    def get(self) -> dict[str, float | None]:
        """The figures, by name; None for one that the labels seen do not determine yet.

        `n` labels, `base_rate` of positives, `average_precision`, `roc_auc`, `tpr_at_1pct_fpr`,
        `recall_at_half_pct` (of all that was decided), `log_loss` in nats, `brier_score`,
        `alerts`, their share `alert_rate` of all, and `alert_precision`, the share of positives
        among what was flagged. All but `n` and `alerts` are weighted.
        """
        table = self._rows[: self._updates]
        y, scores, flagged, w = np.ascontiguousarray(table.T)
        curve = Curve.of(y, scores, w)  # one sort for the four that need it
        return {
            "n": len(table),
            "base_rate": _mean(y, w),
            "average_precision": curve.average_precision(),
            "roc_auc": curve.roc_auc(),
            "tpr_at_1pct_fpr": curve.tpr_at_fpr(0.01),
            "recall_at_half_pct": curve.recall_at_review_rate(0.005),
            "log_loss": _mean(_log_losses(y, scores), w),
            "brier_score": _mean((y - scores) ** 2, w),
            "alerts": int(flagged.sum()),
            "alert_rate": _mean(flagged, w),
            "alert_precision": _mean(y, w * flagged),
        }


def average_precision(ys: Numbers, scores: Numbers, weights: Numbers | None = None) -> float | None:
    """Mean precision at each gain of recall; equal scores count as one threshold.

    The same as scikit-learn's `average_precision_score`. None without a positive.

    >>> average_precision([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8])
    1.0
    """
    return Curve.of(*columns(ys, scores, weights)).average_precision()


def roc_auc(ys: Numbers, scores: Numbers, weights: Numbers | None = None) -> float | None:
    """Chance that a positive scores above a negative; equal scores count as a half.

    The same as scikit-learn's `roc_auc_score`. None without both classes.

    >>> roc_auc([0, 1, 0, 1], [0.1, 0.35, 0.35, 0.8])
    0.875
    """
    return Curve.of(*columns(ys, scores, weights)).roc_auc()


def tpr_at_fpr(
    ys: Numbers, scores: Numbers, fpr: float, weights: Numbers | None = None
) -> float | None:
    """Highest recall of any threshold that flags at most the share `fpr` of the negatives.

    A threshold is taken as it is: nothing is interpolated between two. 0 when even the
    highest score flags more. None without both classes, ValueError for an `fpr` outside
    0 to 1.

    >>> tpr_at_fpr([1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.2, 0.1], fpr=0.01)
    0.5
    """
    _check_share(fpr)
    return Curve.of(*columns(ys, scores, weights)).tpr_at_fpr(fpr)


def recall_at_review_rate(
    ys: Numbers, scores: Numbers, rate: float, weights: Numbers | None = None
) -> float | None:
    """Share of the positives among the highest scored share `rate` of all rows.

    Of equal scores at the limit the share counts that fits: the mean over all orders in
    which they could be reviewed. None without a positive, ValueError for a `rate` outside
    0 to 1.

    >>> recall_at_review_rate([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1], rate=0.5)
    0.75
    """
    _check_share(rate)
    return Curve.of(*columns(ys, scores, weights)).recall_at_review_rate(rate)


def precision_recall(
    ys: Numbers, scores: Numbers, weights: Numbers | None = None
) -> tuple[Floats, Floats] | None:
    """Recall, ascending, and the precision there, at every threshold: the points of a plot.

    The first point is recall 0 with the precision of the highest score. Draw them as steps
    that rise before the point (matplotlib's `steps-pre`): the area under those is the average
    precision, that under straight lines is too large (Davis and Goadrich, 2006). None without
    a positive.

    >>> recall, precision = precision_recall([0, 1, 0, 1], [0.1, 0.8, 0.5, 0.3])
    >>> recall.tolist(), precision.round(2).tolist()
    ([0.0, 0.5, 0.5, 1.0, 1.0], [1.0, 1.0, 0.5, 0.67, 0.5])
    """
    return Curve.of(*columns(ys, scores, weights)).precision_recall()


def log_loss(ys: Numbers, scores: Numbers, weights: Numbers | None = None) -> float | None:
    """Mean of -ln of the probability given to what happened, in nats; None without weight.

    `scores` are probabilities, kept 1e-15 away from 0 and 1; ValueError for any other.

    >>> round(log_loss([1, 0], [0.5, 0.5]), 4)
    0.6931
    """
    y, p, w = _probabilities(ys, scores, weights)
    return _mean(_log_losses(y, p), w)


def brier_score(ys: Numbers, scores: Numbers, weights: Numbers | None = None) -> float | None:
    """Mean squared distance of the probability from the label (Brier, 1950); None without weight.

    `scores` are probabilities; ValueError for any other.

    >>> brier_score([1, 0], [0.5, 0.0])
    0.125
    """
    y, p, w = _probabilities(ys, scores, weights)
    return _mean((y - p) ** 2, w)


class Band(NamedTuple):
    """What was predicted and what happened where the score is at least `low` and below `high`.

    The highest band includes 1. The mean score and the share of positives are weighted, and None
    without weight. `n` counts rows.
    """

    low: float
    high: float
    n: int
    mean_score: float | None
    share: float | None


def calibration(ys: Numbers, scores: Numbers, weights: Numbers | None = None) -> list[Band]:
    """Mean score and share of positives in 14 fixed bands, evenly spaced in log-odds.

    Bands are half a decade of odds wide: below 1 to 10,000, then up to 100 to 1, and above.
    They are the same for every set, so two can be compared; all 14 are returned. `scores` are
    probabilities; ValueError for any other.

    >>> [band] = [band for band in calibration([0, 1, 0, 0], [0.3] * 4) if band.n]
    >>> band.n, round(band.mean_score, 2), band.share
    (4, 0.3, 0.25)
    """
    y, p, w = _probabilities(ys, scores, weights)
    place = np.minimum(np.searchsorted(EDGES, p, side="right"), len(EDGES) - 1) - 1
    bands = []
    for i, (low, high) in enumerate(zip(EDGES[:-1].tolist(), EDGES[1:].tolist(), strict=True)):
        here = place == i
        n = int(np.count_nonzero(here))
        bands.append(Band(low, high, n, _mean(p[here], w[here]), _mean(y[here], w[here])))
    return bands


def _mean(values: Floats, w: Floats) -> float | None:
    total = float(w.sum())
    # Not `@`: BLAS wakes its threads for it, 17 ms on a busy machine against 30 us.
    return float(np.sum(values * w)) / total if total > 0 else None


def _log_losses(y: Floats, scores: Floats) -> Floats:
    p = np.clip(scores, LEAST, 1 - LEAST)
    losses: Floats = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    return losses


def _probabilities(
    ys: Numbers, scores: Numbers, weights: Numbers | None
) -> tuple[Floats, Floats, Floats]:
    y, p, w = columns(ys, scores, weights)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("scores must be probabilities, from 0 to 1")
    return y, p, w


def _check_share(value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"a share from 0 to 1, not {value}")
