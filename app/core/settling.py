"""What a label does: decided once for its record, and what it teaches the models.

A label's record in the log (its origin) is settled, waits for its event, or is noted
without effect. The outcome is kept in the event's entry with the bytes of the example
that it led to, so that a replay repeats it without consulting anything else.
"""

from typing import NamedTuple

from msgspec import UNSET

from app.core.domain import Application
from app.core.labels import MATURITY, LabelEntry, Revision
from app.core.messages import (
    Example,
    Feedback,
    Origin,
    Place,
    Prediction,
    Previous,
    former_label_id,
    label_id,
)
from app.errors import Refused
from app.units import DAY_MS
from app.wire import encode

MAX_REVISIONS = 50  # the largest entry, with all notes, fits into one record of 1 MB


class Received(NamedTuple):
    """Where and when a label was read: its origin and its record's Kafka timestamp, epoch ms.

    `history` is what the record says about earlier refusals, as bytes to pass on. `first` is where
    the label lay at first, None for here: that tells it from others if it has no time and no id.
    """

    origin: Origin
    recorded: int
    history: bytes = b""
    first: Place | None = None

    @property
    def place(self) -> Place:
        """Where the label lay at first."""
        origin = self.origin
        return self.first or Place(origin.epoch, origin.partition, origin.offset, self.recorded)


def settle(
    application: Application,
    entry: LabelEntry,
    said: Feedback,
    received: Received,
    prediction: Prediction | None,
) -> Revision | None:
    """Decide what a label does, once; changes the entry and returns the revision it became.

    Parameters
    ----------
    entry
        What was said about the event so far.
    said, received
        The label and where it is in the log.
    prediction
        The first one of the event, None while it is not known.

    Returns
    -------
    Revision | None
        The decided revision, again the same at a replay. None when the label has no
        effect because its `label_id` was settled, or waits, under another origin, or because it
        was read before and is not listed any more.

    Raises
    ------
    Refused
        The label names another key than the prediction.
    """
    said_before = bool(entry.revisions)  # of most events nothing was
    if said_before and (listed := entry.at(received.origin)) is not None:
        return listed
    identity = label_id(said, received.place if said.at is None else None)
    earlier = _earlier(entry, said, received, identity) if said_before else None
    if earlier is not None and _stays(earlier, received, prediction):
        return earlier if earlier.origin == received.origin else None
    _check(application, earlier, said, prediction)
    if entry.through and entry.left_out(received.origin):
        return None
    if earlier is not None:
        entry.revisions.remove(earlier)
        identity = earlier.label_id
    revision = _revision(said, received, identity)
    if earlier is not None and earlier.outcome == "waiting":
        revision.recorded = earlier.recorded  # the index of those that wait knows it by this
    entry.revisions.append(revision)
    if prediction is None:
        revision.key, revision.history = said.key, received.history
    else:
        entry.key = prediction.key
        _teach(application, entry, revision, prediction)
    return revision


def make_room(
    application: Application, entry: LabelEntry, revision: Revision, most: int
) -> Revision | None:
    """The label that leaves an entry for one just settled, perhaps that one; None if all fit.

    Whoever stores the entry keeps what has left: a replay of its record repeats its outcome.
    """
    if len(entry.revisions) <= most:
        return None
    least = application.labels.least(entry)
    entry.revisions.remove(least)
    entry.through = revision.origin
    revision.evicted = least.origin
    return least


def lesson(
    application: Application,
    prediction: Prediction,
    y: int | None,
    w: float,
    known: int,
    origin: Origin,
    previous: Previous | None = None,
) -> Example:
    """What a label that holds teaches: its value and weight beside the features as scored."""
    return application.example(
        id=prediction.id,
        x=prediction.features,
        y=y,
        w=w,
        previous=previous,
        score=prediction.score,
        threshold=prediction.threshold,
        version=prediction.model.version,
        at=prediction.at,
        known=known,
        origin=origin,
        end_of_step=False,
        **application.lesson_facts(prediction),
    )


def expire(entry: LabelEntry, identity: str, recorded: int | None = None) -> list[Revision]:
    """Give up waiting for the event of a label: those of this id, and time if one is given.

    They are several where labels of several keys go by one id.
    """
    expired = waiting_as(entry, identity, recorded)
    for revision in expired:
        revision.outcome = "expired"
    return expired


def waiting_as(entry: LabelEntry, identity: str, recorded: int | None = None) -> list[Revision]:
    """The labels that wait under an id, and since a time (epoch ms) if one is given."""
    return [
        revision
        for revision in entry.waiting
        if revision.label_id == identity and recorded in (None, revision.recorded)
    ]


def end_step(application: Application, revision: Revision) -> None:
    """Mark the example of a revision as the last of its step, where micro-batches are learned."""
    example = application.read_example(revision.example)
    example.end_of_step = True
    revision.example = encode(example)


def again(application: Application, id: str, entry: LabelEntry, revision: Revision) -> Feedback:
    """The feedback to publish again for a label that waited: the same label id and time."""
    return application.feedback(
        id=id,
        key=revision.key or entry.key,
        label=revision.label,
        source=revision.source,
        actor=revision.actor,
        at=revision.at,
        reason=revision.reason,
        note=revision.note,
        label_id=revision.label_id,
        share=UNSET if revision.share == 1 else revision.share,
    )


def _earlier(
    entry: LabelEntry, said: Feedback, received: Received, identity: str
) -> Revision | None:
    """The same label as read before: of the same id and key."""
    alike = []
    for one in entry.revisions:
        if one.label_id == identity and entry.owner(one) == said.key:
            return one
        if one.source == said.source and one.label == said.label and one.actor == said.actor:
            alike.append(one)
    return _stored_before(entry, alike, said, received) if alike and not said.label_id else None


def _stored_before(
    entry: LabelEntry, alike: list[Revision], said: Feedback, received: Received
) -> Revision | None:
    """The same label as an earlier release has stored it, under its own hash.

    That one does not tell apart what has no time, but the time of the record does.
    """
    former = former_label_id(said)
    for one in alike:
        timely = said.at is not None or one.recorded == received.recorded
        if one.label_id == former and timely and entry.owner(one) == said.key:
            return one
    return None


def _stays(earlier: Revision, received: Received, prediction: Prediction | None) -> bool:
    """Whether the earlier outcome of the same label stays as it is.

    One that waits does so under the latest origin from then on: at a replay this one must not be
    settled, because examples of higher origins may be in the log.
    """
    if earlier.outcome in ("settled", "noted") or received.origin < earlier.origin:
        return True
    if earlier.outcome == "waiting" and prediction is None:
        earlier.origin, earlier.history = received.origin, received.history or earlier.history
        return True
    return False


def _check(
    application: Application,
    earlier: Revision | None,
    said: Feedback,
    prediction: Prediction | None,
) -> None:
    """Refuse a label of another key."""
    if prediction is not None and prediction.key != said.key:
        if earlier is not None:
            earlier.outcome = "expired"
        raise Refused(f"`{application.key}` is not that of the event")


def _revision(said: Feedback, received: Received, identity: str) -> Revision:
    at = received.recorded if said.at is None else min(said.at, received.recorded)
    return Revision(
        origin=received.origin,
        label_id=identity,
        label=said.label,
        source=said.source,
        at=at,
        recorded=received.recorded,
        outcome="waiting",
        actor=said.actor,
        reason=said.reason,
        note=said.note,
        share=(said.share or 1.0) if said.source == MATURITY else 1.0,
    )


def _teach(
    application: Application,
    entry: LabelEntry,
    revision: Revision,
    prediction: Prediction,
) -> None:
    revision.outcome = "noted"
    holds = application.labels.holds(entry)
    value = None if holds is None else application.labels.teaches[holds.label]
    taught = entry.taught
    if value == (None if taught is None else taught.label):
        return  # a value said again, by anybody, keeps the weight it was learned with
    revision.outcome = "settled"
    weight = 1.0 if holds is None else holds.weight
    example = lesson(application, prediction, value, weight, revision.at, revision.origin, taught)
    revision.example = encode(example)
    entry.taught = None if value is None else Previous(value, example.w, example.known // DAY_MS)
