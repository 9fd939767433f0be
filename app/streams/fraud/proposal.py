"""What a file of transactions seems to be: a field for each column, with what speaks for it."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from app.data.amounts import Amounts
from app.data.cells import number_reader
from app.data.files import Guess, Proposal
from app.data.options import FileOptions
from app.data.readers.opening import open_table
from app.data.readers.table import Table
from app.data.shown import masked, named
from app.data.times import time_reader
from app.data.timespec import TimeSpec
from app.data.truths import Truths
from app.errors import DataError, Refused
from app.pan import is_card_number
from app.streams.fraud.fields import NAMED, REQUIRED
from app.streams.fraud.known_sets import Shape, shape_of
from app.streams.fraud.messages import LABELS

LOOKED_AT = 1000  # rows
MOST = 0.95  # share of the values that must be readable as the field's

# Words in the names of columns, the most telling first.
NAMES = {
    "label": "isfraud fraud label fraudulent chargeback class target isfrauds fraudbool "
    "betrug fraude frode",
    "at": "timestamp datetime transactiontime transactiondate time date transdatetranstime "
    "createdat created when ts purchased purchasedate txdatetime at step transactiondt datum zeit "
    "fecha hora data dt",
    "amount": "amount amt value total price sum eur usd gbp betrag montant importe monto "
    "valor valeur umsatz "
    "transactionamt txamount",
    "lat": "lat latitude merchlat",
    "lon": "lon long lng longitude merchlong",
    "customer": "customer customerid client clientid user userid cardholder account accountid "
    "ccnum card cardid cardnumber pan iban nameorig buyer payer who "
    "member kunde kundennummer konto cliente klient compte cuenta",
    "merchant": "merchant merchantid merchantname shop store terminal terminalid vendor payee "
    "seller namedest receiver beneficiary shopid pos "
    "haendler hndler tienda comercio commerce marchand negozio",
    "id": "id transactionid txid transid transnum tx reference ref uuid paymentid orderid",
    "currency": "currency ccy curr currencycode",
    "category": "category mcc merchantcategory type productcd",
    "channel": "channel entrymode usechip source posentrymode",
    "country": "country countrycode merchantcountry nation",
    "device": "device deviceid deviceinfo fingerprint",
    "ip": "ip ipaddress ipaddr clientip",
}
UNITS = ("s", "us", "ns", "excel")
DAY = re.compile("date|datum|fecha|day", re.IGNORECASE)
CLOCK = re.compile("time|zeit|hora|heure|clock|hour|tod", re.IGNORECASE)
HINT = re.compile(r"--time-(unit|format) ('[^']+'|\w+)")


def propose(path: Path, options: FileOptions) -> Proposal:
    """Look at a file. Raises DataError where it cannot be read."""
    table = open_table(path, options.layout)
    shape = shape_of(table.columns)
    sample = samples(table)
    if not any(sample.values()):
        raise DataError(f"{path} has columns but no rows")
    if shape.name:
        guesses = [
            Guess(field, " + ".join(map(named, names)), f"{shape.name}; {_some(sample, names[0])}")
            for field, names in shape.columns.items()
            if set(names) <= set(table.columns)
        ]
        extra = _hash_of(shape, sample)
        return Proposal(f"{shape.name}, {table.told}", table.columns, guesses, extra, ())
    return _guessed(table, sample, options)


def samples(table: Table) -> dict[str, list[Any]]:
    """The first values of each column."""
    columns = list(dict.fromkeys(table.columns))
    rows = list(islice(table.rows(columns, lambda *_: None), LOOKED_AT))
    return {name: [row[place] for row in rows] for place, name in enumerate(columns)}


def _guessed(table: Table, sample: dict[str, list[Any]], options: FileOptions) -> Proposal:
    """The best column for each field, each column for one field."""
    guesses: list[Guess] = []
    mapping: list[str] = []
    extra: list[str] = []
    free = list(sample)
    if (together := _date_and_time(sample, table, options)) is not None:
        guess, extra = together
        guesses.append(guess)
        free = [column for column in free if named(column) not in guess.column.split(" + ")]
    for field in NAMES:
        column = _best(field, free, sample, table, options)
        if column is None or (field == "at" and together):
            continue
        free.remove(column)
        values = _present(sample[column], options)
        evidence, more = _evidence(field, column, values, table)
        guesses.append(Guess(field, named(column), evidence))
        extra += more
        if column != field and not (field == "label" and column == "is_fraud"):
            mapping.append(f"{field}={quoted(column)}")
    guesses.sort(key=lambda guess: NAMED.index(guess.field))
    found = {guess.field for guess in guesses}
    if "id" not in found:
        extra.append("--id row")
        guesses.insert(
            0, Guess("id", "the row's number", "no column has a value of its own each row")
        )
    missing = [field for field in REQUIRED if field not in found and field != "id"]
    if mapping:
        extra.insert(0, f"--columns {shell(','.join(mapping))}")
    return Proposal(table.told, table.columns, guesses, extra, missing)


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
        if _fits(field, _present(sample[column], options), table.kinds.get(column, "")):
            ranked.append((rank, column))
    return min(ranked)[1] if ranked else None


def _fits(field: str, values: list[Any], kind: str) -> bool:
    """Whether values can be of a field."""
    if field == "at":
        return (
            kind in ("time", "date") or _rate(values, time_reader()) >= MOST or bool(_time(values))
        )
    if field == "amount":
        return (
            _rate(values, Amounts("amount", ".")) >= MOST
            or _rate(values, Amounts("amount", ",")) >= MOST
        )
    if field in ("lat", "lon"):
        return _rate(values, number_reader(field)) >= MOST
    if field == "label":
        return bool(values) and _rate(values, Truths(LABELS)) >= MOST
    if field == "id":
        return len(set(map(str, values))) == len(values) > 0
    return bool(values) and kind not in ("time", "date", "truth", "other")


def _evidence(field: str, column: str, values: list[Any], table: Table) -> tuple[str, list[str]]:
    """What speaks for a column, and the options that its values need."""
    said = [f"e.g. {', '.join(masked(one) for one in _some_of(values))}"]
    extra: list[str] = []
    if field == "at" and table.kinds.get(column) not in ("time", "date"):
        rate = _rate(values, time_reader())
        if rate < MOST:
            extra = _time(values)
            said.append("reads with " + " or ".join(extra))
        else:
            said.append(f"{rate:.0%} are times")
    elif field == "amount":
        said.append(f"{_rate(values, _amounts(values)):.0%} are amounts")
        if _ambiguous(values):
            extra = ["--decimal ."]
            said.append("1.234 may be 1234: check the decimal sign")
        if any(_negative(values)):
            extra.append("--negative skip")
            said.append(f"{sum(_negative(values)):,} are negative, as of refunds")
    elif field == "label":
        words = sorted({str(one) for one in values})
        said = [f"its values are {', '.join(words[:6])}"]
    elif field in ("id", "customer", "merchant"):
        said.append(f"{len(set(map(str, values))):,} different in {len(values):,}")
        if any(is_card_number(str(one)) for one in values):
            extra = [f"--hash {field} --hash-key FILE"]
            said.append("card numbers")
    return "; ".join(said), extra


def _date_and_time(
    sample: dict[str, list[Any]], table: Table, options: FileOptions
) -> tuple[Guess, list[str]] | None:
    """A column of dates and one of times of day, with the options that read them together."""
    days = [name for name in sample if DAY.search(name)]
    clocks = [name for name in sample if CLOCK.search(name) and name not in days]
    for day, clock in ((day, clock) for day in days for clock in clocks):
        pairs = zip(sample[day], sample[clock], strict=True)
        texts = [f"{one} {other}" for one, other in pairs if _is_clock(other)]
        if not texts or len(texts) < MOST * len(sample[clock]):
            continue
        more = [] if _rate(texts, time_reader()) >= MOST else _time(texts)
        if more or _rate(texts, time_reader()) >= MOST:
            columns = ",".join(map(quoted, (day, clock)))
            guess = Guess("at", f"{named(day)} + {named(clock)}", f"e.g. {masked(texts[0])}")
            return guess, [f"--time-columns {shell(columns)}", *more]
    return None


def _is_clock(value: Any) -> bool:
    """Whether a value is a time of day."""
    return bool(re.fullmatch(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?", str(value).strip()))


def _time(values: list[Any]) -> list[str]:
    """The options with which most values are times, as the reader itself advises."""
    for value in values[:20]:
        try:
            time_reader()(value)
        except Refused as reason:
            for name, given in HINT.findall(str(reason)):
                bare = given.strip("'")
                spec = TimeSpec(unit=bare) if name == "unit" else TimeSpec(format=bare)
                if _rate(values, time_reader(spec)) >= MOST:
                    return [f"--time-{name} {shell(bare)}"]
            if "steps" in str(reason):
                return ["--time-unit h", "--time-start 2026-01-01"]
    return []


def _rate(values: Sequence[Any], read: Callable[[Any], Any]) -> float:
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
    return not amounts.decimal and _rate(values, amounts) < 1


def _negative(values: Sequence[Any]) -> Iterable[bool]:
    read = _amounts(values)
    for value in values:
        try:
            yield (read(value) or 0) < 0
        except Refused:
            continue


def _present(values: Sequence[Any], options: FileOptions) -> list[Any]:
    """The values that are there and can be read as single ones."""
    return [
        one for one in values if not isinstance(one, (list, dict)) and one not in options.missing
    ]


def _some_of(values: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(values))[:3]


def _some(sample: dict[str, list[Any]], column: str) -> str:
    return "e.g. " + ", ".join(masked(one) for one in _some_of(sample[column]))


def _hash_of(shape: Shape, sample: dict[str, list[Any]]) -> list[str]:
    """The option for the fields of a known set that are card numbers."""
    return [
        f"--hash {field} --hash-key FILE"
        for field, names in shape.columns.items()
        if len(names) == 1 and any(is_card_number(str(one)) for one in sample.get(names[0], ()))
    ]


def quoted(column: str) -> str:
    """A column's name as `--columns` takes it."""
    if re.fullmatch(r'[^",=+\s]+( +[^",=+\s]+)*', column):
        return column
    return '"' + column.replace('"', '""') + '"'


def shell(text: str) -> str:
    """A text as a shell takes it."""
    return text if re.fullmatch(r"[\w=,.:/+-]+", text) else "'" + text.replace("'", "'\\''") + "'"
