"""Traffic in spans of event time: the transactions of one, then the labels that fall due in it.

Whoever publishes waits for the decisions on the first batch before the second, and until
the second is learned before the next span. So a transaction meets everything that was
known a span before it, at any speed, and which labels it meets is no matter of luck.
Recorded traffic goes by the hour.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, count, groupby, islice, takewhile
from typing import NamedTuple

from app.data.player import play
from app.data.rows import Due, Labelled
from app.streams.fraud.simulator.labels import labels
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import HOUR_MS, transactions

SPAN_MS = 4 * HOUR_MS  # of simulated traffic: some 80 transactions


class Batch(NamedTuple):
    """A span of event time. The labels are asked for once its transactions are decided."""

    rows: list[Labelled]
    labels: Callable[[], list[Due]]


def recorded(
    rows: Iterable[Labelled],
    label_delay_ms: int,
    unreported: float = 0.0,
    until: int | None = None,
) -> Iterator[Batch]:
    """The hours of recorded transactions, each with the labels that fall due in it.

    See `play` for when that is, for the share of unreported frauds, and for `until`.

    Raises
    ------
    DataError
        A transaction lies before the one above it.
    """
    hour: list[Labelled] = []
    due: list[Due] = []
    end = 0
    for step in play(rows, label_delay_ms, unreported, until):
        at = step.at if isinstance(step, Due) else step.tx.at
        if at >= end:
            if hour or due:
                yield Batch(hour, due.copy)
            hour, due, end = [], [], (at // HOUR_MS + 1) * HOUR_MS
        if isinstance(step, Due):
            due.append(step)
        else:
            hour.append(step)
    if hour or due:
        yield Batch(hour, due.copy)


class Simulated:
    """Spans of simulated traffic, with the labels that people give.

    Parameters
    ----------
    traffic
        What to simulate.
    until
        Epoch ms at which the traffic ends, if it is not ended before.
    events
        Number of transactions after which it ends; None for no such limit.
    """

    def __init__(self, traffic: Traffic, until: int, events: int | None = None) -> None:
        self.traffic, self.until, self.events = traffic, until, events
        longest = max(traffic.maturity, 1.5 * traffic.chargeback_delay, traffic.answer_within)
        self._memory = round(1000 * longest)
        self._rows: dict[str, Labelled] = {}  # still without their last label, oldest first
        self._flagged: set[str] = set()
        self._due: list[tuple[int, int, bool, Due]] = []
        self._numbers = count()

    def flag(self, id: str) -> None:
        """A transaction came up for review: an analyst will answer."""
        row = self._rows.get(id)
        if row is not None and id not in self._flagged:
            self._flagged.add(id)
            self._expect(row, flagged=True)

    def __iter__(self) -> Iterator[Batch]:
        published = 0
        for _, span in groupby(self._rows_to_come(), key=lambda row: row.tx.at // SPAN_MS):
            rows = list(span)
            published += len(rows)
            for row in rows:
                self._rows[row.tx.id] = row
                self._expect(row, flagged=False)
            # What falls due after the last transaction of all is not waited for.
            last = published == self.events
            end = rows[-1].tx.at if last else (rows[-1].tx.at // SPAN_MS + 1) * SPAN_MS - 1
            yield Batch(rows, partial(self._fallen_due, end))

    def _rows_to_come(self) -> Iterator[Labelled]:
        rows = chain.from_iterable(transactions(self.traffic))
        return islice(takewhile(lambda row: row.tx.at < self.until, rows), self.events)

    def _expect(self, row: Labelled, flagged: bool) -> None:
        for due in labels(self.traffic, row, flagged):
            heapq.heappush(self._due, (due.at, next(self._numbers), flagged, due))

    def _fallen_due(self, now: int) -> list[Due]:
        fallen = []
        while self._due and self._due[0][0] <= now:
            _, _, flagged, due = heapq.heappop(self._due)
            if flagged == (due.feedback.id in self._flagged):
                fallen.append(due)
        self._forget(now - self._memory)
        return fallen

    def _forget(self, before: int) -> None:
        items = takewhile(lambda item: item[1].tx.at < before, self._rows.items())
        for id in [id for id, _ in items]:
            del self._rows[id]
            self._flagged.discard(id)
