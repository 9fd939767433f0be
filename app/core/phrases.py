"""How values of features are put into words."""

from collections.abc import Callable
from math import exp


def duration(seconds: float) -> str:
    """A length of time in its largest fitting unit.

    >>> duration(40), duration(5400), duration(86400 * 3)
    ('40 seconds', '1.5 hours', '3.0 days')
    """
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def times(log_ratio: float) -> str:
    """The ratio that a logarithm stands for.

    >>> times(2.0), times(-3.0)
    ('7.4', '0.05')
    """
    ratio = exp(min(log_ratio, 50.0))  # kept finite
    return f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2g}"


def since(log_seconds: float) -> str:
    """The length of time that ln(1 + seconds) stands for."""
    return duration(exp(min(log_seconds, 50.0)) - 1)


def either(no: str, yes: str) -> Callable[[float], str]:
    """Words for a feature that is 0 or 1."""
    return lambda value: yes if value else no
