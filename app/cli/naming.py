"""Lists that options take: FIELD=COLUMN,... with quotes around what is odd."""

import re
from collections.abc import Iterator
from typing import Literal, overload

import typer

# A name in quotes, in which a quote is two, or one without any of these characters.
NAME = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^",=+]*))\s*(?P<end>[,=+]|$)')


def columns_of(text: str | None) -> dict[str, tuple[str, ...]]:
    """Columns by field of FIELD=COLUMN,...

    >>> columns_of('id=TX ID,amount="Amount, EUR",customer=card1+addr1')
    {'id': ('TX ID',), 'amount': ('Amount, EUR',), 'customer': ('card1', 'addr1')}
    """
    mapping: dict[str, tuple[str, ...]] = {}
    for names in items("--columns", text, "=+"):
        field, *columns = names
        if not columns or field in mapping or not all(names):
            raise typer.BadParameter(
                f"{'='.join(names)!r} in --columns is not one FIELD=COLUMN for a field"
            )
        mapping[field] = tuple(columns)
    return mapping


@overload
def values_of(option: str, text: str | None) -> dict[str, str]: ...
@overload
def values_of(option: str, text: str | None, many: Literal[True]) -> list[tuple[str, str]]: ...
def values_of(
    option: str, text: str | None, many: bool = False
) -> dict[str, str] | list[tuple[str, str]]:
    """Values of NAME=VALUE,..., of each name one, or `many`.

    >>> values_of("--set", "merchant=shop")
    {'merchant': 'shop'}
    """
    pairs = []
    for names in items(option, text, "="):
        if len(names) != 2 or not names[0]:
            raise typer.BadParameter(f"{'='.join(names)!r} in {option} is not NAME=VALUE")
        pairs.append((names[0], names[1]))
    if many:
        return pairs
    if len(dict(pairs)) < len(pairs):
        raise typer.BadParameter(f"{option} gives a name two values")
    return dict(pairs)


def words_of(option: str, text: str | None) -> list[str]:
    """Words of WORD,...

    >>> words_of("--missing", 'NULL,"a,b"')
    ['NULL', 'a,b']
    """
    return [names[0] for names in items(option, text, "")]


def items(option: str, text: str | None, within: str) -> Iterator[list[str]]:
    """The items between commas, each split at the characters that separate `within` it."""
    if not text:
        return
    at, names = 0, list[str]()
    while at <= len(text):
        found = NAME.match(text, at)
        if found is None or (found["end"] and found["end"] not in "," + within):
            raise typer.BadParameter(
                f"{text[at:]!r} in {option} cannot be read; odd names stand in quotes, and a "
                'quote in them is two: "a ""b"""'
            )
        bare = found["bare"]
        names.append(found["quoted"].replace('""', '"') if bare is None else bare.strip())
        at = found.end()
        if found["end"] in ("", ","):
            yield names
            names = []
        if not found["end"]:
            return
