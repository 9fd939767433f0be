"""Decisions whose labels became known, packed in columns, and the weeks that they fall into."""

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.core.budget import unknown
from app.data.replay import Learned
from app.data.rows import Labelled
from app.errors import DataError
from app.streams.fraud.history.record import hash64

DAY_MS = 86_400_000
WEEK = 7  # days
MOST = 2_500_000  # decisions, for which a replay stays below 1 GB

Column: TypeAlias = NDArray[Any]
Rows: TypeAlias = NDArray[np.int64]  # places in a table


class Table(NamedTuple):
    """Measured decisions as columns of equal length.

    `days` since 1970, hashes of `customers`, `amounts`, `ys` (1 fraud); `scores` and `flagged`
    (1 when it went to review or was blocked) have one column a model.
    """

    days: Column
    customers: Column
    amounts: Column
    ys: Column
    scores: tuple[Column, ...]
    flagged: tuple[Column, ...]

    def take(self, rows: Rows) -> "Table":
        """Those of the rows."""
        return Table(
            self.days[rows],
            self.customers[rows],
            self.amounts[rows],
            self.ys[rows],
            tuple(column[rows] for column in self.scores),
            tuple(column[rows] for column in self.flagged),
        )


class Week(NamedTuple):
    """Seven days from a day on: the rows of the table that are measured, and how many are not."""

    first: int  # days since 1970
    rows: Rows
    left_out: int


class Measured:
    """Collects what is measured: 21 bytes a decision, and 9 for each model.

    Sorting them takes some 120 bytes more each, so there is a limit.

    Parameters
    ----------
    models
        How many models decide each transaction.
    span
        The transactions whose decisions count, epoch ms: from the first up to, not including,
        the second; None for no end.
    most
        Decisions that can be measured.
    """

    def __init__(self, models: int, span: tuple[int, int | None], most: int = MOST) -> None:
        self.span, self.most = span, most
        self.labels = 0  # transactions read that say whether they are fraud
        self._first: int | None = None  # the day of the first transaction in the span
        self._frauds = array("i"), array("Q")  # day and customer of all that were read
        self._true: set[str] = set()  # ids of frauds whose label has not come yet
        self._days, self._customers = array("i"), array("Q")
        self._amounts, self._ys = array("d"), array("b")
        self._scores = [array("d") for _ in range(models)]
        self._flagged = [array("b") for _ in range(models)]

    def read(self, rows: Sequence[Labelled]) -> None:
        """Note transactions as they were read: a fraud makes its customer a known one."""
        self.labels += sum(row.fraud is not None for row in rows)
        for row in rows:
            if row.fraud:
                self._frauds[0].append(row.tx.at // DAY_MS)
                self._frauds[1].append(hash64(row.tx.customer))
                self._true.add(row.tx.id)
        if self._first is None:
            days = (row.tx.at // DAY_MS for row in rows if self._counts(row.tx.at))
            self._first = next(days, None)

    def add(self, learned: Sequence[Sequence[Learned]]) -> Sequence[Sequence[Learned]]:
        """Note what each model learned, the same labels all; gives what lies in the span.

        Measured is the truth, which a label may not tell.

        Raises
        ------
        DataError
            More decisions are to be measured than can be.
        """
        kept = [[one for one in model if self._counts(one.example.at)] for model in learned]
        self._days.extend(one.example.at // DAY_MS for one in kept[0])
        self._customers.extend(hash64(one.decision.customer) for one in kept[0])
        self._amounts.extend(one.decision.amount for one in kept[0])
        self._ys.extend(one.example.tx in self._true for one in kept[0])
        self._true.difference_update(one.example.tx for one in learned[0])
        for scores, flagged, model in zip(self._scores, self._flagged, kept, strict=True):
            scores.extend(one.example.score for one in model)
            flagged.extend(one.decision.decision != "approve" for one in model)
        if len(self._days) > self.most:
            raise DataError(
                f"more than {self.most:,} decisions would be measured; choose the days that are"
                " with --from and --to"
            )
        return kept

    def table(self) -> Table:
        """All that was noted, without a copy."""
        return Table(
            np.asarray(self._days),
            np.asarray(self._customers),
            np.asarray(self._amounts),
            np.asarray(self._ys),
            tuple(map(np.asarray, self._scores)),
            tuple(map(np.asarray, self._flagged)),
        )

    def weeks(self, table: Table, remove: bool) -> list[Week]:
        """The weeks of the span that have rows, counted from its first day.

        Parameters
        ----------
        table
            What `table` gave.
        remove
            Whether customers known to be compromised are left out, as the Handbook's protocol
            does: see `unknown`. Each week is a fold of its own.
        """
        if self._first is None or not len(table.days):
            return []
        begin = self.span[0] // DAY_MS if self.span[0] else self._first
        weeks = []
        for first in range(begin, int(table.days.max()) + 1, WEEK):
            rows = np.flatnonzero((table.days >= first) & (table.days < first + WEEK))
            stays = self._unknown(table, rows, first) if remove else rows
            if len(rows):
                weeks.append(Week(first, stays, len(rows) - len(stays)))
        return weeks

    def _unknown(self, table: Table, rows: Rows, first: int) -> Rows:
        """Those of a week's rows whose customer was not yet known to be compromised."""
        days, customers = map(np.asarray, self._frauds)
        stays = unknown(
            np.concatenate((days, table.days[rows])),
            np.concatenate((customers, table.customers[rows])),
            np.repeat((1, 0), (len(days), len(rows))),
            first,
            WEEK,
        )
        return rows[stays[len(days) :]]

    def _counts(self, at: int) -> bool:
        return self.span[0] <= at and (self.span[1] is None or at < self.span[1])
