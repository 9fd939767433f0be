"""Why a column of a file is no field of one's own: it names somebody, or tells the label."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import isnan, nan
from typing import Any

import numpy as np

from app.core.curves import Curve
from app.data.cells import number_reader
from app.data.options import FileOptions
from app.data.times import time_reader
from app.errors import Refused
from app.pan import is_card_number
from app.streams.fraud.evidence import MOST, share
from app.streams.fraud.sample import Sample, numeric, present

RARE = 0.01  # of the rows have a value, at least
OWN = 0.5  # of the values differ: then they name something
LONG = 40  # characters, on average: then they are free text
KNOWING = 0.97  # area under the ROC curve from which a column knows the label
FEW = 10  # frauds from which that is looked at

# Names of what is known only afterwards.
LATER = re.compile(
    "fraud|chargeback|dispute|label|class|target|decision|verdict|outcome|review|blocked|declined|"
    "flagged|score|resolved|refund|settled|closed|new.?balance|balance.?after",
    re.IGNORECASE,
)

Read = Callable[[Any], Any]


def why_not(column: str, looked: Sample, kind: str, options: FileOptions) -> str:
    """Why a column is no field, '' for one that may be.

    Parameters
    ----------
    looked
        The cells of this column, and what they are compared with.
    kind
        What the file itself says of the column's type; '' for nothing.
    """
    values = looked.cells[column]
    there = present(values, options)
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
    return _of_text(texts, values, looked) if not numeric(there) else _of_number(values, looked)


def _of_text(texts: Sequence[str], values: Sequence[Any], looked: Sample) -> str:
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


def _of_number(values: Sequence[Any], looked: Sample) -> str:
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
    if _auc(scores, ys) > KNOWING:
        return True
    if not numeric(present(values, options)):
        return False
    read = number_reader("number")
    numbers = np.array([nan if t == "" else number_in(read, t) for t in texts])
    there = ~np.isnan(numbers)
    area = _auc(numbers[there], ys[there])
    return max(area, 1 - area) > KNOWING


def _auc(scores: Any, ys: Any) -> float:
    """Area under the ROC curve; a half where one class is not there."""
    curve = Curve.of(ys.astype(np.float64), np.asarray(scores, np.float64), np.ones(len(ys)))
    area = curve.roc_auc()
    return 0.5 if area is None else area


def _ranked_together(pairs: Sequence[tuple[float, float]]) -> float:
    """Spearman's correlation of pairs; 0 where one of the two never changes."""
    ranks = [np.unique(side, return_inverse=True)[1] for side in zip(*pairs, strict=True)]
    if any(one.max() == 0 for one in ranks):
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _pairs(
    values: Sequence[Any], others: Sequence[Any], number: Read, read: Read
) -> Iterator[tuple[float, float]]:
    """The pairs of which both can be read."""
    for value, other in zip(values, others, strict=False):
        pair = number_in(number, value), number_in(read, other)
        if not any(map(isnan, pair)):
            yield pair


def number_in(read: Read, cell: Any) -> float:
    """What a reader finds in a cell, as a number; nan for nothing."""
    try:
        value = read(cell)
    except (Refused, TypeError):  # TypeError: a list or an object
        return nan
    return nan if value is None else float(value)
