"""Playing recorded traffic: transactions and the labels that fall due between them."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from app.data.rows import Due, Labelled
from app.errors import DataError
from app.messages import Feedback, Label, label_id

Step = Labelled | Due


def play(rows: Iterable[Labelled], label_delay_ms: int) -> Iterator[Step]:
    """Merge transactions with their labels in event-time order.

    A label, fraud or legitimate, falls due `label_delay_ms` after its transaction. One that
    is due at the very time of a transaction comes before it. The play ends with the last
    transaction: labels that would fall due after it are not played. Of the first 200,000
    Handbook transactions, with 7 days of delay, that gives 133,056 labels.

    Memory is bounded by the transactions of one delay.

    Raises
    ------
    DataError
        A transaction lies before the one above it: names the row.
    """
    waiting: deque[Due] = deque()
    for row in in_order(rows):
        while waiting and waiting[0].at <= row.tx.at:
            yield waiting.popleft()
        yield row
        if row.fraud is not None:
            waiting.append(due(row, label_delay_ms))


def due(row: Labelled, label_delay_ms: int) -> Due:
    """The label of a transaction whose truth is known, `label_delay_ms` later."""
    at = row.tx.at + label_delay_ms
    label: Label = "fraud" if row.fraud else "legit"
    feedback = Feedback(id=row.tx.id, customer=row.tx.customer, label=label, source="stream", at=at)
    feedback.label_id = label_id(feedback)
    return Due(at, feedback)


def in_order(rows: Iterable[Labelled]) -> Iterator[Labelled]:
    """The rows as they come, as long as no time goes back."""
    last = 0
    for number, row in enumerate(rows, 1):
        if row.tx.at < last:
            raise DataError(
                f"row {number}, transaction {row.tx.id}, is of {utc(row.tx.at)}, the one above it"
                f" of {utc(last)}; sort the file by time"
            )
        last = row.tx.at
        yield row


def utc(ms: int) -> str:
    """Epoch ms as text.

    >>> utc(1000)
    '1970-01-01T00:00:01+00:00'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
