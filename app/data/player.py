"""Playing recorded traffic: transactions and the labels that fall due between them."""

from collections.abc import Iterable, Iterator

from app.data.cells import utc
from app.data.overflow import Later
from app.data.rows import Due, Labelled
from app.errors import DataError
from app.messages import Feedback, Label, label_id
from app.streams.fraud.simulator.labels import chances

Step = Labelled | Due


def play(
    rows: Iterable[Labelled],
    label_delay_ms: int,
    unreported: float = 0.0,
    until: int | None = None,
) -> Iterator[Step]:
    """Merge transactions with their labels in event-time order.

    A label, fraud or legitimate, falls due when it became known, or `label_delay_ms` after
    its transaction where the row does not say when that was. One that is due at the very
    time of a transaction comes before it; of two that are due together, the one of the
    earlier row. The play ends with the last transaction: labels that would fall due after
    it are not played, but for those of transactions before `until` (epoch ms). Of the first
    200,000 Handbook transactions, with 7 days of delay, that gives 133,056 labels.

    Of the frauds a share may be `unreported`: they are labelled as legitimate.

    Transactions whose labels are not yet due wait in a file where they are many.

    Raises
    ------
    DataError
        A transaction lies before the one above it: names the row.
    """
    waiting = Later(Labelled)
    for row in in_order(rows):
        now = row.tx.at
        for at, labelled in waiting.due(now):
            yield due(labelled, at, unreported)
        yield row
        if row.fraud is not None:
            waiting.add(now + label_delay_ms if row.known is None else row.known, row)
    for at, labelled in waiting.rest():
        if until is not None and labelled.tx.at < until:
            yield due(labelled, at, unreported)


def due(row: Labelled, at: int, unreported: float = 0.0) -> Due:
    """The label that a transaction gets at that time: the truth, but for a share of the frauds.

    Which frauds nobody reports depends on their ids alone.
    """
    reported = row.fraud and chances(0, row.tx.id)[2] >= unreported
    label: Label = "fraud" if reported else "legit"
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
