"""What a file's columns are read as: a shape, changed by what options say."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app.data.files import Assignment
from app.data.options import ROW, FileOptions, Times
from app.data.readers.table import Table
from app.data.shown import named
from app.data.timespec import TimeSpec
from app.errors import DataError
from app.streams.fraud.known_sets import FIELDS, Shape, shape_of
from app.streams.fraud.messages import LABELS

REQUIRED = ("id", "at", "customer", "merchant", "amount")
NUMBERS = ("amount", "lat", "lon")
TEXTS = tuple(field for field in FIELDS if field not in ("at", *NUMBERS))
OWN = ("id", "customer")  # fields that may have a value of each row's own
NAMED = (*FIELDS, "label", "scenario")  # what options may name
LISTED = 40  # columns that a sentence lists


def mapped(table: Table, path: Path, options: FileOptions) -> Shape:
    """The shape of a file. Its columns are there.

    Raises
    ------
    DataError
        Columns are missing, or an option names what is no field or no column.
    """
    _check_options(table, path, options)
    shape = _changed(shape_of(table.columns), options)
    _check_needed(shape, table, path)
    shape = shape._replace(
        columns={
            field: columns
            for field, columns in shape.columns.items()
            if _kept(field, columns, shape, table, options)
        },
        truth=tuple(name for name in shape.truth if _may_have(table, name)),
    )
    for field, columns in shape.columns.items():
        _check_kinds(field, columns, table, path)
    return shape


def assignments(shape: Shape, table: Table, options: FileOptions) -> list[Assignment]:
    """Where each field comes from, for people."""
    found = []
    for field, columns in shape.columns.items():
        found.append(
            Assignment(field, " + ".join(map(named, columns)), _note(field, shape, table, options))
        )
    for field, value in shape.constants.items():
        own = value == ROW and field in OWN
        source = "the row's number: row-1, row-2, ..." if own else f"always {value!r}"
        found.append(Assignment(field, source))
    truth = [name for name in shape.truth if name in table.columns]
    found.append(
        Assignment("label", " else ".join(map(named, truth)) or "none", "not sent with it")
    )
    if options.known is not None:
        found.append(Assignment("label known", named(options.known)))
    order = {field: place for place, field in enumerate(NAMED)}
    return sorted(found, key=lambda one: order.get(one.field, len(order)))


def spec_of(shape: Shape, times: Times) -> TimeSpec:
    """How the times of a file are written. Raises DataError for options that mean nothing."""
    spec = shape.time or TimeSpec()
    zone = times.zone or spec.zone
    if times.unit or times.format or times.columns:
        return TimeSpec(times.unit, times.start, times.format, zone, times.columns)
    return replace(spec, start=times.start or spec.start, zone=zone)


def resolved(options: FileOptions, table: Table) -> FileOptions:
    """The options with columns as the file names them: blanks and line ends count as one blank."""
    plain = {" ".join(name.split()): name for name in reversed(table.columns)}

    def name(given: str) -> str:
        return given if given in table.columns else plain.get(" ".join(given.split()), given)

    return replace(
        options,
        columns={field: tuple(map(name, names)) for field, names in options.columns.items()},
        known=None if options.known is None else name(options.known),
        time=options.time._replace(columns=tuple(map(name, options.time.columns))),
    )


def _changed(shape: Shape, options: FileOptions) -> Shape:
    """The shape with the columns and the values that options name."""
    given = dict(options.columns)
    if options.time.columns:
        given["at"] = options.time.columns
    constants = {
        **{field: value for field, value in shape.constants.items() if field not in given},
        **options.constants,
    }
    columns = {field: names for field, names in shape.columns.items() if field not in constants}
    columns.update((field, names) for field, names in given.items() if field in FIELDS)
    return shape._replace(
        columns=columns,
        constants=constants,
        truth=given.get("label", shape.truth),
        scenario=given.get("scenario", (shape.scenario,))[0],
        time=None if "at" in given else shape.time,
        steps=1 if "at" in given or options.time.unit else shape.steps,
    )


def _check_options(table: Table, path: Path, options: FileOptions) -> None:
    both = set(options.columns) & set(options.constants)
    if both:
        raise DataError(f"{', '.join(sorted(both))}: either a column or one value for all rows")
    for field in (*options.columns, *options.constants, *options.hashed):
        if field not in NAMED:
            raise DataError(f"{field} is no field of a transaction; those are {', '.join(NAMED)}")
    for field in options.hashed:
        if field not in TEXTS:
            raise DataError(f"--hash {field}: it is no text; those are {', '.join(TEXTS)}")
    for field in options.constants:
        if field not in TEXTS:
            raise DataError(f"--set {field}: it is no text; those are {', '.join(TEXTS)}")
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


def _check_needed(shape: Shape, table: Table, path: Path) -> None:
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


def _kept(
    field: str, columns: tuple[str, ...], shape: Shape, table: Table, options: FileOptions
) -> bool:
    """Whether a field is read: one that nobody named and the file has not is left out."""
    return field in options.columns or all(_may_have(table, name) for name in columns)


def _may_have(table: Table, column: str) -> bool:
    """Whether rows may have a column. Of JSON any later row may."""
    return column in table.columns or table.told.startswith("JSON")


def _check_kinds(field: str, columns: tuple[str, ...], table: Table, path: Path) -> None:
    """Refuse a column whose type cannot be the field's without a change of its values."""
    for column in columns:
        kind = table.kinds.get(column, "")
        wrong = kind in ("time", "date", "truth", "other") and field != "at"
        if wrong or (field == "at" and kind in ("truth", "other") and len(columns) == 1):
            words = {"time": "times", "date": "dates", "truth": "truth values"}.get(kind, "lists")
            raise DataError(
                f"{path}: the column {named(column)} holds {words}, which are no `{field}`; write "
                "it as text, or name another with --columns"
            )


def _note(field: str, shape: Shape, table: Table, options: FileOptions) -> str:
    if field == "at":
        return described(spec_of(shape, options.time), shape, table)
    if field in options.hashed:
        return "a keyed hash of it"
    columns = shape.columns[field]
    if field in TEXTS and table.kinds.get(columns[0]) == "float":
        return "numbers without their .0"
    return ""


def described(spec: TimeSpec, shape: Shape, table: Table) -> str:
    """How times are read, in words."""
    column = shape.columns["at"][0]
    if table.kinds.get(column) == "time" and not spec.columns:
        return f"times; those without an offset are {spec.zone}"
    if spec.format:
        return f"format {spec.format}, {spec.zone}"
    if spec.unit:
        unit = f"{shape.steps} {spec.unit}" if shape.steps > 1 else spec.unit
        return f"in {unit} from {spec.start or 'their epoch'}"
    return f"epoch ms, or ISO text; without an offset {spec.zone}"


def _listed(table: Table) -> str:
    names = [named(column) for column in table.columns[:LISTED]]
    more = len(table.columns) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def constants_of(shape: Shape) -> Mapping[str, str]:
    """What is the same in all rows, without what is each row's own."""
    return {
        field: value
        for field, value in shape.constants.items()
        if not (value == ROW and field in OWN)
    }
