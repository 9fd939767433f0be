"""The `fields` of a transaction: words and numbers of the producer's own, and their bounds."""

import re
from collections.abc import Container, Mapping
from math import nan
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from msgspec import Meta

from app.errors import Refused
from app.wire import check_no_card, check_texts, shown

MOST_WORDS, MOST_NUMBERS = 16, 32
LARGEST = 1e18  # a number beyond it is none
SHORTEST_CARD = 1e12  # a number of 13 digits
NAME = re.compile("[a-z][a-z0-9_]{0,31}")
# What a transaction has itself, and can have no second of.
TAKEN = ("id", "at", "customer", "merchant", "amount", "lat", "lon", "fields", "label")
# Columns of a transaction itself that are words as well.
COLUMNS = ("category", "channel", "country", "device", "ip", "currency")

Text = Annotated[str, Meta(max_length=128)]
Finite = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Hash = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # of a word, see `custom.keys`

ALL = len(COLUMNS) + MOST_WORDS + MOST_NUMBERS

Raw = Annotated[dict[str, Text | Finite], Meta(max_length=ALL)]
# Of names only the declared ones are looked at, so theirs need no bounds.
Words = Annotated[dict[str, Hash], Meta(max_length=len(COLUMNS) + MOST_WORDS)]
Numbers = Annotated[dict[str, Finite], Meta(max_length=MOST_NUMBERS)]

if TYPE_CHECKING:
    Own: TypeAlias = dict[str, str | float]
else:
    Own = dict[str, Any]  # texts and floats once read


def check_fields(fields: Mapping[str, Any], card_fields: Container[str] | None) -> Own:
    """The fields of a transaction, each a text or a number; nan stands for what is neither.

    A truth value, a list and a number beyond 1e18 are neither. An empty text and null count as
    left out. Card numbers are refused in all fields, unless `card_fields` is a collection of
    names without `fields`.

    Raises
    ------
    Refused
        They are too many, or a name or a text is not one.
    """
    own = {_name(name): _value(value) for name, value in fields.items() if value not in ("", None)}
    texts = {name: value for name, value in own.items() if isinstance(value, str)}
    others = len(own) - len(texts)
    if len(texts) > MOST_WORDS or others > MOST_NUMBERS:
        raise Refused(
            f"`fields` has {len(texts)} texts and {others} numbers; "
            f"at most {MOST_WORDS} and {MOST_NUMBERS} are possible"
        )
    refused = card_fields is None or "fields" in card_fields
    check_texts(texts.items(), None if refused else ())
    if refused:
        for name, value in own.items():
            if not isinstance(value, str) and abs(value) >= SHORTEST_CARD and value.is_integer():
                check_no_card(name, str(abs(int(value))))
    return own


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Refused(
            f"{shown(name)} is no name in `fields`: write a small letter and then small letters, "
            "digits or _, 32 at most"
        )
    if name in TAKEN:
        raise Refused(f"`fields` has `{name}`, which a transaction has itself: choose another name")
    return name


def _value(value: object) -> str | float:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return nan
    return float(value) if -LARGEST <= value <= LARGEST else nan
