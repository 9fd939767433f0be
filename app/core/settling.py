"""What a label does: decided once for its record, and what the models are taught of it.

A label's record in the log (its origin) is settled, waits for its transaction, or is noted
without effect. The decision is kept in the transaction's entry with the bytes of the
example it gave, so that a replay repeats it without asking anything else.
"""

from typing import NamedTuple

from app.core.labels import TAUGHT, LabelEntry, Revision
from app.errors import Refused
from app.messages import (
    Example,
    Feedback,
    Origin,
    Prediction,
    Previous,
    encode,
    label_id,
    read_example,
)

DAY_MS = 86_400_000
MAX_REVISIONS = 50  # the largest entry, with all notes, fits into one record of 1 MB


class Known(NamedTuple):
    """Where and when a label was read: its origin and its record's Kafka timestamp, epoch ms.

    `history` is what the record says of earlier refusals, as bytes to pass on.
    """

    origin: Origin
    recorded: int
    history: bytes = b""


def settle(
    entry: LabelEntry,
    said: Feedback,
    known: Known,
    decision: Prediction | None,
    matured: float = 1.0,
) -> Revision | None:
    """Decide what a label does, once; changes the entry and returns the revision it became.

    Parameters
    ----------
    entry
        What is known of the transaction so far.
    said, known
        The label and where it stands in the log.
    decision
        The first prediction of the transaction, None while it is not known.
    matured
        Weight of an example whose label holds by maturity alone, in (0, 1]; others have 1.

    Returns
    -------
    Revision | None
        The decided revision, again the same at a replay. None when the label has no
        effect because its `label_id` was settled, or waits, under another origin.

    Raises
    ------
    Refused
        The label names another customer than the decision, or there are too many.
    """
    for revision in entry.revisions:
        if revision.origin == known.origin:
            return revision
    identity = label_id(said)
    earlier = next((r for r in entry.revisions if r.label_id == identity), None)
    if earlier is not None:
        if earlier.outcome in ("settled", "noted") or known.origin < earlier.origin:
            return None
        if earlier.outcome == "waiting" and decision is None:
            # It waits under the latest origin: at a replay this one must not be settled,
            # because examples of higher origins may be in the log.
            earlier.origin, earlier.history = known.origin, known.history or earlier.history
            return earlier
    if decision is not None and decision.customer != said.customer:
        if earlier is not None:
            earlier.outcome = "expired"
        raise Refused("`customer` is not the transaction's customer")
    if earlier is not None:
        entry.revisions.remove(earlier)
    elif len(entry.revisions) >= MAX_REVISIONS:
        raise Refused(f"the transaction has {MAX_REVISIONS} labels already")
    revision = _revision(said, known, identity)
    if earlier is not None and earlier.outcome == "waiting":
        revision.recorded = earlier.recorded  # the index of those that wait knows it by this
    entry.revisions.append(revision)
    if decision is None:
        revision.customer, revision.history = said.customer, known.history
    else:
        entry.customer = decision.customer
        _teach(entry, revision, decision, matured)
    return revision


def lesson(
    decision: Prediction,
    y: int | None,
    w: float,
    known: int,
    origin: Origin,
    previous: Previous | None = None,
) -> Example:
    """What a decided label teaches: its value and weight beside the features as scored."""
    return Example(
        tx=decision.id,
        x=decision.features,
        y=y,
        w=w,
        previous=previous,
        score=decision.score,
        threshold=decision.threshold,
        version=decision.model.version,
        merchant=decision.merchant,
        location=decision.location,
        at=decision.at,
        known=known,
        origin=origin,
        end_of_step=False,
    )


def expire(entry: LabelEntry, identity: str) -> Revision | None:
    """Give up waiting for the transaction of a label; None when it does not wait any more."""
    for revision in entry.waiting:
        if revision.label_id == identity:
            revision.outcome = "expired"
            return revision
    return None


def end_step(revision: Revision) -> None:
    """Mark the example of a revision as the last of its step, where micro-batches learn."""
    example = read_example(revision.example)
    example.end_of_step = True
    revision.example = encode(example)


def again(tx: str, entry: LabelEntry, revision: Revision) -> Feedback:
    """The feedback to publish once more for a label that waited: the same label id and time."""
    return Feedback(
        id=tx,
        customer=revision.customer or entry.customer,
        label=revision.label,
        source=revision.source,
        actor=revision.actor,
        at=revision.at,
        reason=revision.reason,
        note=revision.note,
        label_id=revision.label_id,
    )


def _revision(said: Feedback, known: Known, identity: str) -> Revision:
    at = known.recorded if said.at is None else min(said.at, known.recorded)
    return Revision(
        origin=known.origin,
        label_id=identity,
        label=said.label,
        source=said.source,
        at=at,
        recorded=known.recorded,
        outcome="waiting",
        actor=said.actor,
        reason=said.reason,
        note=said.note,
    )


def _teach(entry: LabelEntry, revision: Revision, decision: Prediction, matured: float) -> None:
    revision.outcome = "noted"
    holds = entry.holds
    value = None if holds is None else TAUGHT[holds.label]
    taught = entry.taught
    if value == (None if taught is None else taught.label):
        return  # what is said once more, by whomever, keeps the weight it was learned with
    revision.outcome = "settled"
    weight = matured if holds is not None and holds.source == "maturity" else 1.0
    example = lesson(decision, value, weight, revision.at, revision.origin, taught)
    revision.example = encode(example)
    day = example.known // DAY_MS
    entry.taught = None if value is None else Previous(value, example.w, day)
