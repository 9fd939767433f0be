"""Whether a file has the columns that a mapping reads, and options name what there is."""

import re
from pathlib import Path

from app.data.options import FileOptions
from app.data.readers.table import Table
from app.data.shown import named
from app.errors import DataError
from app.streams.fraud.fields import FIELDS, NAMED, REQUIRED, TEXTS
from app.streams.fraud.known_sets import Shape
from app.streams.fraud.messages import LABELS

LISTED = 40  # columns that a sentence lists


def check_options(table: Table, path: Path, options: FileOptions) -> None:
    """Refuse options that name no field, no label or no column. Raises DataError."""
    both = set(options.columns) & set(options.constants)
    if both:
        raise DataError(f"{', '.join(sorted(both))}: either a column or one value for all rows")
    known = dict.fromkeys((*NAMED, *options.declared))
    texts = dict.fromkeys((*TEXTS, *(n for n, kind in options.declared.items() if kind is str)))
    for field in (*options.columns, *options.constants, *options.hashed):
        if field not in known:
            raise DataError(
                f"{field} is no field of a transaction; those are {', '.join(known)}, and a word "
                "or number of your own once --fields or WEIR_FIELDS names a file that declares it"
            )
    for field in options.hashed:
        if field not in texts:
            raise DataError(f"--hash {field}: it is no text; those are {', '.join(texts)}")
    for field in options.constants:
        if field not in texts:
            raise DataError(f"--set {field}: it is no text; those are {', '.join(texts)}")
    for field, names in options.columns.items():
        if options.declared.get(field) is float and len(names) > 1:
            raise DataError(f"--columns {'+'.join([field, *names])}: a number has one column")
    for word in options.label_words.values():
        if word not in LABELS.words:
            raise DataError(
                f"--label-words {word}: it is no label; those are {', '.join(LABELS.words)}"
            )
    wanted = [name for names in options.columns.values() for name in names]
    wanted += [*options.time.columns, *([options.known] if options.known else [])]
    for column in wanted:
        if column not in table.columns:
            raise DataError(f"{path} lacks the column {named(column)}; it has {_listed(table)}")
        if table.columns.count(column) > 1:
            raise DataError(f"{path} has two columns named {named(column)}; rename one of them")


def check_needed(shape: Shape, table: Table, path: Path) -> None:
    """Refuse a file that lacks a column without which there is no transaction. Raises DataError."""
    missing = [
        name
        for field in REQUIRED
        if field not in shape.constants
        for name in shape.columns.get(field, (field,))
        if name not in table.columns
    ]
    for name in (name for names in shape.columns.values() for name in names):
        if table.columns.count(name) > 1:
            raise DataError(f"{path} has two columns named {named(name)}; rename one of them")
    if not missing:
        return
    fields = [
        field
        for field in REQUIRED
        if field not in shape.constants and set(shape.columns.get(field, (field,))) & set(missing)
    ]
    advice = ",".join(f"{field}=COLUMN" for field in fields)
    if any(re.fullmatch(r"[\d.,]+", name) for name in table.columns):
        raise DataError(f"{path}: the first line has to name the columns; it is {_listed(table)}")
    row = ", --id row takes the row's number as id" if "id" in fields else ""
    raise DataError(
        f"{path} lacks the columns {', '.join(map(named, missing))}; it has {_listed(table)}; "
        f"--columns {advice} names them{row}, --set gives one value to all rows, and weir "
        "inspect proposes what to write"
    )


def check_kinds(field: str, columns: tuple[str, ...], table: Table, path: Path) -> None:
    """Refuse a column whose type cannot be the field's without a change of its values."""
    for column in columns:
        kind = table.kinds.get(column, "")
        wrong = kind in ("time", "date", "truth", "other") and field != "at"
        wrong = wrong and (field in FIELDS or kind in ("time", "date"))
        if wrong or (field == "at" and kind in ("truth", "other") and len(columns) == 1):
            words = {"time": "times", "date": "dates", "truth": "truth values"}.get(kind, "lists")
            raise DataError(
                f"{path}: the column {named(column)} holds {words}, which are no `{field}`; write "
                "it as text, or name another with --columns"
            )


def _listed(table: Table) -> str:
    names = [named(column) for column in table.columns[:LISTED]]
    more = len(table.columns) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
