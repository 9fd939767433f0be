"""What becomes of rows that cannot be used: an end with a sentence, or a file of them."""

import csv
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from app.data.shown import in_words, masked, named, whole
from app.errors import DataError

ENOUGH = 1000  # rows after which more bad ones than good ones are taken for a wrong option


NO_CELL: Any = object()
JOINED = " + "  # between the names of columns that are one field
SECRET = "(not shown)"


class Problem(Exception):
    """Why a row cannot be used: column and value where one cell is the reason."""

    def __init__(self, reason: str, column: str = "", value: Any = NO_CELL) -> None:
        super().__init__(reason)
        reason = whole(in_words(reason))
        self.reason, self.column, self.value = reason, column, value

    def words(self, hidden: Collection[str] = ()) -> str:
        """Column, value and reason; without the value in columns whose values are secret."""
        if not self.column:
            return self.reason
        secret = not set(self.column.split(JOINED)).isdisjoint(hidden)
        cell = "" if self.value is NO_CELL or secret else f", value {masked(self.value)}"
        return f"column {named(self.column)}{cell}: {self.reason}"


class BadRows:
    """The rows of one pass that cannot be used.

    Parameters
    ----------
    path
        The file that is read.
    out
        Where bad rows are written; None to end at the first.
    columns
        Those that are read: what is written of a bad row, beside its place and the reason.
    hidden
        Those of them that are hashed: their values are neither written nor said.
    """

    def __init__(
        self,
        path: Path,
        out: Path | None,
        columns: Sequence[str],
        hidden: Collection[str] = (),
    ) -> None:
        self.path, self.out, self.columns, self.hidden = path, out, columns, hidden
        self.bad = self.left = 0
        self.first = ""

    def broken(
        self, number: int, line: int | None, reason: str, column: str, fields: Sequence[Any]
    ) -> None:
        """Note a row that is no row of the file's format, of which there are fields at most."""
        cells = [*[""] * len(self.columns), SECRET if self.hidden else "|".join(map(str, fields))]
        self._refuse(number, line, Problem(reason, column), cells)

    def refuse(self, number: int, line: int | None, problem: Problem, cells: Sequence[Any]) -> None:
        """Note a row.

        Raises
        ------
        DataError
            No rows are to be left out, or too many are, or their file cannot be written.
        """
        shown = [
            SECRET if name in self.hidden else cell
            for name, cell in zip(self.columns, cells, strict=False)
        ]
        self._refuse(number, line, problem, shown)

    def _refuse(
        self, number: int, line: int | None, problem: Problem, cells: Sequence[Any]
    ) -> None:
        place = f"row {number} of {self.path}" + (f" (line {line})" if line else "")
        said = f"{place}: {problem.words(self.hidden)}"
        if self.out is None:
            raise DataError(said)
        self.first = self.first or said
        self._write(number, line, problem, cells)
        self.bad += 1
        if number >= ENOUGH and self.bad > number / 2:
            raise DataError(
                f"{self.bad:,} of the first {number:,} rows cannot be used; the first: {self.first}"
            )

    def notes(self) -> list[str]:
        """What was left out, in sentences."""
        notes = []
        if self.bad:
            notes.append(
                f"Left out because they cannot be used: {self.bad:,}, which are in {self.out}. "
                f"The first: {self.first}"
            )
        if self.left:
            notes.append(f"Left out because their amount is negative: {self.left:,}.")
        return notes

    def _write(self, number: int, line: int | None, problem: Problem, cells: Sequence[Any]) -> None:
        assert self.out is not None
        first = not self.bad
        try:
            with self.out.open("w" if first else "a", newline="", encoding="utf-8") as file:
                out = csv.writer(file)
                if first:
                    out.writerow(["row", "line", "column", "reason", *self.columns, "broken"])
                kept = [masked(cell, plain=True) for cell in cells]
                out.writerow([number, line or "", problem.column, problem.reason, *kept])
        except OSError as error:
            raise DataError(
                f"bad rows cannot be written to {self.out}: {error.strerror}; --bad-rows names "
                "another file"
            ) from None
