"""What becomes of rows that cannot be used: an end with a sentence, or a file of them."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.data.shown import in_words, masked, named, whole
from app.errors import DataError

ENOUGH = 1000  # rows after which more bad ones than good ones are taken for a wrong option


NO_CELL: Any = object()


class Problem(Exception):
    """Why a row cannot be used: column and value where one cell is the reason."""

    def __init__(self, reason: str, column: str = "", value: Any = NO_CELL) -> None:
        super().__init__(reason)
        reason = whole(in_words(reason))
        self.reason, self.column, self.value = reason, column, value

    def words(self) -> str:
        """Column, value and reason."""
        if not self.column:
            return self.reason
        cell = "" if self.value is NO_CELL else f", value {masked(self.value)}"
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
        Those that are read, the header of the file of bad rows.
    """

    def __init__(self, path: Path, out: Path | None, columns: Sequence[str]) -> None:
        self.path, self.out, self.columns = path, out, columns
        self.rows = self.bad = self.left = 0
        self.first = ""

    def refuse(self, number: int, line: int | None, problem: Problem, cells: Sequence[Any]) -> None:
        """Note a row.

        Raises
        ------
        DataError
            No rows are to be left out, or too many are, or their file cannot be written.
        """
        place = f"row {number} of {self.path}" + (f" (line {line})" if line else "")
        said = f"{place}: {problem.words()}"
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
                f"{self.bad:,} rows cannot be used and were left out; they are in {self.out}. "
                f"The first: {self.first}"
            )
        if self.left:
            notes.append(f"{self.left:,} rows with a negative amount were left out.")
        return notes

    def _write(self, number: int, line: int | None, problem: Problem, cells: Sequence[Any]) -> None:
        assert self.out is not None
        first = not self.bad
        try:
            with self.out.open("w" if first else "a", newline="", encoding="utf-8") as file:
                out = csv.writer(file)
                if first:
                    out.writerow(["row", "line", "column", "reason", *self.columns])
                kept = [masked(cell, plain=True) for cell in cells]
                out.writerow([number, line or "", problem.column, problem.reason, *kept])
        except OSError as error:
            raise DataError(
                f"bad rows cannot be written to {self.out}: {error.strerror}; --bad-rows names "
                "another file"
            ) from None
