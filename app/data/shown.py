"""Values of a file in sentences: escaped, short, and never a card number."""

import re
from typing import Any

from app.pan import is_card_number
from app.wire import MAX_ID_BYTES

LONGEST = 60  # characters of a value
PLAIN = re.compile(r"(?<!\d)\d{13,19}(?!\d)")
GROUPED = re.compile(r"\d(?:[ -]?\d){12,}")
HIDDEN = "(a card number)"
# A bound of a field, as msgspec says that a value is beyond it.
BOUND = re.compile(r"Expected `\w+` (of length )?([<>]=? [\d.e+-]+) - at `\$\.(\w+)`")


def masked(value: Any, plain: bool = False) -> str:
    """A value as it may be shown; `plain`: whole and without quotes.

    >>> masked("a\\nb"), masked("4111 1111 1111 1111"), masked(5), masked("x" * 99)[-5:]
    ("'a\\\\nb'", '(a card number)', '5', "x'...")
    """
    text = ("" if plain else "nothing") if value is None else str(value)
    if is_card_number(text.strip()):
        return HIDDEN
    text = whole(text)
    if plain:
        return text.encode("utf-8", "backslashreplace").decode()
    cut = ascii_safe(text[:LONGEST])
    quoted = repr(cut) if "\\" not in cut and isinstance(value, str) else cut
    if isinstance(value, str) and quoted == cut:
        quoted = f"'{cut}'"
    return quoted + "..." * (len(text) > LONGEST)


def whole(sentence: str) -> str:
    """A sentence in which runs of digits that are card numbers are hidden.

    >>> whole("of 4111111111111111 5500000000000004 and 4111 1111 1111 1111")
    'of (a card number) (a card number) and (a card number)'
    """
    for runs in (PLAIN, GROUPED):
        sentence = runs.sub(lambda run: HIDDEN if is_card_number(run[0]) else run[0], sentence)
    return sentence


def in_words(reason: str) -> str:
    """A reason that the wire gives, with a bound in a sentence.

    >>> in_words("Expected `float` <= 90.0 - at `$.lat`")
    '`lat` is not <= 90.0'
    """
    found = BOUND.fullmatch(reason)
    if found is None:
        return reason
    length, bound, field = found.groups()
    return (
        f"`{field}` is longer than {MAX_ID_BYTES} bytes" if length else f"`{field}` is not {bound}"
    )


def ascii_safe(text: str) -> str:
    """A text in which whatever does not print is escaped."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()
        for one in text
    )


def named(column: str) -> str:
    """A column's name: quoted where it is no plain word."""
    safe = ascii_safe(whole(column))
    return safe if re.fullmatch(r"[\w .()+-]+", safe) else f"'{safe}'"
