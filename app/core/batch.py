"""Events against their records: each decided once, counted once, and many of them at a time."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from app.core.domain import Application, Scoring, Trust, Verdict
from app.core.fold import LearningState
from app.core.hashing import hash64
from app.core.keyed import Event, Record
from app.core.messages import Decision, ModelUsed, Source
from app.core.threshold import Threshold
from app.wire import encode


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A prediction as stored: the offset of its event, and its bytes."""

    source: int
    raw: bytes


class Decided(msgspec.Struct):
    """What an event leads to: the bytes of the prediction to send, and its decision.

    `fresh` is the prediction when it was made now, None when an earlier one is repeated,
    byte for byte.
    """

    raw: bytes
    decision: Decision
    fresh: Any | None


class Item(msgspec.Struct):
    """An event of a batch. `x` is None where a stored prediction decides it."""

    event: Any
    source: Source
    stored: Stored | None
    threshold: Threshold | None
    duplicate: bool  # whether the record has its id at another offset, or a copy of it
    whole: bool  # whether the record had everything that its features are computed from
    x: dict[str, float] | None


class Batch:
    """Events that are decided on one learning state, scored at once.

    Each is added with its key's record, which then includes it. `decide` returns all decisions,
    in the order of adding. Nothing may be learned in between. Deciding several together changes
    no bit of any.

    Parameters
    ----------
    application
        The one whose events they are.
    state
        The learning state.
    degraded
        Whether the learning state is too far behind its log.
    """

    def __init__(
        self, application: Application, state: LearningState, degraded: bool = False
    ) -> None:
        self.application, self.state, self.degraded = application, state, degraded
        self.fresh: dict[str, Stored] = {}  # what is to be stored, by event id
        self._items: list[Item] = []

    def add(
        self,
        event: Event,
        source: Source,
        record: Record,
        stored: Stored | None = None,
        threshold: Threshold | None = None,
        origin: Source | None = None,
    ) -> None:
        """Take in an event: its features, as the record knows its key, then the event itself.

        Only stored predictions say which decision an id has, so that an id has one. Only the
        record says whether it counts: stored predictions may be lost with a disk for a while.

        Parameters
        ----------
        source
            Where the event is in its log; its partition chooses the partition model.
        record
            The key's record, changed in place.
        stored
            The prediction that is known for this id, if any.
        threshold
            Of the partition, None for the application's. It moves with a decision made on this
            record, now or when it was first read, and not with one that is repeated for another.
        origin
            Where the event lay at first, if it was entered again, in the log of this epoch.
        """
        id_hash = hash64(event.id)
        first = record.first_offset_of(id_hash)
        if first is None:
            duplicate = origin is not None and record.entered(origin)
        else:
            duplicate = first != source.offset
        x, whole = None, True
        if self._earlier(stored, event) is None:
            past = record.before(source.offset if first is None else first)
            x, whole = self.application.look(event, past, self.state.statistics), past.whole
        self._items.append(Item(event, source, stored, threshold, duplicate, whole, x))
        if duplicate:
            record.pass_over(source.offset, origin)
        else:
            record.count(event, id_hash, source.offset, origin)

    def decide(self) -> list[Decided]:
        """The decisions on all that was added."""
        application, state = self.application, self.state
        items, self._items = self._items, []
        partitions = {item.source.partition for item in items}
        trust = {partition: trust_in(application, state, partition) for partition in partitions}
        logits = self._logits(items, trust)
        used = {partition: model_used(application, state, partition) for partition in partitions}
        return [
            self._decide(item, logit, trust[item.source.partition], used[item.source.partition])
            for item, logit in zip(items, logits, strict=True)
        ]

    def _logits(self, items: Sequence[Item], trust: dict[int, Trust]) -> list[float]:
        """The model's logits, 0 where they have no weight or the decision is known."""
        logits, scope = [0.0] * len(items), self.application.scope
        chunks: dict[int, dict[int, dict[str, float]]] = {}  # features by partition and place
        for place, item in enumerate(items):
            if item.x is not None and trust[item.source.partition].model > 0:
                chunks.setdefault(item.source.partition, {})[place] = item.x
        for partition, chunk in chunks.items():
            scored = self.state.logits(list(chunk.values()), partition, scope)
            for place, logit in zip(chunk, scored, strict=True):
                logits[place] = logit
        return logits

    def _decide(self, item: Item, logit: float, trust: Trust, used: ModelUsed) -> Decided:
        """Decide an item, or repeat what was decided on its id, perhaps in this batch."""
        event, offset = item.event, item.source.offset
        stored = self.fresh.get(event.id) or item.stored
        earlier = self._earlier(stored, event)
        if stored is not None and earlier is not None:
            decided = Decided(stored.raw, earlier, None)
            made_here = stored.source == offset
        else:
            prediction = self._prediction(item, logit, trust, used)
            decided = Decided(encode(prediction), prediction.decision, prediction)
            made_here = not item.duplicate
            if stored is None or stored.source >= offset:
                self.fresh[event.id] = Stored(offset, decided.raw)
        if item.threshold is not None and made_here:
            item.threshold.move(offset, event.at, decided.decision != "approve")
        return decided

    def _prediction(self, item: Item, logit: float, trust: Trust, used: ModelUsed) -> Any:
        """A decision that is made now."""
        event, x, application = item.event, item.x, self.application
        assert x is not None, "features are left out only where a stored decision holds"
        review = application.review if item.threshold is None else item.threshold.score
        scoring = Scoring(self.state, item.source.partition, trust, review, event)
        verdict = application.conclude(x, logit, scoring)
        degraded = self.degraded or item.duplicate or not item.whole
        return application.prediction(
            id=event.id,
            key=event.key,
            at=event.at,
            score=verdict.score,
            threshold=review,
            decision=verdict.decision,
            reasons=verdict.reasons,
            mode="degraded" if degraded else verdict.mode,
            model=used,
            features=x,
            source=item.source,
            engine=application.engine,
            **application.facts(event),
        )

    def _earlier(self, stored: Stored | None, event: Event) -> Decision | None:
        """What was decided on this event, None where the stored decision is of another key."""
        if stored is None:
            return None
        earlier = self.application.read_decision(stored.raw)
        decision: Decision = earlier.decision
        return decision if earlier.key == event.key else None


def appraise(
    application: Application,
    x: dict[str, float],
    state: LearningState,
    partition: int,
    review: float | None = None,
    judged: Any = None,
) -> Verdict:
    """An application's verdict on features: the same bits for the same state and threshold.

    `review` is the score from which an event goes to review, None for the application's. `judged`
    is the event or its prediction, whose fields reasons name; None for one without fields.
    """
    trust = trust_in(application, state, partition)
    logit = state.logit(x, partition, application.scope) if trust.model > 0 else 0.0
    review = application.review if review is None else review
    return application.conclude(x, logit, Scoring(state, partition, trust, review, judged))


def trust_in(application: Application, state: LearningState, partition: int) -> Trust:
    """How far the model counts in a partition: the same until a label is learned."""
    learned = state.learned_by(partition, application.scope)
    return application.trust(learned, state.statistics)


def model_used(application: Application, state: LearningState, partition: int) -> ModelUsed:
    """What a prediction says about the models that scored."""
    return ModelUsed(
        application.model,
        application.scope,
        state.version,
        application.feature_set,
        (application.scope == "both" and state.mixing(partition).own) or UNSET,
    )
