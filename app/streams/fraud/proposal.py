"""What a file of transactions seems to be: a field for each column, with what speaks for it."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from app.data.files import Guess, Proposal
from app.data.options import FileOptions
from app.data.readers.opening import open_table
from app.data.readers.table import Table
from app.data.shown import masked, named
from app.data.times import time_reader
from app.errors import DataError
from app.pan import is_card_number
from app.streams.fraud.candidates import candidates
from app.streams.fraud.checks import check_options
from app.streams.fraud.evidence import (
    MOST,
    evidence,
    fits,
    negative,
    quoted,
    share,
    shell,
    some_of,
    time_options,
)
from app.streams.fraud.fields import NAMED, REQUIRED, TEXTS
from app.streams.fraud.known_sets import Shape, shape_of
from app.streams.fraud.mapping import resolved
from app.streams.fraud.names import NAMES

LOOKED_AT = 1000  # rows
NONE: Mapping[str, str] = {}
DAY = re.compile("date|datum|fecha|day", re.IGNORECASE)
CLOCK = re.compile("time|zeit|hora|heure|clock|hour|tod", re.IGNORECASE)


def propose(path: Path, options: FileOptions) -> Proposal:
    """Look at a file. Raises DataError where it cannot be read."""
    table = open_table(path, options.layout)
    options = resolved(options, table)
    check_options(table, path, options)
    shape = shape_of(table.columns)
    sample = samples(table)
    if not any(sample.values()):
        raise DataError(f"{path} has columns but no rows")
    if shape.name:
        return _known(table, shape, sample, options)
    return _guessed(table, sample, options)


def samples(table: Table) -> dict[str, list[Any]]:
    """The first values of each column."""
    columns = list(dict.fromkeys(table.columns))
    rows = list(islice(table.rows(columns, lambda *_: None), LOOKED_AT))
    return {name: [row[place] for row in rows] for place, name in enumerate(columns)}


def _known(
    table: Table, shape: Shape, sample: dict[str, list[Any]], options: FileOptions
) -> Proposal:
    """The columns of a public data set, but for those that were given."""
    guesses = [
        Guess(field, " + ".join(map(named, names)), f"{shape.name}; {_some(sample, names[0])}")
        for field, names in {**shape.columns, "label": shape.truth[:1]}.items()
        if names and set(names) <= set(table.columns) and field not in options.columns
    ]
    guesses += _as_named(options)
    single = {field: names[0] for field, names in shape.columns.items() if len(names) == 1}
    extra = [*_given(options), *_hash_of(single, sample)]
    if any(negative(_present(sample[single["amount"]], options))):
        extra.append("--negative skip")
    taken = {**shape.columns, "label": shape.truth, "scenario": (shape.scenario,)}
    own = candidates(table, {**taken, **options.columns}, options)
    return Proposal(f"{shape.name}, {table.told}", table.columns, guesses, extra, (), *own)


def _guessed(table: Table, sample: dict[str, list[Any]], options: FileOptions) -> Proposal:
    """The best column for each field, each column for one field."""
    together = None if "at" in options.columns else _date_and_time(sample)
    guesses, extra = ([together[0]], together[1]) if together else ([], [])
    in_two = together[0].column.split(" + ") if together else []
    times = tuple(name for name in sample if named(name) in in_two)
    chosen = _chosen(table, sample, options, times)
    guesses += _as_named(options)
    for field, column in chosen.items():
        said, more = evidence(field, column, _present(sample[column], options), table)
        guesses.append(Guess(field, named(column), said))
        extra += more
    extra += _hash_of({field: chosen[field] for field in TEXTS if field in chosen}, sample)
    guesses.sort(key=lambda guess: NAMED.index(guess.field))
    found = {*options.constants, *(guess.field for guess in guesses)}
    if "id" not in found:
        extra.append("--id row")
        no_id = Guess("id", "the row's number", "no column has a value of its own each row")
        guesses.insert(0, no_id)
    missing = [field for field in REQUIRED if field not in found and field != "id"]
    taken = {"at": times} | {field: (column,) for field, column in chosen.items()}
    own = candidates(table, {**taken, **options.columns}, options)
    extra = [*_given(options, chosen), *extra]
    return Proposal(table.told, table.columns, guesses, extra, missing, *own)


def _chosen(
    table: Table, sample: dict[str, list[Any]], options: FileOptions, times: Sequence[str]
) -> dict[str, str]:
    """The column of each field that was not given; `times` are those of date and time."""
    given = {name for names in options.columns.values() for name in names}
    free = [name for name in sample if name not in times and name not in given]
    chosen: dict[str, str] = {}
    for field in NAMES:
        if field in options.columns or field in options.constants or (field == "at" and times):
            continue
        column = _best(field, free, sample, table, options)
        if column is not None:
            free.remove(column)
            chosen[field] = column
    return chosen


def _as_named(options: FileOptions) -> list[Guess]:
    """The fields whose columns were given."""
    return [
        Guess(field, " + ".join(map(named, columns)), "as it was named")
        for field, columns in options.columns.items()
    ]


def _option(field: str, columns: Sequence[str]) -> str:
    return f"{field}={'+'.join(map(quoted, columns))}"


def _given(options: FileOptions, chosen: Mapping[str, str] = NONE) -> list[str]:
    """The options that name columns and constants: the given ones, then those that were chosen."""
    mapping = [_option(field, names) for field, names in options.columns.items()]
    for field, column in chosen.items():
        if column != field and (field, column) != ("label", "is_fraud"):
            mapping.append(_option(field, (column,)))
    columns = [f"--columns {shell(','.join(mapping))}"] if mapping else []
    values = ",".join(f"{field}={quoted(value)}" for field, value in options.constants.items())
    return [*columns, *([f"--set {shell(values)}"] if values else [])]


def _best(
    field: str,
    free: Sequence[str],
    sample: dict[str, list[Any]],
    table: Table,
    options: FileOptions,
) -> str | None:
    """The free column whose name says the field, and whose values can be its."""
    words = NAMES[field].split()
    ranked = []
    for column in free:
        plain = re.sub("[^a-z]", "", column.lower())
        parts = re.split("[^a-z]+", re.sub("([a-z])([A-Z])", r"\1 \2", column).lower())
        if plain in words:
            rank = words.index(plain)
        elif set(parts) & set(words):
            rank = 100 + min(words.index(part) for part in parts if part in words)
        else:
            continue
        if fits(field, _present(sample[column], options), table.kinds.get(column, "")):
            ranked.append((rank, column))
    return min(ranked)[1] if ranked else None


def _present(values: Sequence[Any], options: FileOptions) -> list[Any]:
    """The values that are there and can be read as single ones."""
    return [
        one for one in values if not isinstance(one, (list, dict)) and one not in options.missing
    ]


def _some(sample: dict[str, list[Any]], column: str) -> str:
    return "e.g. " + ", ".join(masked(one) for one in some_of(sample[column]))


def _hash_of(fields: dict[str, str], sample: dict[str, list[Any]]) -> list[str]:
    """The option for fields whose columns hold card numbers."""
    found = [
        field
        for field, column in fields.items()
        if any(is_card_number(str(one)) for one in sample.get(column, ()))
    ]
    return [f"--hash {','.join(found)} --hash-key FILE"] if found else []


def _date_and_time(sample: dict[str, list[Any]]) -> tuple[Guess, list[str]] | None:
    """A column of dates and one of times of day, with the options that read them together."""
    days = [name for name in sample if DAY.search(name)]
    clocks = [name for name in sample if CLOCK.search(name) and name not in days]
    for day, clock in ((day, clock) for day in days for clock in clocks):
        pairs = zip(sample[day], sample[clock], strict=True)
        texts = [f"{one} {other}" for one, other in pairs if _is_clock(other)]
        if not texts or len(texts) < MOST * len(sample[clock]):
            continue
        more = [] if share(texts, time_reader()) >= MOST else time_options(texts)
        if more or share(texts, time_reader()) >= MOST:
            columns = ",".join(map(quoted, (day, clock)))
            guess = Guess("at", f"{named(day)} + {named(clock)}", f"e.g. {masked(texts[0])}")
            return guess, [f"--time-columns {shell(columns)}", *more]
    return None


def _is_clock(value: Any) -> bool:
    """Whether a value is a time of day."""
    return bool(re.fullmatch(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?", str(value).strip()))
