"""Playing recorded traffic: events, and between them the labels that fall due."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from app.core.domain import Application
from app.core.labels import STREAM
from app.core.messages import label_id
from app.data.cells import utc
from app.data.chances import chances
from app.data.overflow import Later
from app.data.rows import Due, Labelled
from app.errors import DataError

Step = Labelled | Due


class Truth(NamedTuple):
    """What is known of an event, kept until its label falls due: `at` is the event's time."""

    id: str
    key: str
    at: int
    positive: bool


def play(
    application: Application,
    rows: Iterable[Labelled],
    label_delay_ms: int,
    unreported: float = 0.0,
    until: int | None = None,
) -> Iterator[Step]:
    """Merge events with their labels in event-time order.

    A label, positive or negative, falls due when it became known, or `label_delay_ms` after
    its event where the row does not say when that was. One that is due at the very time of an
    event comes before it; of two that are due together, the one of the earlier row. The play
    ends with the last event: labels that would fall due after it are not played, but for
    those of events before `until` (epoch ms). Of the first 200,000 Handbook transactions,
    with 7 days of delay, 133,056 get their label so.

    Of the positives a share may be `unreported`: they are labelled as negative.

    What waits for its label lies in a file where it is much.

    Raises
    ------
    DataError
        An event lies before the one above it: names the row.
    """
    waiting = Later(Truth)
    for row in in_order(rows):
        now = row.event.at
        for at, truth in waiting.due(now):
            yield due(application, truth, at, unreported)
        yield row
        if row.positive is not None:
            at = now + label_delay_ms if row.known is None else row.known
            waiting.add(at, Truth(row.event.id, row.event.key, now, row.positive))
    for at, truth in waiting.rest():
        if until is not None and truth.at < until:
            yield due(application, truth, at, unreported)


def due(application: Application, truth: Truth, at: int, unreported: float = 0.0) -> Due:
    """The label that an event gets at a time: the truth, but for a share of the positives.

    Which of them nobody reports depends on their ids alone.
    """
    reported = truth.positive and chances(0, truth.id)[2] >= unreported
    word = application.labels.word(int(reported))
    feedback = application.feedback(id=truth.id, key=truth.key, label=word, source=STREAM, at=at)
    feedback.label_id = label_id(feedback)
    return Due(at, feedback)


def in_order(rows: Iterable[Labelled]) -> Iterator[Labelled]:
    """The rows as they come, as long as time does not go back."""
    last = 0
    for number, row in enumerate(rows, 1):
        event = row.event
        if event.at < last:
            raise DataError(
                f"row {row.row or number}, event {event.id}, is of {utc(event.at)}, the one above "
                f"it of {utc(last)}; sort the file by time, or let --sort do it"
            )
        last = event.at
        yield row
