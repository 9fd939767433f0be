"""What a team finds that can review so many events, or cards, a day and no more."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.core.curves import Floats, Numbers, columns

Days: TypeAlias = Sequence[int] | NDArray[Any]
Names: TypeAlias = Sequence[Hashable] | NDArray[Any]
Whole: TypeAlias = NDArray[np.int64]


class Day(NamedTuple):
    """A day's reviews: how many, and what they found.

    None where there is nothing to divide by: a day without positives, or with nothing at stake.
    """

    day: int
    alerts: int
    precision: float  # share of positives among the alerts
    recall: float | None  # share of the day's positives that are among them
    value: float | None  # share of what was at stake with the day's positives that they catch


def by_day(days: Days, ys: Numbers, scores: Numbers, stakes: Numbers, budget: int) -> list[Day]:
    """What the `budget` highest scored events of each day catch, by day.

    Of equal scores at the limit the share counts that fits: the mean over all orders in
    which they could be reviewed.

    Parameters
    ----------
    days, ys, scores, stakes
        n whole day numbers, labels (1 positive), scores, and what each event is worth.
    budget
        Events that are reviewed on a day.

    Raises
    ------
    ValueError
        When the columns differ in length, a label is neither 0 nor 1, a score or a stake is
        not finite, or the budget is below 1.

    Examples
    --------
    >>> by_day([1, 1, 1], [1, 0, 1], [0.9, 0.8, 0.1], [30.0, 5.0, 10.0], budget=2)
    [Day(day=1, alerts=2, precision=0.5, recall=0.5, value=0.75)]
    """
    _check(budget)
    labels, floats, _ = columns(ys, scores, None)
    result = []
    for day, (_, y, score, stake) in _split(_table(days, labels, floats, stakes)):
        reviewed = _within(score, np.ones_like(score), budget)
        alerts = min(budget, len(y))
        found = reviewed * y
        result.append(
            Day(
                day,
                alerts,
                float(found.sum()) / alerts,
                _share(found, y),
                _share(found * stake, y * stake),
            )
        )
    return result


def card_precision(
    days: Days, keys: Names, ys: Numbers, scores: Numbers, k: int = 100
) -> list[float]:
    """Share of compromised cards among the `k` most suspicious of each day, by day.

    The Fraud Detection Handbook's CP@k (Le Borgne, Siblini, Lebichot and Bontempi, 2022) is
    the mean of these. A key, which stands for the card, has a day's highest score and highest
    label. Those found compromised are gone on later days. The share is of `k` even where
    fewer keys are left.

    The Handbook leaves the order of equal scores to chance. Here keys with equal scores at the
    limit are each found by the share that fits, and the rest of each stays for later days:
    close to the mean over all orders, and the Handbook's value where nothing is equal.

    Parameters
    ----------
    days, keys, ys, scores
        n whole day numbers, hashable keys, labels (1 positive) and scores.
    k
        Keys that are reviewed on a day.

    Raises
    ------
    ValueError
        When the columns differ in length, a label is neither 0 nor 1, a score is not finite,
        or `k` is below 1.

    Examples
    --------
    >>> days, keys = [1, 1, 1, 2, 2], ["ann", "bob", "cid", "ann", "cid"]
    >>> card_precision(days, keys, [1, 0, 0, 1, 1], [0.9, 0.8, 0.1, 0.9, 0.2], k=1)
    [1.0, 1.0]
    """
    _check(k)
    labels, floats, _ = columns(ys, scores, None)
    numbers = _numbered(keys)
    left = np.ones(len(numbers))  # of each key, what was not found yet
    result = []
    for _, (_, who, y, score) in _split(_table(days, numbers, labels, floats)):
        cards, place = np.unique(who.astype(np.int64), return_inverse=True)
        label, highest = np.zeros(len(cards)), np.full(len(cards), -np.inf)
        np.maximum.at(label, place, y)
        np.maximum.at(highest, place, score)
        remain = left[cards] > 0
        cards, label, highest = cards[remain], label[remain], highest[remain]
        found = _within(highest, left[cards], k) * label
        result.append(float(np.sum(found * left[cards])) / k)
        left[cards] *= 1 - found
    return result


def unknown(
    days: Days,
    keys: Names,
    ys: Numbers,
    first: int,
    length: int = 7,
    train: int = 7,
    delay: int = 7,
) -> NDArray[np.bool_]:
    """Rows of the test days whose key was not yet known to be positive.

    The Fraud Detection Handbook's removal: it is no feat to suspect a customer of whom a
    fraud is known. On test day d the positives are known of the `train` days that end
    `delay` days before `first`, and of the days after those up to d - delay - 1. Older ones
    are forgotten.

    Parameters
    ----------
    days, keys, ys
        n whole day numbers, hashable keys and labels (1 positive), of the whole stream.
    first, length
        The test days are first, ..., first + length - 1.
    train, delay
        Days.

    Returns
    -------
    n booleans: whether a row is of a test day and stays.

    Raises
    ------
    ValueError
        When the columns differ in length.

    Examples
    --------
    >>> days, keys, ys = [1, 15, 15, 16], ["ann", "ann", "bob", "bob"], [1, 1, 1, 0]
    >>> unknown(days, keys, ys, first=15).tolist()
    [False, False, True, True]
    """
    day, key, y = _table(days, _numbered(keys), ys).astype(np.int64)
    earliest = np.full(len(day), np.iinfo(np.int64).max)  # positive of each key
    counts = (y == 1) & (day >= first - delay - train)
    np.minimum.at(earliest, key[counts], day[counts])
    tested = (day >= first) & (day < first + length)
    stays: NDArray[np.bool_] = tested & (earliest[key] >= day - delay)
    return stays


def _within(scores: Floats, w: Floats, room: float) -> Floats:
    """Of each row the share that is in the top `room` of the weight; equal scores share alike."""
    _, group = np.unique(-scores, return_inverse=True)  # group 0 is the highest score
    sizes = np.bincount(group, w)
    above = np.cumsum(sizes) - sizes
    shares: Floats = np.clip((room - above) / sizes, 0.0, 1.0)[group]
    return shares


def _share(part: Floats, whole: Floats) -> float | None:
    total = float(whole.sum())
    return float(part.sum()) / total if total > 0 else None


def _numbered(names: Iterable[Hashable]) -> Whole:
    """A number from 0 for each name, the same for the same name."""
    seen: dict[Hashable, int] = {}
    listed = names.tolist() if isinstance(names, np.ndarray) else names
    return np.array([seen.setdefault(name, len(seen)) for name in listed], dtype=np.int64)


def _check(reviews: int) -> None:
    if reviews < 1:
        raise ValueError(f"at least one review a day, not {reviews}")


def _table(*columns: Numbers | Whole) -> Floats:
    """Columns as the rows of one table of finite numbers."""
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(f"columns of one length: {lengths}")
    table = np.array([np.asarray(column, dtype=np.float64) for column in columns])
    if not np.isfinite(table).all():
        raise ValueError("days and stakes must be finite")
    return table


def _split(table: Floats) -> Iterator[tuple[int, Floats]]:
    """The table's part of each day, the first row being the days."""
    table = table[:, np.argsort(table[0], kind="stable")]
    edges = np.flatnonzero(np.diff(table[0])) + 1
    for part in np.split(table, edges, axis=1):
        if part.size:
            yield int(part[0, 0]), part
