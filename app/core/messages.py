"""The messages that learning needs, whatever an application judges.

An application extends what it must: `Prediction` and `Example` by the fields that its pages
and statistics use, `Feedback` by the name that its key has in JSON.

The types of their numbers are bounded: what anybody writes into a log that is folded cannot
poison a state. A changed meaning is a new kind of entry or a new label word, which earlier
releases refuse, never a new field, which they would ignore.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from app.wire import MAX_MS, Id, Instant, Note, Word

Share = Annotated[float, Meta(ge=0, le=1)]
LEAST_SHARE = 1 / 64  # of the events of an age that maturity speaks of
# Of an example: 1, or 1 / share where maturity alone speaks of the event. A withdrawal has one too.
Weight = Annotated[float, Meta(gt=0, le=1 / LEAST_SHARE)]
Sampled = Annotated[float, Meta(ge=LEAST_SHARE, le=1)]  # a power of two
Binary = Annotated[int, Meta(ge=0, le=1)]
Time = Annotated[int, Meta(ge=0, le=MAX_MS)]  # epoch milliseconds
Day = Annotated[int, Meta(ge=0, le=MAX_MS // 86_400_000)]
Index = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # offsets and versions

Decision = Literal["approve", "review", "block"]
Mode = Literal["rules", "blend", "model", "degraded"]


class Feedback(Struct, kw_only=True):
    """What somebody says about an event: a label. `none` withdraws what its source said before.

    `key` is the event's, so that a label is on the partition of its event. `share` is that of the
    events like this one that are spoken of, where the source is maturity; nobody else's counts.
    """

    id: Id
    key: Id
    label: Word
    source: Word
    actor: Word = ""
    at: Instant | None = None
    reason: Word = ""
    note: Note = ""
    label_id: Word = ""
    share: Sampled | UnsetType = UNSET


class Source(Struct, array_like=True, frozen=True):
    """Where the record of an event is in its topic."""

    partition: int
    offset: int


class ModelUsed(Struct, frozen=True):
    """What scored: zoo entry, scope, version (the next examples offset to fold), feature set.

    A prediction that names no set is from a release that had only this one. `own` is the weight of
    the partition's own model beside the shared one, left out where only one of them scored.
    """

    name: str
    scope: str
    version: Count
    features: str = "fraud-full"
    own: Share | UnsetType = UNSET


class Reason(Struct, frozen=True):
    """One cause of a score: the feature (or rule), its share of the logit, and the words for it."""

    name: str
    contribution: float
    text: str


class Prediction(Struct, kw_only=True):
    """The decision on an event, with everything needed to compute it again.

    `threshold` is the score from which it went to review, None if the release that decided did
    not record it.
    """

    if TYPE_CHECKING:  # an application declares them, in the order in which it writes them
        id: str
        key: str
        at: Time
        score: Share
        threshold: Share | None = None
        decision: Decision
        reasons: list[Reason]
        mode: Mode
        model: ModelUsed
        features: dict[str, float]
        source: Source
        engine: str


class PlainPrediction(Prediction, kw_only=True):
    """A prediction of an application that has nothing to add."""

    id: str
    key: str
    at: Time
    score: Share
    threshold: Share | None = None
    decision: Decision
    reasons: list[Reason]
    mode: Mode
    model: ModelUsed
    features: dict[str, float]
    source: Source
    engine: str


class Origin(Struct, array_like=True, frozen=True, order=True):
    """The feedback record an example comes from. Ordered within one partition of one epoch."""

    epoch: int
    partition: int
    offset: int
    index: Index = 0


class Place(NamedTuple):
    """Where and when a label was first written: epoch, partition, offset, and epoch ms.

    It tells a label without a time and an id of its own from all others.
    """

    epoch: int
    partition: int
    offset: int
    recorded: int


class Previous(Struct, array_like=True, frozen=True):
    """What a correction replaces: 1 positive or 0 negative, its weight, when it became known.

    `day` counts days since 1970.
    """

    label: Binary
    weight: Weight
    day: Day


class Example(Struct, kw_only=True, tag_field="kind", tag="example"):
    """One settled label with the features as scored: an entry of the examples log.

    `y` is 1 for a positive, 0 for a negative and null when a label was withdrawn; then only
    statistics learn, by subtracting `previous`. `score` and `threshold` are the prediction's.
    `head` names the model that learns it, where an application has more than one.
    """

    if TYPE_CHECKING:  # an application declares them, in the order in which it writes them
        id: str
        x: dict[str, float]
        y: Binary | None
        w: Weight
        previous: Previous | None
        score: Share
        threshold: Share | None = None
        version: Count
        at: Time
        known: Time
        origin: Origin
        end_of_step: bool
        head: str | UnsetType = UNSET

    def flagged(self, review: Share) -> bool:
        """Whether the event was not approved; `review` applies where no threshold is known."""
        return self.score >= (review if self.threshold is None else self.threshold)


class PlainExample(Example, kw_only=True, tag_field="kind", tag="example"):
    """An example of an application whose statistics need nothing more."""

    id: str = field(name="tx")
    x: dict[str, float]
    y: Binary | None
    w: Weight
    previous: Previous | None
    score: Share
    threshold: Share | None = None
    version: Count
    at: Time
    known: Time
    origin: Origin
    end_of_step: bool
    head: str | UnsetType = UNSET


class Restore(Struct, kw_only=True, tag_field="kind", tag="restore"):
    """A control entry of the examples log: the models become those of a stored snapshot.

    `id` counts once. `version` and `digest` name the snapshot, `model` and `features` what its
    models are (zoo entry, fingerprint of the features). `at` is epoch milliseconds; `actor`
    and `reason` say who wanted it and why.
    """

    id: Id
    version: Count
    digest: str
    model: str
    features: str
    at: Time
    actor: Word = ""
    reason: Note = ""


class Skip(Struct, kw_only=True, tag_field="kind", tag="skip"):
    """A control entry of the examples log: an entry before it, of an unknown kind, is left out.

    `offset` is that entry's. `at` is epoch milliseconds; `actor` and `reason` say who wanted it
    and why.
    """

    offset: Count
    at: Time
    actor: Word = ""
    reason: Note = ""


LogEntry = Example | Restore | Skip
ReadEntry = Callable[[bytes], LogEntry]


def label_id(feedback: Feedback, place: Place | None = None) -> str:
    """The id under which a label counts once: as given, or a hash of who says what of whose, when.

    Where a label does not say when, the place of its record stands for the time: what is sent
    twice without either is said twice.
    """
    if feedback.label_id:
        return feedback.label_id
    said = feedback.id, feedback.key, feedback.source, feedback.actor, feedback.label
    if feedback.at is not None:
        return _digest(*said, str(feedback.at))
    assert place is not None, "a label that has no time has the place of its record"
    return _digest(*said, *map(str, place))


def former_label_id(feedback: Feedback) -> str:
    """The hash of earlier releases, without key and place: labels that they stored have it."""
    said = feedback.id, feedback.source, feedback.actor, feedback.label
    return _digest(*said, str(feedback.at))


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def entry_reader(example: type[Example]) -> ReadEntry:
    """Reads entries of an examples log whose examples are of that kind.

    It raises msgspec.DecodeError for anything else.
    """
    return msgspec.json.Decoder(example | Restore | Skip).decode
