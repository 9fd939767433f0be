"""Single cells of a file as fields want them: which are missing, texts, numbers.

What reads a cell returns None where it holds no value, and raises Refused with the reason and
the option that helps; whoever calls it names row, column and value.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from app.errors import Refused

# How files write that there is no value: so, and in small, large and capital letters.
SPELLINGS = (
    *("", "null", r"\N", "NaN", "-NaN", "na", "n/a", "none", "nil", "NaT"),
    *(
        "#N/A",
        "#N/A N/A",
        "#NA",
        "<NA>",
        "<null>",
        "(null)",
        "#NULL!",
        "#VALUE!",
        "#REF!",
        "#DIV/0!",
    ),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
EXACT = 1 << 53  # the largest whole number up to which a float holds every one
ROUNDED = re.compile(r"[+-]?\d[.,]\d+E\+\d+")  # how a spreadsheet shows a long number

Missing = frozenset[Any]


def missing_of(spellings: Iterable[str] | None = None) -> Missing:
    """The values that stand for none: None, the empty text, and these spellings in any case.

    >>> sorted(missing_of(["n/a"]) - {None})
    ['', 'N/A', 'N/a', 'n/a']
    """
    words = SPELLINGS if spellings is None else tuple(spellings)
    cases = (str, str.lower, str.upper, str.capitalize, str.title)
    return frozenset({None, "", *(case(word) for word in words for case in cases)})


class Beyond:
    """What a file's type can hold and no field can, such as a date in the year 30000."""

    def __init__(self, told: str) -> None:
        self.told = told

    def __str__(self) -> str:
        return self.told


def text_reader(field: str) -> Callable[[Any], str | None]:
    """What reads a text, and never changes it.

    Numbers become their digits, so 1234.0 of a column that had to be of floats, because a value
    is missing in it, becomes 1234.

    >>> text = text_reader("customer")
    >>> text("007"), text(7), text(1234.0), text(Decimal("12.00"))
    ('007', '7', '1234', '12')
    """

    def text(cell: Any) -> str | None:
        if type(cell) is str:
            return None if cell.isspace() else cell
        if type(cell) is int:
            return str(cell)
        if isinstance(cell, (float, Decimal)):
            return _digits(field, cell)
        if type(cell) is bytes:
            raise Refused(f"`{field}` is bytes that are no UTF-8 text; write it as text")
        if isinstance(cell, Beyond):
            raise Refused(f"`{field}` is {cell}, not a text")
        if type(cell) in (bool, list, dict) or isinstance(cell, datetime):
            raise Refused(f"`{field}` is a {_kind(cell)}, not a text")
        return str(cell)  # such as a UUID

    return text


def id_reader(field: str) -> Callable[[Any], str | None]:
    """What reads an id, as `text_reader` does, but what a spreadsheet has rounded is refused."""
    text = text_reader(field)

    def id(cell: Any) -> str | None:
        if type(cell) is str and not cell.isspace():
            if "E+" in cell and ROUNDED.fullmatch(cell):
                raise Refused(
                    f"`{field}` is a long number that a spreadsheet has rounded; export the file "
                    "again with the column as text"
                )
            return cell
        return text(cell)

    return id


def _digits(field: str, cell: Any) -> str:
    if not isfinite(cell) or cell != int(cell):
        raise Refused(f"`{field}` is a number with a fraction, not an id; write it as text")
    if isinstance(cell, float) and abs(cell) > EXACT:
        raise Refused(
            f"`{field}` is a number too large for a column of floats, which has rounded it; "
            "write it as text"
        )
    return str(int(cell))


def _kind(cell: Any) -> str:
    return {bool: "truth value", list: "list", dict: "structure"}.get(type(cell), "time")


def number_reader(field: str) -> Callable[[Any], float | None]:
    """What reads a finite number, from text too.

    >>> number_reader("lat")("52.5")
    52.5
    """

    def number(cell: Any) -> float | None:
        try:
            value = float(cell)
        except (TypeError, ValueError, OverflowError):
            if isinstance(cell, str) and cell.isspace():
                return None
            if isinstance(cell, str) and cell.count(",") == 1 and "." not in cell:
                return number(cell.replace(",", "."))  # a place has no thousands
            raise Refused(f"`{field}` is not a number") from None
        if not isfinite(value) or type(cell) is bool or (type(cell) is str and "_" in cell):
            raise Refused(f"`{field}` is not a number")
        return value

    return number


def whole_reader(field: str) -> Callable[[Any], int]:
    """What reads a whole number, from text too; 0 where there is none.

    >>> whole_reader("scenario")("2.0")
    2
    """
    number = number_reader(field)

    def whole(cell: Any) -> int:
        value = number(cell) or 0.0
        if value != int(value):
            raise Refused(f"`{field}` is not a whole number")
        return int(value)

    return whole


def utc(ms: int) -> str:
    """Epoch ms as text.

    >>> utc(1000)
    '1970-01-01T00:00:01+00:00'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
