"""Files of labels: what was said of events, a row each."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from app.core.domain import Application
from app.core.messages import Feedback
from app.data.bad_rows import BadRows, Problem
from app.data.files import Assignment
from app.data.label_rows import LabelReading, name_of
from app.data.options import AS_IT_IS, FileOptions
from app.data.readers.opening import open_table
from app.data.readers.table import Row, Table
from app.data.shown import named
from app.errors import DataError

# Other names of columns, without case and signs; an event's own id comes before any `id`.
SPELLINGS = {
    "id": ("{event}id", "{event}", "transactionid", "transaction", "txid", "tx", "eventid", "id"),
    "key": ("{key}", "{key}id"),
    "label": ("label", "isfraud", "fraud", "txfraud"),
    "at": ("at", "labelledat", "labeledat", "saidat"),
    "source": ("source",),
    "actor": ("actor", "analyst"),
    "reason": ("reason", "reasoncode"),
    "note": ("note", "notes", "comment"),
    "label_id": ("labelid",),
}


@dataclass
class LabelFile:
    """A file of labels of an application. Each iteration reads it from its start.

    Iterating raises DataError at a row that is no label, naming row, column and value, unless
    such rows are left out. Rows whose label is missing say nothing, and are counted.

    Parameters
    ----------
    usual
        By field, what a row says that has no value of its own.
    """

    path: Path
    table: Table
    application: Application
    options: FileOptions
    columns: Mapping[str, tuple[str, ...]]
    usual: Mapping[str, str]
    bad: BadRows = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.bad, self.silent = BadRows(self.path, None, []), 0

    def __iter__(self) -> Iterator[Feedback]:
        read = LabelReading(self.application, self.table, self.options, self.columns, self.usual)
        self.bad, self.silent = BadRows(self.path, self._bad_path(), read.columns), 0
        number = 0

        def broken(reason: str, column: str, cells: Row) -> None:
            nonlocal number
            number += 1
            self.bad.broken(number, rows.line, reason, column, cells)

        rows = self.table.rows(read.columns, broken)
        for row in rows:
            number += 1
            try:
                said = read(row)
            except Problem as problem:
                self.bad.refuse(number, rows.line, problem, row)
                continue
            if said is None:
                self.silent += 1
            else:
                yield said
        if number and self.bad.bad == number:
            raise DataError(f"no row of {self.path} can be used; the first: {self.bad.first}")

    def sample(self, count: int) -> list[Feedback]:
        """The first labels."""
        return list(islice(self, count))

    def mapping(self) -> list[Assignment]:
        """Which columns are read as which fields."""
        found = [
            Assignment(
                name_of(self.application, field),
                " + ".join(map(named, columns)),
                "a keyed hash of it" if self._hashed(field) else "",
            )
            for field, columns in self.columns.items()
        ]
        usual = [
            Assignment(field, f"else {value!r}" if field in self.columns else f"always {value!r}")
            for field, value in self.usual.items()
            if value
        ]
        return [*found, *usual]

    def notes(self) -> list[str]:
        """What the latest iteration left out, in sentences."""
        notes = self.bad.notes()
        if self.silent:
            notes.append(f"Rows without a label, which say nothing: {self.silent:,}.")
        return notes

    def _bad_path(self) -> Path | None:
        if not self.options.skip_bad:
            return None
        return self.options.bad_rows or self.path.with_name(f"{self.path.name}.bad.csv")

    def _hashed(self, field: str) -> bool:
        return name_of(self.application, field) in self.options.hashed


def open_labels(
    application: Application,
    path: Path,
    options: FileOptions = AS_IT_IS,
    usual: Mapping[str, str] | None = None,
) -> LabelFile:
    """Recognise a file of an application's labels by its columns.

    Raises
    ------
    DataError
        No such file, a format that is not read, no column for the event's id, its key or the
        label, an option that names what is no field or no column.
    """
    times = options.time
    table = open_table(path, options.layout, "" if times.zone in (None, "UTC") else times.zone)
    fields = {name_of(application, field): field for field in SPELLINGS}
    given = dict(options.columns)
    if times.columns:
        given["at"] = times.columns
    _check_options(application, path, table, options, given)
    columns = {
        field: given.get(name) or _found(application, field, table)
        for name, field in fields.items()
    }
    if missing := [name for name, field in fields.items() if not columns[field]]:
        _check_needed(application, path, table, missing)
    kept = {field: names for field, names in columns.items() if names}
    said = {field: value for field, value in (usual or {}).items() if value}
    said.setdefault("source", application.labels.reviewer)
    return LabelFile(path, table, application, options, kept, said)


def _check_options(
    application: Application,
    path: Path,
    table: Table,
    options: FileOptions,
    given: Mapping[str, tuple[str, ...]],
) -> None:
    names = [name_of(application, field) for field in SPELLINGS]
    for name in (*given, *options.hashed):
        if name not in names:
            raise DataError(f"{name} is no field of a label; those are {', '.join(names)}")
    if wrong := options.hashed & {"at", "label", "source"}:
        raise DataError(f"--hash {', '.join(sorted(wrong))}: it is no id or text of a person")
    for word in options.label_words.values():
        if word not in application.labels.words:
            words = ", ".join(application.labels.words)
            raise DataError(f"--label-words {word}: it is no label; those are {words}")
    for name, columns in given.items():
        if len(columns) > 1 and name != "at":
            raise DataError(f"{name} of a label is one column, not several")
        for column in columns:
            if column not in table.columns:
                has = _listed(table)
                raise DataError(f"{path} lacks the column {named(column)}; it has {has}")


def _check_needed(
    application: Application, path: Path, table: Table, missing: Sequence[str]
) -> None:
    needed = [name for name in ("id", application.key, "label") if name in missing]
    if needed:
        advice = ",".join(f"{name}=COLUMN" for name in needed)
        raise DataError(
            f"{path} has no column for {', '.join(needed)}; it has {_listed(table)}; "
            f"--columns {advice} names them"
        )


def _found(application: Application, field: str, table: Table) -> tuple[str, ...]:
    """The column that is spelled like a field."""
    plain = {re.sub(r"[\W_]", "", name).lower(): name for name in reversed(table.columns)}
    event = application.events.removesuffix("s")
    spellings = [one.format(event=event, key=application.key) for one in SPELLINGS[field]]
    found = next((plain[one] for one in spellings if one in plain), None)
    if found is None and table.told.startswith("JSON") and field not in ("id", "key"):
        found = field  # which later rows may have, though the first has not
    return (found,) if found else ()


def _listed(table: Table) -> str:
    return ", ".join(map(named, table.columns[:40]))
