"""Numbers and times as people read them, on pages and in a terminal.

Every function takes None too, and says `none` for it.
"""

from datetime import UTC, datetime

NONE = "-"


def count(value: float | None, none: str = NONE) -> str:
    """A whole number, its thousands set apart.

    >>> count(1234567), count(None)
    ('1,234,567', '-')
    """
    return none if value is None else f"{value:,.0f}"


def figure(value: float | None, none: str = NONE) -> str:
    """A number with as many digits as help.

    >>> figure(12345.6), figure(3.14159), figure(0.000123), figure(0), figure(2.0)
    ('12,346', '3.142', '0.000123', '0', '2')
    """
    if value is None:
        return none
    whole = abs(value) >= 1000 or value == int(value)
    return f"{value:,.0f}" if whole else f"{value:.4g}"


def share(value: float | None, none: str = NONE) -> str:
    """A share in per cent.

    >>> share(0.0123), share(None)
    ('1.2 %', '-')
    """
    return none if value is None else f"{100 * value:.1f} %"


def milliseconds(value: float | None, none: str = NONE) -> str:
    """A length of time given in milliseconds.

    >>> milliseconds(0.42), milliseconds(38.4), milliseconds(2345)
    ('0.4 ms', '38 ms', '2.3 s')
    """
    if value is None:
        return none
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def moment(ms: int | None, none: str = NONE) -> str:
    """A time given in epoch milliseconds, UTC.

    >>> moment(1522540800000), moment(None), moment(None, none="never")
    ('2018-04-01 00:00:00', '-', 'never')
    """
    return none if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
