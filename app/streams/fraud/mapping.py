"""What a file's columns are read as: a shape, changed by what options say."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app.data.options import ROW, FileOptions, Times
from app.data.readers.table import Table
from app.data.timespec import TimeSpec
from app.streams.fraud.checks import check_kinds, check_needed, check_options
from app.streams.fraud.fields import FIELDS, OWN
from app.streams.fraud.known_sets import Shape, shape_of
from app.streams.fraud.own_columns import column_of


def mapped(table: Table, path: Path, options: FileOptions) -> Shape:
    """The shape of a file. Its columns are there.

    Raises
    ------
    DataError
        Columns are missing, or an option names what is no field or no column.
    """
    check_options(table, path, options)
    shape = _with_own(_changed(shape_of(table.columns), options), table, options)
    check_needed(shape, table, path)
    shape = shape._replace(
        columns={
            field: columns
            for field, columns in shape.columns.items()
            if _kept(field, columns, shape, table, options)
        },
        truth=tuple(name for name in shape.truth if _may_have(table, name)),
    )
    for field, columns in shape.columns.items():
        check_kinds(field, columns, table, path)
    return shape


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
    columns.update((field, names) for field, names in given.items() if field in options.declared)
    return shape._replace(
        columns=columns,
        constants=constants,
        truth=given.get("label", shape.truth),
        scenario=given.get("scenario", (shape.scenario,))[0],
        time=None if "at" in given else shape.time,
        steps=1 if "at" in given or options.time.unit else shape.steps,
    )


def _with_own(shape: Shape, table: Table, options: FileOptions) -> Shape:
    """The shape with the columns that are named as declared fields."""
    columns = dict(shape.columns)
    for field in options.declared:
        if field not in columns and field not in (*FIELDS, *shape.constants):
            column = column_of(field, table.columns)
            if column is not None:
                columns[field] = (column,)
    return shape._replace(columns=columns)


def _kept(
    field: str, columns: tuple[str, ...], shape: Shape, table: Table, options: FileOptions
) -> bool:
    """Whether a field is read: one that nobody named and the file has not is left out."""
    return field in options.columns or all(_may_have(table, name) for name in columns)


def _may_have(table: Table, column: str) -> bool:
    """Whether rows may have a column. Of JSON any later row may."""
    return column in table.columns or table.told.startswith("JSON")


def constants_of(shape: Shape) -> Mapping[str, str]:
    """What is the same in all rows, without what is each row's own."""
    return {
        field: value
        for field, value in shape.constants.items()
        if not (value == ROW and field in OWN)
    }
