"""Single cells of a file as fields want them: numbers, times, labels. All raise Refused."""

from datetime import UTC, datetime
from math import isfinite
from typing import Any

from app.errors import Refused
from app.messages import MAX_MS, epoch_ms

MISSING = (None, "")
TRUTH = {
    **dict.fromkeys(("fraud", "true", "1", "1.0"), True),
    **dict.fromkeys(("legit", "false", "0", "0.0"), False),
    **dict.fromkeys(("", "unsure", "none", "nan"), None),
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


def truth(raw: Any) -> bool | None:
    """Whether a label says fraud; None when it says nothing.

    >>> truth("fraud"), truth(0), truth("unsure")
    (True, False, None)
    """
    try:
        return TRUTH[str(raw).strip().lower()]
    except KeyError:
        raise Refused(f"{raw!r} is not a label; write fraud or legit, or 1 or 0") from None


def scenario(raw: Any) -> int:
    """The number of a kind of fraud."""
    try:
        return int(float(raw))
    except (TypeError, ValueError, OverflowError):
        raise Refused(f"`scenario` is {raw!r}, not a number") from None


def utc(ms: int) -> str:
    """Epoch ms as text.

    >>> utc(1000)
    '1970-01-01T00:00:01+00:00'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
