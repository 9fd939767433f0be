"""Recorded events through an application among people: its decisions make labels, hour by hour.

living = Living(application, Life(reviews=12))
for hour in hourly(rows):
    decided, labels = living.play(hour)
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from app.core.batch import Decided
from app.core.domain import Application
from app.data.life.course import Course
from app.data.life.people import Case
from app.data.life.settings import Life
from app.data.player import in_order
from app.data.replay import CHUNK, TOGETHER, Replay
from app.data.rows import Due, Labelled
from app.errors import DataError
from app.units import HOUR_MS


class Span(NamedTuple):
    """The events of an hour of event time; `until` is its last ms, epoch."""

    rows: list[Labelled]
    until: int


class Lived(NamedTuple):
    """What an hour came to: a decision for each of its events, and the labels that fell due."""

    decided: Sequence[Decided]
    labels: Sequence[Due]


class Living:
    """An application that decides and learns while people live with its decisions.

    Parameters
    ----------
    application, chunk
        As those of `Replay`.
    life
        How people behave.
    """

    def __init__(self, application: Application, life: Life, chunk: int = CHUNK) -> None:
        self.replay = Replay(application, chunk, life.longest)
        self.course = Course(application, life)

    def play(self, hour: Span) -> Lived:
        """Decide the events of an hour, then learn what falls due by its end."""
        decided: list[Decided] = []
        for begin in range(0, len(hour.rows), TOGETHER):
            decided += self.replay.decided_all(hour.rows[begin : begin + TOGETHER])
        for row, one in zip(hour.rows, decided, strict=True):
            if one.fresh is not None:
                self.course.decided(case_of(row), one.decision, one.fresh.score)
        labels = self.course.due(hour.until)
        self.replay.learn_all(labels)
        return Lived(decided, labels)


def case_of(row: Labelled) -> Case:
    """An event as people know it."""
    return Case(row.event.id, row.event.key, row.event.at, row.positive)


def hourly(rows: Iterable[Labelled]) -> Iterator[Span]:
    """All hours from the first event to the last, also those without any.

    The last one ends with its last event.

    Raises
    ------
    DataError
        A row is no event, or lies before the one above it. The events before it are yielded.
    """
    hour: list[Labelled] = []
    end, failure = 0, None
    try:
        for row in in_order(rows):
            at = row.event.at
            while end and at >= end:
                yield Span(hour, end - 1)
                hour, end = [], end + HOUR_MS
            end = end or (at // HOUR_MS + 1) * HOUR_MS
            hour.append(row)
    except DataError as error:
        failure = error
    if hour:
        yield Span(hour, hour[-1].event.at)
    if failure is not None:
        raise failure
