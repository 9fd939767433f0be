"""Traffic in spans of event time: the events of one, then the labels that fall due in it.

Whoever publishes waits for the decisions on an hour's events before its labels, and until
those are learned before the next hour. So an event meets everything that was known an hour
before it, at any speed, and which labels it meets does not depend on luck.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from app.core.domain import Application
from app.data.player import play
from app.data.rows import Due, Labelled
from app.errors import DataError
from app.units import HOUR_MS


class Hour(NamedTuple):
    """An hour of event time, or a few of simulated traffic.

    The labels are asked for once its events are decided.
    """

    rows: list[Labelled]
    labels: Callable[[], list[Due]]


def recorded(
    application: Application,
    rows: Iterable[Labelled],
    label_delay_ms: int,
    unreported: float = 0.0,
    until: int | None = None,
) -> Iterator[Hour]:
    """The hours of recorded events, each with the labels that fall due in it.

    See `play` for when that is, for the share of unreported positives, and for `until`.

    Raises
    ------
    DataError
        A row is no event, or lies before the one above it. The events before it are yielded.
    """
    hour: list[Labelled] = []
    due: list[Due] = []
    end, failure = 0, None
    try:
        for step in play(application, rows, label_delay_ms, unreported, until):
            at = step.at if isinstance(step, Due) else step.event.at
            if at >= end:
                if hour or due:
                    yield Hour(hour, due.copy)
                hour, due, end = [], [], (at // HOUR_MS + 1) * HOUR_MS
            if isinstance(step, Due):
                due.append(step)
            else:
                hour.append(step)
    except DataError as error:
        failure = error
    if hour or due:
        yield Hour(hour, due.copy)
    if failure is not None:
        raise failure


def after(hours: Iterable[Hour], events: int) -> Iterator[Hour]:
    """The hours without so many events, and without the labels of the hours before their end.

    The labels of the last one's hour come again: some may be new, and each counts once.
    """
    for hour in hours:
        if events > len(hour.rows):
            events -= len(hour.rows)
            continue
        yield Hour(hour.rows[events:], hour.labels) if events else hour
        events = 0
