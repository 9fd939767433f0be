"""What a file's columns are read as, in words."""

from app.data.files import Assignment
from app.data.options import ROW, FileOptions
from app.data.readers.table import Table
from app.data.shown import named
from app.data.timespec import TimeSpec
from app.streams.fraud.fields import FIELDS, NAMED, OWN, TEXTS
from app.streams.fraud.known_sets import Shape
from app.streams.fraud.mapping import spec_of
from app.streams.fraud.own_columns import NESTED


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
    for field in options.declared:
        if field not in (*shape.columns, *shape.constants):
            nested = NESTED in table.columns and field not in FIELDS
            where = (f"{NESTED}.{field}", "") if nested else ("none", "no column is named so")
            found.append(Assignment(field, *where))
    order = {field: place for place, field in enumerate(NAMED)}
    return sorted(found, key=lambda one: order.get(one.field, len(order)))


def _note(field: str, shape: Shape, table: Table, options: FileOptions) -> str:
    if field == "at":
        return described(spec_of(shape, options.time), shape, table)
    if field in options.hashed:
        return "a keyed hash of it"
    if (kind := options.declared.get(field)) and field not in FIELDS:
        return "a number of your own" if kind is float else "a word of your own"
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
