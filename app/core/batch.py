"""Transactions against their customers' records: each decided once, counted once."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from app.core.fold import LearningState
from app.core.threshold import Budget, Threshold
from app.messages import Decision, ModelUsed, Prediction, Source, Transaction, encode
from app.streams.fraud.decision import Policy, conclude, observe, trust_in
from app.streams.fraud.explain import Trust
from app.streams.fraud.history.record import Event, History, Limits, cached_hash64, hash64


class _Decision(msgspec.Struct):
    customer: str
    decision: Decision


_read_decision = msgspec.json.Decoder(_Decision).decode


class Decided(msgspec.Struct, frozen=True, gc=False):
    """A decision as stored: the offset of its transaction, and the prediction's bytes."""

    source: int
    raw: bytes


class Answer(msgspec.Struct):
    """What a transaction leads to: the bytes of the prediction to send.

    `fresh` is the prediction when it was made now, None when an earlier one is repeated,
    byte for byte. `history` is the record to write back, where the caller has left it packed.
    """

    raw: bytes
    decision: Decision
    fresh: Prediction | None
    history: bytes = b""


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

    def open(self, record: bytes | None) -> History:
        """A customer's record unpacked; None opens an empty one."""
        return History.decode(record, self.epoch, self.limits)

    def decide(
        self,
        tx: Transaction,
        source: Source,
        record: bytes | None,
        stored: Decided | None,
        degraded: bool = False,
        threshold: Threshold | None = None,
    ) -> Answer:
        """Decide one transaction by itself on its customer's packed record, None for a new one.

        The other parameters are those of `Sitting`.
        """
        history = self.open(record)
        sitting = Sitting(self, degraded)
        sitting.hear(tx, source, history, stored, threshold)
        (answer,) = sitting.decide()
        answer.history = history.encode()
        return answer


class Case(msgspec.Struct):
    """A transaction that was heard. `x` is None where what was stored decides it."""

    tx: Transaction
    source: Source
    stored: Decided | None
    threshold: Threshold | None
    duplicate: bool  # whether the record has its id at another offset
    whole: bool  # whether the record had all that its features are made of
    x: dict[str, float] | None


class Sitting:
    """Transactions that are decided on one learning state, scored at once.

    Each is heard with its customer's record, which then has it. `decide` gives all answers, in
    the order of hearing. Nothing may be learned in between. That several are decided together
    changes no bit of any.

    Parameters
    ----------
    account
        What decides.
    degraded
        Whether the learning state is too far behind its log.
    """

    def __init__(self, account: Account, degraded: bool = False) -> None:
        self.account, self.degraded = account, degraded
        self.fresh: dict[str, Decided] = {}  # what is to be stored, by transaction id
        self._cases: list[Case] = []

    def hear(
        self,
        tx: Transaction,
        source: Source,
        history: History,
        stored: Decided | None = None,
        threshold: Threshold | None = None,
    ) -> None:
        """Take in a transaction: its features, as the record knows its customer, then its event.

        What is stored alone says which decision an id has, so that all of an id are one. The
        ring alone says whether it counts: what is stored may be lost with a disk for a while.

        Parameters
        ----------
        source
            Where the transaction lies in its log; its partition chooses the partition model.
        history
            The customer's record, changed in place.
        stored
            The decision that is known for this transaction id, if any.
        threshold
            Of the partition, None for the policy's. It moves with a decision made on this
            record, now or when it was first read, and not with one that is repeated for another.
        """
        id_hash = hash64(tx.id)
        first = history.first_offset_of(id_hash)
        duplicate = first is not None and first != source.offset
        x, whole = None, True
        if _earlier(stored, tx) is None:
            past = history.before(source.offset if first is None else first)
            state, features = self.account.state, self.account.policy.features
            x, whole = observe(tx, past, state, features), past.whole
        self._cases.append(Case(tx, source, stored, threshold, duplicate, whole, x))
        if duplicate:
            history.pass_over(source.offset)
        else:
            merchant = cached_hash64(tx.merchant)
            history.insert(
                Event(source.offset, id_hash, tx.at, tx.amount, merchant, tx.lat, tx.lon)
            )

    def decide(self) -> list[Answer]:
        """The answers to all that was heard."""
        state, policy = self.account.state, self.account.policy
        cases, self._cases = self._cases, []
        partitions = {case.source.partition for case in cases}
        trust = {partition: trust_in(state, partition, policy) for partition in partitions}
        logits = self._logits(cases, trust)
        used = ModelUsed(policy.model, policy.scope, state.version, policy.features)
        return [
            self._decide(case, logit, trust[case.source.partition], used)
            for case, logit in zip(cases, logits, strict=True)
        ]

    def _logits(self, cases: Sequence[Case], trust: dict[int, Trust]) -> list[float]:
        """The model's scores, 0 where they count for nothing or the decision is known."""
        logits, scope = [0.0] * len(cases), self.account.policy.scope
        chunks: dict[int, dict[int, dict[str, float]]] = {}  # features by partition and place
        for place, case in enumerate(cases):
            if case.x is not None and trust[case.source.partition].model > 0:
                chunks.setdefault(case.source.partition, {})[place] = case.x
        for partition, chunk in chunks.items():
            scored = self.account.state.logits(list(chunk.values()), partition, scope)
            for place, logit in zip(chunk, scored, strict=True):
                logits[place] = logit
        return logits

    def _decide(self, case: Case, logit: float, trust: Trust, used: ModelUsed) -> Answer:
        """Decide a case, or repeat what was decided on its id, perhaps in this sitting."""
        tx, offset = case.tx, case.source.offset
        stored = self.fresh.get(tx.id) or case.stored
        earlier = _earlier(stored, tx)
        if stored is not None and earlier is not None:
            answer = Answer(stored.raw, earlier, None)
            made_here = stored.source == offset
        else:
            prediction = self._prediction(case, logit, trust, used)
            answer = Answer(encode(prediction), prediction.decision, prediction)
            made_here = not case.duplicate
            if stored is None or stored.source >= offset:
                self.fresh[tx.id] = Decided(offset, answer.raw)
        if case.threshold is not None and made_here:
            case.threshold.move(offset, tx.at, answer.decision != "approve")
        return answer

    def _prediction(self, case: Case, logit: float, trust: Trust, used: ModelUsed) -> Prediction:
        """A decision that is made now."""
        tx, x, (state, policy, *_) = case.tx, case.x, self.account
        assert x is not None, "features are left out only where a stored decision holds"
        review = policy.review if case.threshold is None else case.threshold.score
        degraded = self.degraded or case.duplicate or not case.whole
        partition = case.source.partition
        verdict = conclude(x, logit, trust, state, partition, policy, degraded, review)
        return Prediction(
            id=tx.id,
            customer=tx.customer,
            merchant=tx.merchant,
            location=tx.location,
            amount=tx.amount,
            at=tx.at,
            score=verdict.score,
            threshold=review,
            decision=verdict.decision,
            reasons=verdict.reasons,
            mode=verdict.mode,
            model=used,
            features=x,
            source=case.source,
            engine=policy.engine,
        )


def _earlier(stored: Decided | None, tx: Transaction) -> Decision | None:
    """What was decided on this transaction, None where the stored decision is of another."""
    if stored is None:
        return None
    earlier = _read_decision(stored.raw)
    return earlier.decision if earlier.customer == tx.customer else None
