"""Everything said of one transaction, which of it holds, and what the models are taught.

A label's record in the log (its origin) is decided once: settled, waiting for its
transaction, or noted without effect. The decision is kept here with the bytes of the
example it gave, so that a replay repeats it without asking anything else.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from app.errors import Refused
from app.messages import (
    Example,
    Feedback,
    Label,
    LabelSource,
    Origin,
    Prediction,
    Previous,
    encode,
    label_id,
    read_example,
)

DAY_MS = 86_400_000
MAX_REVISIONS = 50  # the largest entry, with all notes, fits into one record of 1 MB
RANKS: dict[LabelSource, int] = {
    "chargeback": 4,
    "analyst": 3,
    "customer": 2,
    "stream": 1,
    "maturity": 0,
}
TAUGHT: dict[Label, int] = {"fraud": 1, "legit": 0}

Outcome = Literal["settled", "waiting", "noted", "expired"]


class Revision(Struct, omit_defaults=True):
    """One thing that was said: the label, who said it, where it stands in the log, what came of it.

    `at` is when it was said, never later than its record; `example` the entry of the
    examples log that it gave, if it changed the value that holds; `customer` whom it named
    while nobody knew whose transaction it is; `history` what its record said of earlier
    refusals, kept while the label waits, because it may become a dead letter again.
    """

    origin: Origin
    label_id: str
    label: Label
    source: LabelSource
    at: int
    recorded: int
    outcome: Outcome
    actor: str = ""
    reason: str = ""
    note: str = ""
    example: bytes = b""
    customer: str = ""
    history: bytes = b""


class LabelEntry(Struct):
    """What the labels table keeps of one transaction."""

    customer: str
    revisions: list[Revision]
    taught: Previous | None = None

    @property
    def holds(self) -> Revision | None:
        """The label that holds: highest rank, then latest, then highest offset.

        `none` takes back what its source said before it; `unsure` never holds.
        """
        return max(self.standing, key=_precedence, default=None)

    @property
    def standing(self) -> list[Revision]:
        """The labels that count: decided, not withdrawn, fraud or legitimate."""
        return list(_standing(self.revisions))

    @property
    def disagreements(self) -> list[Revision]:
        """Standing labels of the same rank as the one that holds that say something else."""
        holds = self.holds
        return [
            other
            for other in self.standing
            if holds is not None
            and RANKS[other.source] == RANKS[holds.source]
            and other.label != holds.label
        ]

    @property
    def waiting(self) -> list[Revision]:
        """What was said before the transaction was known."""
        return [revision for revision in self.revisions if revision.outcome == "waiting"]


class Known(NamedTuple):
    """Where and when a label was read: its origin and its record's Kafka timestamp, epoch ms.

    `history` is what the record says of earlier refusals, as bytes to pass on.
    """

    origin: Origin
    recorded: int
    history: bytes = b""


_entry_decoder = msgspec.msgpack.Decoder(LabelEntry)
encode_entry = msgspec.msgpack.Encoder().encode


def decode_entry(raw: bytes | None, customer: str) -> LabelEntry:
    """The entry of a transaction, empty when nothing was said of it yet."""
    return _entry_decoder.decode(raw) if raw else LabelEntry(customer, [])


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
    entry.revisions.append(revision)
    if decision is None:
        revision.customer, revision.history = said.customer, known.history
    else:
        entry.customer = decision.customer
        _teach(entry, revision, decision, matured)
    return revision


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
    example = Example(
        tx=decision.id,
        x=decision.features,
        y=value,
        w=matured if holds is not None and holds.source == "maturity" else 1.0,
        previous=taught,
        score=decision.score,
        version=decision.model.version,
        merchant=decision.merchant,
        location=decision.location,
        at=decision.at,
        known=revision.at,
        origin=revision.origin,
        end_of_step=False,
    )
    revision.example = encode(example)
    day = example.known // DAY_MS
    entry.taught = None if value is None else Previous(value, example.w, day)


def _standing(revisions: list[Revision]) -> Iterable[Revision]:
    withdrawn: dict[LabelSource, tuple[int, int]] = {}
    decided = [r for r in revisions if r.outcome in ("settled", "noted")]
    for revision in decided:
        if revision.label == "none":
            moment = (revision.at, revision.origin.offset)
            withdrawn[revision.source] = max(moment, withdrawn.get(revision.source, moment))
    for revision in decided:
        gone = withdrawn.get(revision.source)
        if revision.label in TAUGHT and (
            gone is None or (revision.at, revision.origin.offset) > gone
        ):
            yield revision


def _precedence(revision: Revision) -> tuple[int, int, Origin]:
    return RANKS[revision.source], revision.at, revision.origin
