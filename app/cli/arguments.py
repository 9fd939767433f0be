"""What arguments of commands mean. All raise BadParameter for what means nothing."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

import typer


def rate_of(text: str) -> float | None:
    """Events a second that `--rate` asks for, None for `max`.

    >>> rate_of("400"), rate_of("max")
    (400.0, None)
    """
    if text == "max":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e9:
        raise typer.BadParameter(f"{text!r} is neither a number of events a second nor max")
    return rate


def duration(text: str, option: str = "") -> float:
    """Seconds of a duration, which an option was given.

    >>> duration("7d")
    604800.0
    """
    from app.settings import seconds

    try:
        value = seconds(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {error}".lstrip()) from None
    assert isinstance(value, float)
    return value


def moment_of(text: str, now: float) -> int:
    """Epoch milliseconds of a time, or of so long before `now` (epoch seconds).

    >>> moment_of("2h", 7200.5), moment_of("1970-01-01T00:00:01Z", 0)
    (500, 1000)
    """
    with suppress(typer.BadParameter):  # not a duration
        return round((now - duration(text)) * 1000)
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return round(at.timestamp() * 1000)
    raise typer.BadParameter(f"{text!r} is no time: write 2h, or 2026-01-31T12:00:00Z")


def one_of(words: Collection[str], text: str) -> str:
    """A word that must be one of some.

    >>> one_of(("fraud", "legit"), "legit")
    'legit'
    """
    if text not in words:
        raise typer.BadParameter(f"{text!r} must be one of {', '.join(words)}")
    return text
