"""Decisions whose labels became known, packed in columns, and the weeks that they fall into."""

from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.core.hashing import hash64
from app.data.budget import unknown
from app.data.replay import Settled
from app.data.rows import Labelled
from app.errors import DataError
from app.units import DAY_MS

WEEK = 7  # days
MOST = 2_500_000  # decisions, for which a replay stays below 1 GB

Column: TypeAlias = NDArray[Any]
Rows: TypeAlias = NDArray[np.int64]  # places in a table


class Table(NamedTuple):
    """Measured decisions as columns of equal length.

    `days` since 1970, hashes of `keys`, `stakes` (what each event is worth), `ys` (1 positive);
    `scores` and `flagged` (1 when it went to review or was blocked) have one column a model.
    """

    days: Column
    keys: Column
    stakes: Column
    ys: Column
    scores: tuple[Column, ...]
    flagged: tuple[Column, ...]

    def take(self, rows: Rows) -> "Table":
        """Those of the rows."""
        return Table(
            self.days[rows],
            self.keys[rows],
            self.stakes[rows],
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
        How many models decide each event.
    span
        The events whose decisions count, epoch ms: from the first up to, not including,
        the second; None for no end.
    stake
        What the event of a prediction is worth.
    most
        Decisions that can be measured.
    """

    def __init__(
        self,
        models: int,
        span: tuple[int, int | None],
        stake: Callable[[Any], float],
        most: int = MOST,
    ) -> None:
        self.span, self.stake, self.most = span, stake, most
        self.labels = 0  # events read that say whether they are positive
        self._first: int | None = None  # the day of the first event in the span
        self._positives = array("i"), array("Q")  # day and key of all that were read
        self._true: set[str] = set()  # ids of positives whose label has not come yet
        self._days, self._keys = array("i"), array("Q")
        self._stakes, self._ys = array("d"), array("b")
        self._scores = [array("d") for _ in range(models)]
        self._flagged = [array("b") for _ in range(models)]

    def read(self, rows: Sequence[Labelled]) -> None:
        """Note events as they were read: a positive makes its key a known one."""
        self.labels += sum(row.positive is not None for row in rows)
        for row in rows:
            if row.positive:
                self._positives[0].append(row.event.at // DAY_MS)
                self._positives[1].append(hash64(row.event.key))
                self._true.add(row.event.id)
        if self._first is None:
            days = (row.event.at // DAY_MS for row in rows if self._counts(row.event.at))
            self._first = next(days, None)

    def add(self, settled: Sequence[Sequence[Settled]]) -> Sequence[Sequence[Settled]]:
        """Note what each model learned, the same labels all; returns what lies in the span.

        What is measured is the truth, from which a label may differ.

        Raises
        ------
        DataError
            More decisions are to be measured than can be.
        """
        kept = [[one for one in model if self._counts(one.example.at)] for model in settled]
        self._days.extend(one.example.at // DAY_MS for one in kept[0])
        self._keys.extend(hash64(one.prediction.key) for one in kept[0])
        self._stakes.extend(self.stake(one.prediction) for one in kept[0])
        self._ys.extend(one.example.id in self._true for one in kept[0])
        self._true.difference_update(one.example.id for one in settled[0])
        for scores, flagged, model in zip(self._scores, self._flagged, kept, strict=True):
            scores.extend(one.example.score for one in model)
            flagged.extend(one.prediction.decision != "approve" for one in model)
        self.check_room()
        return kept

    def check_room(self) -> None:
        """Raise DataError when more decisions are to be measured than can be."""
        if len(self._days) > self.most:
            raise DataError(
                f"more than {self.most:,} decisions would be measured; choose their days with "
                "--from and --to"
            )

    def table(self) -> Table:
        """All that was noted, without a copy."""
        return Table(
            np.asarray(self._days),
            np.asarray(self._keys),
            np.asarray(self._stakes),
            np.asarray(self._ys),
            tuple(map(np.asarray, self._scores)),
            tuple(map(np.asarray, self._flagged)),
        )

    def weeks(self, table: Table, remove: bool) -> list[Week]:
        """The weeks of the span that have rows, counted from its first day.

        Parameters
        ----------
        table
            What `table` returned.
        remove
            Whether keys known to be positive are left out, as the Handbook's protocol does: see
            `unknown`. Each week is a fold of its own.
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
        """Those of a week's rows whose key was not yet known to be positive."""
        days, keys = map(np.asarray, self._positives)
        stays = unknown(
            np.concatenate((days, table.days[rows])),
            np.concatenate((keys, table.keys[rows])),
            np.repeat((1, 0), (len(days), len(rows))),
            first,
            WEEK,
        )
        return rows[stays[len(days) :]]

    def _counts(self, at: int) -> bool:
        return self.span[0] <= at and (self.span[1] is None or at < self.span[1])
