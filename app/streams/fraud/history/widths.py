"""The windows over which a customer's transactions are counted, by the name of their features."""

from collections.abc import Sequence

from app.units import DAY_MS, MINUTE_MS

WIDTHS = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "60m": 60 * MINUTE_MS,
    "1d": DAY_MS,
    "7d": 7 * DAY_MS,
    "30d": 30 * DAY_MS,
}
WINDOWS = tuple(WIDTHS.values())


def share(begin: int, finish: int, start: int, end: int) -> float:
    """How much of the times from `begin` to before `finish` is after `start`, and up to `end`.

    >>> share(0, 10, 4, 20), share(0, 10, -1, 4), share(0, 10, 10, 20)
    (0.5, 0.5, 0.0)
    """
    first, last = max(begin, start + 1), min(finish, end + 1)
    return (last - first) / (finish - begin) if last > first else 0.0


def cut(values: Sequence[float], low: int, high: int, shares: tuple[float, float]) -> float:
    """The sum of the values from one place to another, with these shares of the two.

    >>> cut((1, 2, 4, 8), 1, 3, (0.5, 1.0)), cut((1, 2, 4, 8), 1, 3, (1.0, 0.25))
    (13.0, 8.0)
    """
    first, last = shares
    if low == high:
        return first * values[low]
    if last == 1.0:
        return first * values[low] + sum(values[low + 1 : high + 1])
    return first * values[low] + sum(values[low + 1 : high]) + last * values[high]
