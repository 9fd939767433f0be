"""Simulated traffic in spans of event time, with the labels that people give."""

import heapq
from collections.abc import Iterator
from functools import partial
from itertools import chain, count, groupby, islice, takewhile

from app.data.hours import Hour
from app.data.rows import Due, Labelled
from app.streams.fraud.simulator.labels import labels
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import HOUR_MS

SPAN_MS = 4 * HOUR_MS  # some 80 transactions
# Epoch ms of the first simulated hour. At 400 transactions a second a day of event time goes by
# in little more than a second, and Weir refuses transactions of the future: this leaves hours.
START = 1_262_304_000_000  # 2010-01-01T00:00Z
ANSWER_WITHIN = 8 * 3600.0  # seconds of event time: a working day, half a second of the clock


def simulated(
    seed: int, until: int, events: int | None = None, drift: bool = False
) -> "Simulation":
    """The traffic of a seed, with analysts who answer what is flagged; see `Simulation`."""
    traffic = Traffic(seed=seed, start=START, answer_within=ANSWER_WITHIN, drift=drift)
    return Simulation(traffic, until, events)


class Simulation:
    """Spans of simulated traffic, with the labels that people give.

    Parameters
    ----------
    traffic
        What to simulate.
    until
        Epoch ms at which the traffic ends, if it does not end before.
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

    def __iter__(self) -> Iterator[Hour]:
        published = 0
        for _, span in groupby(self._rows_to_come(), key=lambda row: row.event.at // SPAN_MS):
            rows = list(span)
            published += len(rows)
            for row in rows:
                self._rows[row.event.id] = row
                self._expect(row, flagged=False)
            # What falls due after the last transaction of all is not waited for.
            last, now = published == self.events, rows[-1].event.at
            end = now if last else (now // SPAN_MS + 1) * SPAN_MS - 1
            yield Hour(rows, partial(self._fallen_due, end))

    def _rows_to_come(self) -> Iterator[Labelled]:
        rows = chain.from_iterable(transactions(self.traffic))
        return islice(takewhile(lambda row: row.event.at < self.until, rows), self.events)

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
        items = takewhile(lambda item: item[1].event.at < before, self._rows.items())
        for id in [id for id, _ in items]:
            del self._rows[id]
            self._flagged.discard(id)
