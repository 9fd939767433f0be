"""What the values of a column seem to be, and the options with which they can be read."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.data.amounts import Amounts
from app.data.cells import number_reader
from app.data.readers.table import Table
from app.data.shown import masked
from app.data.times import time_reader
from app.data.timespec import TimeSpec
from app.data.truths import Truths
from app.errors import Refused
from app.pan import is_card_number
from app.streams.fraud.messages import LABELS

MOST = 0.95  # share of the values that must be readable as the field's
HINT = re.compile(r"--time-(unit|format) ('[^']+'|\w+)")


def fits(field: str, values: list[Any], kind: str) -> bool:
    """Whether values can be of a field."""
    if field == "at":
        return (
            kind in ("time", "date")
            or share(values, time_reader()) >= MOST
            or bool(time_options(values))
        )
    if field == "amount":
        return (
            share(values, Amounts("amount", ".")) >= MOST
            or share(values, Amounts("amount", ",")) >= MOST
        )
    if field in ("lat", "lon"):
        return share(values, number_reader(field)) >= MOST
    if field == "label":
        return bool(values) and share(values, Truths(LABELS)) >= MOST
    if field == "id":
        return len(set(map(str, values))) == len(values) > 0
    return bool(values) and kind not in ("time", "date", "truth", "other")


def evidence(field: str, column: str, values: list[Any], table: Table) -> tuple[str, list[str]]:
    """What speaks for a column, and the options that its values need."""
    said = [f"e.g. {', '.join(masked(one) for one in some_of(values))}"]
    extra: list[str] = []
    if field == "at" and table.kinds.get(column) not in ("time", "date"):
        rate = share(values, time_reader())
        if rate < MOST:
            extra = time_options(values)
            said.append("reads with " + " or ".join(extra))
        else:
            said.append(f"{rate:.0%} are times")
    elif field == "amount":
        said.append(f"{share(values, _amounts(values)):.0%} are amounts")
        if _ambiguous(values):
            extra = ["--decimal ."]
            said.append("1.234 may be 1234: check the decimal sign")
        if any(negative(values)):
            extra.append("--negative skip")
            said.append(f"{sum(negative(values)):,} are negative, as of refunds")
    elif field == "label":
        words = sorted({masked(one, plain=True) for one in values})
        said = [f"its values are {', '.join(words[:6])}"]
    elif field in ("id", "customer", "merchant"):
        said.append(f"{len(set(map(str, values))):,} different in {len(values):,}")
        if any(is_card_number(str(one)) for one in values):
            said.append("card numbers")
    return "; ".join(said), extra


def time_options(values: Sequence[Any]) -> list[str]:
    """The options with which most values are times, as the reader itself advises."""
    for value in values[:20]:
        try:
            time_reader()(value)
        except Refused as reason:
            for name, given in HINT.findall(str(reason)):
                bare = given.strip("'")
                spec = TimeSpec(unit=bare) if name == "unit" else TimeSpec(format=bare)
                if share(values, time_reader(spec)) >= MOST:
                    return [f"--time-{name} {shell(bare)}"]
            if "steps" in str(reason):
                return ["--time-unit h", "--time-start 2026-01-01"]
    return []


def share(values: Sequence[Any], read: Callable[[Any], Any]) -> float:
    """The share of values that can be read."""
    good = 0
    for value in values:
        try:
            read(value)
        except Refused:
            continue
        good += 1
    return good / len(values) if values else 0.0


def _amounts(values: Sequence[Any]) -> Amounts:
    amounts = Amounts("amount")
    amounts.learn(values)
    amounts.decimal = amounts.decimal or "."
    return amounts


def _ambiguous(values: Sequence[Any]) -> bool:
    amounts = Amounts("amount")
    amounts.learn(values)
    return not amounts.decimal and share(values, amounts) < 1


def negative(values: Sequence[Any]) -> Iterable[bool]:
    """Whether each amount among values is negative."""
    read = _amounts(values)
    for value in values:
        try:
            yield (read(value) or 0) < 0
        except Refused:
            continue


def some_of(values: Sequence[Any]) -> list[Any]:
    """A few that differ."""
    return list(dict.fromkeys(values))[:3]


def shell(text: str) -> str:
    """A text as a shell takes it."""
    return text if re.fullmatch(r"[\w=,.:/+-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def quoted(column: str) -> str:
    """A column's name as `--columns` takes it."""
    if re.fullmatch(r'[^",=+\s]+( +[^",=+\s]+)*', column):
        return column
    return '"' + column.replace('"', '""') + '"'
