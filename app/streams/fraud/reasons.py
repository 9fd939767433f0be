"""Why a row of a file cannot be a transaction: the cell that is the reason, and what helps."""

import re
from typing import Protocol

from app.data.amounts import Left
from app.data.bad_rows import JOINED, Problem
from app.data.cells import Missing
from app.data.options import FileOptions
from app.data.readers.table import Row
from app.errors import Refused
from app.streams.fraud.columns import Field
from app.streams.fraud.fields import REQUIRED
from app.streams.fraud.known_sets import Shape

FIELDS = (re.compile(r"`\$\.(\w+)`"), re.compile(r"`(\w+)`"))


class Plan(Protocol):
    """Where the fields of a row are, and what reads them; see `Reading`."""

    shape: Shape
    options: FileOptions
    missing: Missing
    unsaid: Missing
    fields: list[Field]
    columns: list[str]
    truth: slice
    known: int


def why(plan: Plan, row: Row, error: Exception) -> Exception:
    """The reason with its column and value, found by reading the cells one by one."""
    for (field, read, missing), cell, column in zip(plan.fields, row, plan.columns, strict=False):
        try:
            if (cell in missing or read(cell) is None) and field in REQUIRED:
                return Problem(absent(field), column, cell)
        except Refused as reason:
            return reason if isinstance(reason, Left) else Problem(str(reason), column, cell)
        except TypeError:
            return Problem(f"`{field}` is a {type(cell).__name__}, not a value", column, cell)
    return _later(plan, row, error)


def _later(plan: Plan, row: Row, error: Exception) -> Exception:
    """A reason that the wire gave, or that is of several columns, or of the label."""
    if isinstance(error, TypeError):  # of a column that is no field: labels, their times
        for cell, column in zip(row, plan.columns, strict=False):
            if isinstance(cell, list | dict):
                return Problem(f"it is a {type(cell).__name__}, not a value", column, cell)
    reason = str(error)
    field = field_of(reason)
    columns = list(plan.shape.columns.get(field, ()))
    if reason.startswith(("it is not a label", "the column has labels")):
        says = next((cell for cell in row[plan.truth] if cell not in plan.unsaid), None)
        column = plan.columns[plan.truth.start + list(row[plan.truth]).index(says)]
        return Problem(f"`label`: {reason}", column, says)
    if field == "scenario":
        return Problem(reason, plan.shape.scenario, row[plan.truth.stop])
    if reason.startswith(("`known`", "the label of")):
        named = reason.replace("`known`", f"`{plan.options.known}`")
        return Problem(named, str(plan.options.known), row[plan.known])
    if not columns:
        return Problem(reason)
    cells = [row[plan.columns.index(column)] for column in columns]
    if all(cell in plan.missing for cell in cells) or reason.startswith("Object missing"):
        reason = absent(field)
    if "card number" in reason:
        reason = f"`{field}` is a card number; --hash {field} replaces it by a keyed hash"
    return Problem(reason, JOINED.join(columns), cells[0] if len(cells) == 1 else tuple(cells))


def field_of(reason: str) -> str:
    """The field that a reason names.

    >>> field_of("Expected `str`, got `int` - at `$.id`"), field_of("`id` is a card number")
    ('id', 'id')
    """
    found = FIELDS[0].search(reason) or FIELDS[1].search(reason)
    return found.group(1) if found else ""


def absent(field: str) -> str:
    """Why a value that stands for none cannot be used."""
    own = "; --id row takes the row's number" if field == "id" else ""
    return f"`{field}` is missing; --missing says what stands for no value{own}"
