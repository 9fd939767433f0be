"""Single cells of a file as fields want them: numbers, times, labels. All raise Refused."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from app.core.labels import UNSURE, WITHDRAWAL, Labels
from app.errors import Refused
from app.wire import MAX_MS, epoch_ms

MISSING = (None, "")
TRUTH = {
    **dict.fromkeys(("true", "1", "1.0"), True),
    **dict.fromkeys(("false", "0", "0.0"), False),
    **dict.fromkeys(("", "nan", UNSURE, WITHDRAWAL), None),
}


def number(field: str, raw: Any) -> float:
    """A finite number, from text too."""
    try:
        value = float(raw)
    except (TypeError, ValueError, OverflowError):
        raise Refused(f"`{field}` is {raw!r}, not a number") from None
    if not isfinite(value):
        raise Refused(f"`{field}` is {raw!r}, not a number")
    return value


def whole(field: str, raw: Any) -> int:
    """A whole number, from text too.

    >>> whole("scenario", "2.0")
    2
    """
    return int(number(field, raw))


def instant(field: str, raw: Any) -> int:
    """Epoch ms of a time as files have it; text without an offset is UTC.

    >>> [instant("at", raw) for raw in ("1970-01-01 00:00:01", "1000", 1000)]
    [1000, 1000, 1000]
    >>> instant("at", "1970-01-01T01:00:01+01:00")
    1000
    """
    if type(raw) is int and 0 <= raw <= MAX_MS:
        return raw
    text = raw if isinstance(raw, str) else ""
    try:
        if text.isdecimal():
            return instant(field, int(text))
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"`{field}` is {raw!r}, neither epoch ms nor a date and time") from None
    return epoch_ms(at if at.tzinfo else at.replace(tzinfo=UTC))


def truth_reader(labels: Labels) -> Callable[[Any], bool | None]:
    """What reads whether a cell says positive, in the words of an application or as 1 and 0.

    It returns None for a cell that says nothing.

    >>> truth = truth_reader(Labels({"fraud": 1, "legit": 0}, {}))
    >>> truth("fraud"), truth(0), truth("unsure")
    (True, False, None)
    """
    words = {**TRUTH, **{word: y == 1 for word, y in labels.teaches.items()}}

    def truth(raw: Any) -> bool | None:
        try:
            return words[str(raw).strip().lower()]
        except KeyError:
            told = " or ".join(labels.teaches)
            raise Refused(f"{raw!r} is not a label; write {told}, or 1 or 0") from None

    return truth


def utc(ms: int) -> str:
    """Epoch ms as text.

    >>> utc(1000)
    '1970-01-01T00:00:01+00:00'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
