"""Numbers and times as commands print them."""

from datetime import UTC, datetime


def figure(value: float) -> str:
    """A number with as many digits as help.

    >>> figure(12345.6), figure(3.14159), figure(2.0)
    ('12,346', '3.142', '2')
    """
    whole = abs(value) >= 1000 or value == int(value)
    return f"{value:,.0f}" if whole else f"{value:.4g}"


def moment(ms: int | None) -> str:
    """A time given in epoch milliseconds, UTC.

    >>> moment(1522540800000), moment(None)
    ('2018-04-01 00:00:00', '-')
    """
    return "-" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
