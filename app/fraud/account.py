"""One transaction against its customer's record: decided once, counted once."""

from typing import NamedTuple

import msgspec

from app.core.fold import LearningState
from app.fraud import decision
from app.fraud.decision import Policy
from app.fraud.history import Event, History, Limits, cached_hash64, hash64
from app.fraud.threshold import Budget, Threshold
from app.messages import Decision, Prediction, Source, Transaction, encode


class _Decision(msgspec.Struct):
    customer: str
    decision: Decision


_read_decision = msgspec.json.Decoder(_Decision).decode


class Decided(msgspec.Struct, frozen=True, gc=False):
    """A decision as stored: the offset of its transaction, and the prediction's bytes."""

    source: int
    raw: bytes


class Answer(msgspec.Struct):
    """What a transaction leads to: the record to write back, the prediction to send.

    `fresh` is the prediction when it was made now, None when an earlier one is repeated,
    byte for byte.
    """

    history: bytes
    raw: bytes
    decision: Decision
    fresh: Prediction | None


class Account(NamedTuple):
    """What deciding needs besides the transaction and the stored values.

    Without a `budget` the policy's threshold holds.
    """

    state: LearningState
    policy: Policy
    limits: Limits
    epoch: int
    budget: Budget | None = None

    def threshold(self, stored: bytes | None) -> Threshold | None:
        """A partition's threshold as stored, None for a new one; None without a budget."""
        return self.budget and Threshold.decode(stored, self.budget, self.epoch)

    def decide(
        self,
        tx: Transaction,
        source: Source,
        record: bytes | None,
        stored: Decided | None,
        degraded: bool = False,
        threshold: Threshold | None = None,
    ) -> Answer:
        """Decide a transaction, or repeat what was decided on its id.

        What is stored alone says which decision it is, so that all of an id are one. The ring
        alone says whether it counts: what is stored may be lost with a disk for a while.

        Parameters
        ----------
        source
            Where the transaction lies in its log.
        record
            The customer's packed record, None for a new customer.
        stored
            The decision that is known for this transaction id, if any.
        degraded
            Whether the learning state is too far behind its log.
        threshold
            Of the partition. It moves with a decision made on this record, now or when it was
            first read, and not with one that is repeated for another record.
        """
        history = History.decode(record, self.epoch, self.limits)
        answer = self.judge(tx, source, history, stored, degraded, threshold)
        answer.history = history.encode()
        return answer

    def judge(
        self,
        tx: Transaction,
        source: Source,
        history: History,
        stored: Decided | None,
        degraded: bool = False,
        threshold: Threshold | None = None,
    ) -> Answer:
        """Decide as `decide` does, on an open record; the answer leaves `history` empty."""
        event = _event(tx, source.offset)
        first = history.first_offset_of(event.id_hash)
        duplicate = first is not None and first != source.offset
        earlier = None if stored is None else _read_decision(stored.raw)
        if stored is not None and earlier is not None and earlier.customer == tx.customer:
            answer = Answer(b"", stored.raw, earlier.decision, None)
        else:
            past = history.before(source.offset if first is None else first)
            degraded = degraded or duplicate or not past.whole
            review = None if threshold is None else threshold.score
            prediction = decision.judge(tx, past, self.state, source, self.policy, degraded, review)
            answer = Answer(b"", encode(prediction), prediction.decision, prediction)
        if duplicate:
            history.pass_over(source.offset)
        else:
            history.insert(event)
        if stored is not None and answer.fresh is None:
            made_here = stored.source == source.offset
        else:
            made_here = not duplicate
        if threshold is not None and made_here:
            threshold.move(source.offset, tx.at, answer.decision != "approve")
        return answer


def _event(tx: Transaction, offset: int) -> Event:
    return Event(
        offset, hash64(tx.id), tx.at, tx.amount, cached_hash64(tx.merchant), tx.lat, tx.lon
    )
