"""Simulated traffic in spans of event time, with the labels that people give."""

from collections.abc import Iterator
from functools import partial
from itertools import chain, groupby, islice, takewhile

from app.core.domain import Application
from app.data.hours import Hour
from app.data.life.course import Course
from app.data.life.people import Case
from app.data.rows import Due, Labelled
from app.streams.fraud.simulator.labels import case_of, life
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import HOUR_MS

SPAN_MS = 4 * HOUR_MS  # some 80 transactions
# Epoch ms of the first simulated hour. At 400 transactions a second a day of event time goes by
# in little more than a second, and Weir refuses transactions of the future: this leaves hours.
START = 1_262_304_000_000  # 2010-01-01T00:00Z
ANSWER_WITHIN = 8 * 3600.0  # seconds of event time: a working day, half a second of the clock


def simulated(
    application: Application, seed: int, until: int, events: int | None = None, drift: bool = False
) -> "Simulation":
    """The traffic of a seed, with analysts who answer what is flagged; see `Simulation`."""
    traffic = Traffic(seed=seed, start=START, answer_within=ANSWER_WITHIN, drift=drift)
    return Simulation(application, traffic, until, events)


class Simulation:
    """Spans of simulated traffic, with the labels that people give.

    Parameters
    ----------
    application
        Cards.
    traffic
        What to simulate.
    until
        Epoch ms at which the traffic ends, if it does not end before.
    events
        Number of transactions after which it ends; None for no such limit.
    """

    def __init__(
        self, application: Application, traffic: Traffic, until: int, events: int | None = None
    ) -> None:
        self.traffic, self.until, self.events = traffic, until, events
        self._course = Course(application, life(traffic))
        self._cases: dict[str, Case] = {}  # that may still come up for review, oldest first
        self._flagged: set[str] = set()

    def flag(self, id: str) -> None:
        """A transaction came up for review: an analyst will answer."""
        case = self._cases.get(id)
        if case is not None and id not in self._flagged:
            self._flagged.add(id)
            self._course.review(case, case.at)

    def __iter__(self) -> Iterator[Hour]:
        published = 0
        for _, span in groupby(self._rows_to_come(), key=lambda row: row.event.at // SPAN_MS):
            rows = list(span)
            published += len(rows)
            for row in rows:
                case = self._cases[row.event.id] = case_of(row)
                # Who publishes learns of decisions later, and of those that come up for review.
                self._course.decided(case, "approve", 0.0)
            # What falls due after the last transaction of all is not waited for.
            last, now = published == self.events, rows[-1].event.at
            end = now if last else (now // SPAN_MS + 1) * SPAN_MS - 1
            yield Hour(rows, partial(self._fallen_due, end))

    def _rows_to_come(self) -> Iterator[Labelled]:
        rows = chain.from_iterable(transactions(self.traffic))
        return islice(takewhile(lambda row: row.event.at < self.until, rows), self.events)

    def _fallen_due(self, now: int) -> list[Due]:
        self._forget(now - self._course.life.longest)
        return self._course.due(now)

    def _forget(self, before: int) -> None:
        items = takewhile(lambda item: item[1].at < before, self._cases.items())
        for id in [id for id, _ in items]:
            del self._cases[id]
            self._flagged.discard(id)
