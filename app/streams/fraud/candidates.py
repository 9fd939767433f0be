"""Columns of a file that could be fields of one's own: words and numbers that models might use.

What names a payment, a customer or a merchant is none; nor is free text, nor what is only known
afterwards, which would tell the label and not be there when a payment is judged.
"""

import re
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

from app.data.cells import number_reader
from app.data.files import Candidate
from app.data.options import FileOptions
from app.data.readers.table import Table
from app.data.shown import masked
from app.streams.fraud.evidence import quoted, some_of
from app.streams.fraud.features import BY_NAME
from app.streams.fraud.messages import Transaction
from app.streams.fraud.own_columns import column_of, plain_name
from app.streams.fraud.own_fields import COLUMNS, MOST_NUMBERS, MOST_WORDS
from app.streams.fraud.sample import numeric, present, sample_of
from app.streams.fraud.unfit import number_in, why_not

# Names of numbers that are codes.
CODES = re.compile(
    r"(^|_)(mcc|code|zip|zipcode|plz|postcode|bin|type|id|no|nr|class|category|region|state|month|"
    r"weekday|flag|addr\d*|card\d*)($|_)"
)


class Found(NamedTuple):
    """Candidates, and why the other columns are none."""

    candidates: Sequence[Candidate]
    passed: Sequence[tuple[str, str]]


def candidates(table: Table, mapping: Mapping[str, Sequence[str]], options: FileOptions) -> Found:
    """Look at the columns of a file that no field of a transaction needs.

    Parameters
    ----------
    mapping
        Columns by field, `label` and `scenario` among them.
    """
    used = {name: field for field, names in mapping.items() for name in names}
    free = [name for name in dict.fromkeys(table.columns) if used.get(name) in (None, *COLUMNS)]
    looked = sample_of(table, free, mapping, options)
    found, passed, names = list[Candidate](), list[tuple[str, str]](), set[str]()
    for column in free:
        field = used.get(column)
        values = looked.cells[column]
        why = "it has no name, so no option could name it"
        if column.strip():
            why = why_not(column, looked, table.kinds.get(column, ""), options)
        if why:
            passed.append((column, why))
            continue
        name = field or _name(column, names)
        names.add(name)
        kind = "word" if field else _kind(name, present(values, options))
        named = field or column_of(name, table.columns) == column
        option = "" if named else f"{name}={quoted(column)}"
        found.append(Candidate(name, kind, column, _evidence(values, options), option))
    return Found(*_bounded(found, passed))


def _bounded(
    found: list[Candidate], passed: list[tuple[str, str]]
) -> tuple[list[Candidate], list[tuple[str, str]]]:
    """As many as a file may declare."""
    kept = []
    for kind, most in (("word", MOST_WORDS), ("number", MOST_NUMBERS)):
        ones = [one for one in found if one.kind == kind]
        kept += ones[:most]
        passed += [(one.column, f"there are {most} {kind}s already") for one in ones[most:]]
    return kept, passed


def _kind(name: str, there: Sequence[Any]) -> str:
    """Whether values are words or numbers. Whole numbers may be codes: their name says so."""
    if not numeric(there):
        return "word"
    number = number_reader("number")
    numbers = [number_in(number, cell) for cell in there]
    whole = all(value.is_integer() for value in numbers if not isnan(value))
    return "word" if whole and CODES.search(name) else "number"


def _name(column: str, taken: set[str]) -> str:
    """A name that a fields file may have, and no other column has."""
    name = plain_name(column) or "column"
    if not name[0].isalpha():
        name = f"f_{name}"
    reserved = {*taken, *BY_NAME, *Transaction.__struct_fields__, *COLUMNS}
    base, number = name[:28], 2
    name = name[:32]
    while name in reserved:
        name, number = f"{base}_{number}", number + 1
    return name


def _evidence(values: Sequence[Any], options: FileOptions) -> str:
    there = present(values, options)
    distinct, missing = len({str(one) for one in there}), 1 - len(there) / len(values)
    shown = ", ".join(masked(one) for one in some_of(there))
    return f"{distinct:,} different, {missing:.0%} missing; e.g. {shown}"
