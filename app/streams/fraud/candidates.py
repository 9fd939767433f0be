"""Columns of a file that could be fields of one's own: words and numbers that models might use.

What names a payment, a customer or a merchant is none; nor is free text, nor what is only known
afterwards, which would tell the label and not be there when a payment is judged.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from app.data.cells import number_reader
from app.data.files import Candidate
from app.data.options import FileOptions
from app.data.readers.table import Table
from app.data.shown import masked
from app.data.times import time_reader
from app.data.truths import Truths
from app.errors import Refused
from app.pan import is_card_number
from app.streams.fraud.columns import unquoted
from app.streams.fraud.evidence import MOST, quoted, share, some_of
from app.streams.fraud.features import BY_NAME
from app.streams.fraud.messages import LABELS, Transaction
from app.streams.fraud.own_columns import column_of, plain_name
from app.streams.fraud.own_fields import COLUMNS, MOST_NUMBERS, MOST_WORDS

LOOKED_AT, CELLS = 20_000, 400_000  # rows, fewer where there are many columns
RARE = 0.01  # of the rows have a value, at least
OWN = 0.5  # of the values differ: then they name something
LONG = 40  # characters, on average: then they are free text
KNOWING = 0.97  # area under the ROC curve from which a column knows the label
FEW = 10  # frauds from which that is looked at

# Names of what is known only afterwards, and of numbers that are codes.
LATER = re.compile(
    "fraud|chargeback|dispute|label|class|target|decision|verdict|outcome|review|blocked|declined|"
    "flagged|score|resolved|refund|settled|closed|new.?balance|balance.?after",
    re.IGNORECASE,
)
CODES = re.compile(
    r"(^|_)(mcc|code|zip|zipcode|plz|postcode|bin|type|id|no|nr|class|category|region|state|month|"
    r"weekday|flag|addr\d*|card\d*)($|_)"
)

Read = Callable[[Any], Any]


class Columns(NamedTuple):
    """The cells that are looked at: of each column, and what names payments, customers, labels."""

    cells: Mapping[str, Sequence[Any]]
    labels: Sequence[bool | None]
    keys: Mapping[str, Sequence[str]]  # of customers, and of merchants
    times: Sequence[Any]
    amounts: Sequence[Any]


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
    looked = _look(table, free, mapping, options)
    found, passed, names = list[Candidate](), list[tuple[str, str]](), set[str]()
    for column in free:
        field = used.get(column)
        values = looked.cells[column]
        why = "it has no name, so no option could name it"
        if column.strip():
            why = _why_not(column, values, looked, table.kinds.get(column, ""), options)
        if why:
            passed.append((column, why))
            continue
        name = field or _name(column, names)
        names.add(name)
        kind = "word" if field else _kind(name, _present(values, options))
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


def _look(
    table: Table, free: Sequence[str], mapping: Mapping[str, Sequence[str]], options: FileOptions
) -> Columns:
    """The first cells of these columns and of those that they are compared with."""
    told = {name: list(mapping.get(name, ())) for name in ("label", "customer", "merchant", "at")}
    told["amount"] = list(mapping.get("amount", ()))
    there = [n for names in told.values() for n in names if n in table.columns]
    columns = list(dict.fromkeys([*free, *there]))
    most = min(LOOKED_AT, max(CELLS // len(columns), 1000)) if columns else 0
    rows = list(islice(table.rows(columns, lambda *_: None), most))
    cells = {name: [unquoted(row[place]) for row in rows] for place, name in enumerate(columns)}
    says = Truths(LABELS, options.label_words)

    def joined(field: str) -> list[str]:
        names = [name for name in told[field] if name in cells]
        return ["|".join(map(str, parts)) for parts in zip(*(cells[n] for n in names), strict=True)]

    def label(parts: Sequence[Any]) -> bool | None:
        for cell in parts:
            try:
                if cell not in options.missing:
                    return says(cell)
            except (Refused, TypeError):  # TypeError: a list or an object
                return None
        return None

    truth = [cells[name] for name in told["label"] if name in cells]
    return Columns(
        {name: cells[name] for name in free},
        [label(parts) for parts in zip(*truth, strict=True)] if truth else [None] * len(rows),
        {field: joined(field) for field in ("customer", "merchant")},
        cells[told["at"][0]] if len(told["at"]) == 1 and told["at"][0] in cells else [],
        cells[told["amount"][0]] if told["amount"] and told["amount"][0] in cells else [],
    )


def _present(values: Sequence[Any], options: FileOptions) -> list[Any]:
    return [one for one in values if isinstance(one, (list, dict)) or one not in options.missing]


def _why_not(
    column: str, values: Sequence[Any], looked: Columns, kind: str, options: FileOptions
) -> str:
    """Why a column is no field, '' for one that may be."""
    there = _present(values, options)
    texts = [str(one) for one in there]
    if len(there) < RARE * len(values) or not there:
        return "nearly always missing"
    if kind in ("time", "date", "other") or any(isinstance(one, (list, dict)) for one in there):
        return "times, lists or objects"
    if len(set(texts)) == 1 and len(there) == len(values):
        return "always the same"
    if any(map(is_card_number, texts)):
        return "card numbers"
    if LATER.search(column):
        return "its name says that it is known only afterwards, or is a label"
    if _knows(values, looked.labels, options):
        return "it tells the label too well: it may be known only afterwards"
    return _of_text(texts, values, looked) if not _numeric(there) else _of_number(values, looked)


def _of_text(texts: Sequence[str], values: Sequence[Any], looked: Columns) -> str:
    if share(texts, time_reader()) >= MOST:
        return "times"
    distinct = len(set(texts))
    if distinct > OWN * len(texts) and distinct > 20:
        return "an id, or free text: nearly every value is another one"
    if sum(map(len, texts)) > LONG * len(texts) and distinct > 50:
        return "free text"
    for field, keys in looked.keys.items():
        if _names(values, keys):
            return f"it names the {field}"
    return ""


def _of_number(values: Sequence[Any], looked: Columns) -> str:
    number = number_reader("number")
    others = {"time": (looked.times, time_reader()), "amount": (looked.amounts, number)}
    for what, (cells, read) in others.items():
        pairs = list(_pairs(values, cells, number, read))
        if len(pairs) > 20 and abs(_ranked_together(pairs)) > 0.999:
            return f"it says the same as the {what}"
    steps = np.diff([value for value, _ in _pairs(values, values, number, number)])
    if len(steps) > 50 and ((steps >= 0).all() or (steps <= 0).all()):
        return "it runs with the rows, as a time or a count does"
    return "it names the customer" if _names(values, looked.keys["customer"]) else ""


def _names(values: Sequence[Any], keys: Sequence[str]) -> bool:
    """Whether a column names who a key names: a value has one key, and a key one value."""
    pairs = set(zip(map(str, values), keys, strict=False))
    there, distinct = len({value for value, _ in pairs}), len({key for _, key in pairs})
    return distinct > 20 and there > OWN * distinct and len(pairs) <= 1.05 * min(there, distinct)


def _knows(values: Sequence[Any], labels: Sequence[bool | None], options: FileOptions) -> bool:
    """Whether a column alone tells frauds from the rest, by its values or by where it has one."""
    ys = np.array([label is True for label in labels])
    if ys.sum() < FEW or (~ys).sum() < FEW:
        return False
    rate = defaultdict[str, list[int]](lambda: [0, 0])
    texts = ["" if value in options.missing else str(value) for value in values]
    for text, y in zip(texts, ys, strict=True):
        rate[text][int(y)] += 1
    # Less the row itself, so that values of their own know nothing.
    scores = [
        (rate[text][1] - y) / max(sum(rate[text]) - 1, 1)
        for text, y in zip(texts, ys.tolist(), strict=True)
    ]
    found = [_area(np.array(scores), ys)]
    if _numeric(_present(values, options)):
        read = number_reader("number")
        numbers = np.array([np.nan if t == "" else _or_nan(read, t) for t in texts])
        there = ~np.isnan(numbers)
        if 0 < ys[there].sum() < there.sum():
            area = _area(numbers[there], ys[there])
            found.append(max(area, 1 - area))
    return max(found) > KNOWING


def _area(scores: Any, ys: Any) -> float:
    """Area under the ROC curve."""
    order = np.argsort(scores, kind="stable")
    _, place, counts = np.unique(scores[order], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = ((2 * ends - counts + 1) / 2)[place]
    positives = float(ys.sum())
    negatives = len(ys) - positives
    below = ranks[ys[order]].sum() - positives * (positives + 1) / 2
    return float(below / (positives * negatives))


def _ranked_together(pairs: Sequence[tuple[float, float]]) -> float:
    """Spearman's correlation of pairs; 0 where one of the two never changes."""
    ranks = [np.unique(side, return_inverse=True)[1] for side in zip(*pairs, strict=True)]
    if any(one.max() == 0 for one in ranks):
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _pairs(
    values: Sequence[Any], others: Sequence[Any], number: Read, read: Read
) -> Iterator[tuple[float, float]]:
    for value, other in zip(values, others, strict=False):
        pair = _or_nan(number, value), _or_nan(read, other)
        if pair[0] == pair[0] and pair[1] == pair[1]:
            yield pair


def _or_nan(read: Read, cell: Any) -> float:
    try:
        value = read(cell)
    except (Refused, TypeError):
        return float("nan")
    return float("nan") if value is None else float(value)


def _numeric(there: Sequence[Any]) -> bool:
    return share(there, number_reader("number")) >= MOST


def _kind(name: str, there: Sequence[Any]) -> str:
    """Whether values are words or numbers. Whole numbers may be codes: their name says so."""
    if not _numeric(there):
        return "word"
    number = number_reader("number")
    numbers = [one for one in (_or_nan(number, cell) for cell in there) if one == one]
    whole = all(value == int(value) for value in numbers)
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
    there = _present(values, options)
    distinct, missing = len({str(one) for one in there}), 1 - len(there) / len(values)
    shown = ", ".join(masked(one) for one in some_of(there))
    return f"{distinct:,} different, {missing:.0%} missing; e.g. {shown}"
