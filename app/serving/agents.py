"""The two agents: score judges transactions, learn settles labels.

    transactions -> score -> customers, scored, predictions, review
    feedback     -> learn -> labels, customers, examples

Both work in steps over what one fetch brought for one partition: gather, ask the core,
apply. From the first read to `store` nothing awaits, so both may write a customer's
record. A step that returns True moves the commit position of its partition.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiokafka import ConsumerRecord

from app.core import labels, settling, threshold
from app.core.batch import Answer, Sitting
from app.errors import Refused
from app.messages import (
    Feedback,
    Origin,
    Source,
    Transaction,
    check_timestamp,
    encode,
    read_example,
    read_feedback,
    read_prediction,
    read_transaction,
)
from app.runtime.step import Step
from app.runtime.topics import partition_of
from app.runtime.writer import Out
from app.serving.dead_letters.journey import carried, carrying
from app.serving.dead_letters.write import dead_letter, given_up, waiting_again
from app.serving.sweep import LOOKS
from app.serving.waiting import Waiting, overdue
from app.streams.fraud.history.record import hash64

if TYPE_CHECKING:
    from app.serving.worker import Worker

LATE = 100  # labels given up in one step


class Score:
    """One step over transactions: decide each once, write history and decision, pass on."""

    def __init__(self, worker: "Worker", step: Step) -> None:
        self.worker, self.step = worker, step
        self.scored = worker.scored[step.partition]
        self.customers, self.labels = step.table(worker.customers), step.table(worker.labels)
        account = worker.account
        self.threshold = account.budget and account.threshold(self.customers.get(threshold.KEY))
        self.predictions: list[Out] = []
        self.sources: list[int] = []
        self.ids: list[str] = []
        self.sitting = Sitting(account, worker.degraded())
        self.heard: list[tuple[ConsumerRecord, Transaction]] = []
        self.review: list[Out] = []
        self.feedback: list[Out] = []
        self.letters: list[Out] = []
        self.answers: list[tuple[ConsumerRecord, Answer]] = []

    async def run(self, records: Sequence[ConsumerRecord]) -> bool:
        """The story of a step."""
        for record in records:
            try:
                self.hear(record, self.read(record))
            except Refused as reason:
                self.letters.append(dead_letter(record, reason))
        self.decide()
        self.worker.sensors.decided(self.answers)
        self.write_threshold()
        self.worker.write_aside(self.step)
        self.scored.put(self.sitting.fresh)
        self.step.store()
        return await self.send()

    def read(self, record: ConsumerRecord) -> Transaction:
        """The transaction in a record, if this partition may decide it."""
        check_timestamp(record.timestamp)
        tx, settings = read_transaction(record.value), self.worker.settings
        if partition_of(tx.customer, settings.partitions) != record.partition:
            raise Refused("`customer` belongs to another partition (murmur2 of its bytes)")
        if tx.at > record.timestamp + settings.future_limit * 1000:
            raise Refused("`at` lies too far after the record's timestamp")
        return tx

    def hear(self, record: ConsumerRecord, tx: Transaction) -> None:
        """Take in one transaction: its customer's record has it from here on."""
        history = self.customers.open(tx.customer.encode(), self.worker.account.open)
        source = Source(record.partition, record.offset)
        self.sitting.hear(tx, source, history, self.scored.get(tx.id), self.threshold)
        self.heard.append((record, tx))

    def decide(self) -> None:
        """Decide all that was heard; what it leads to waits in the lists of the step."""
        answers = self.sitting.decide()
        for (record, tx), answer in zip(self.heard, answers, strict=True):
            customer = tx.customer.encode()
            self.sources.append(record.offset)
            self.ids.append(tx.id)
            self.predictions.append(Out(customer, answer.raw, self.scored.headers(record.offset)))
            if answer.decision != "approve":
                self.review.append(Out(customer, answer.raw))
            self.enter_again(record, tx)
            self.answers.append((record, answer))

    def write_threshold(self) -> None:
        """Store the partition's threshold if there is a budget, at a replay the same bytes."""
        if self.threshold is not None and self.sources:
            self.customers[threshold.KEY] = self.threshold.encode()
            self.worker.sensors.moved(self.step.partition, self.threshold)

    def enter_again(self, record: ConsumerRecord, tx: Transaction) -> None:
        """Publish labels that had to wait for this transaction, its own one among them."""
        customer = tx.customer.encode()
        if tx.label is not None:
            own = Feedback(
                id=tx.id, customer=tx.customer, label=tx.label, source="stream", at=tx.at
            )
            self.feedback.append(Out(customer, encode(own), timestamp=record.timestamp))
        if (raw := self.labels.get(tx.id.encode())) is not None:
            self.feedback.extend(waiting_again(tx.id, labels.decode_entry(raw, tx.customer)))

    async def send(self) -> bool:
        """Predictions first; a review item only once its prediction is acknowledged."""
        step, topics = self.step, self.worker.topics
        sources = iter(self.sources)

        def acknowledged(base: int, count: int) -> None:
            self.scored.acknowledged(base, [next(sources) for _ in range(count)])

        writer = self.worker.writers(topics.predictions, step.partition)
        predictions = writer.put(self.predictions, acknowledged)
        self.scored.sent(self.ids, predictions)  # repeated ones too: the log may not have them
        await predictions.handed
        await step.send(topics.feedback, self.feedback).handed
        self.worker.sensors.letters.inc(len(self.letters))
        await step.send(topics.dead_letters, self.letters).handed
        if self.review:
            await predictions.acked
            if not step.still_mine():
                return False
            await step.send(topics.review, self.review).handed
        return True


class Learn:
    """One step over feedback: settle which label holds, append examples of what changed."""

    def __init__(self, worker: "Worker", step: Step) -> None:
        self.worker, self.step = worker, step
        self.scored = worker.scored[step.partition]
        self.customers, self.labels = step.table(worker.customers), step.table(worker.labels)
        self.entries: dict[str, labels.LabelEntry] = {}
        self.settled: list[labels.Revision] = []
        self.elsewhere: dict[int, list[Out]] = {}
        self.letters: list[Out] = []

    async def run(self, records: Sequence[ConsumerRecord]) -> bool:
        """The story of a step: decisions are acknowledged before anything comes of them."""
        said = [(record, self.read(record)) for record in records]
        late = overdue(self.labels.db, self.patience(records[0]), LATE)
        await self.give_up(late)
        await self.scored.settled(feedback.id for _, feedback in said if feedback is not None)
        if not self.step.still_mine():
            return False
        for waiting in late:
            self.expire(waiting)
        self.forget(records)
        for record, feedback in said:
            if feedback is not None:
                self.settle(record, feedback)
        self.write_entries()
        self.worker.write_aside(self.step)
        receipts = self.step.store()
        await receipts["labels"].acked
        return self.step.still_mine() and await self.send()

    def read(self, record: ConsumerRecord) -> Feedback | None:
        """The label in a record; None when it is refused or belongs to another partition."""
        try:
            check_timestamp(record.timestamp)
            feedback = read_feedback(record.value)
        except Refused as reason:
            self.letters.append(dead_letter(record, reason))
            return None
        partition = partition_of(feedback.customer, self.worker.settings.partitions)
        if partition == record.partition:
            return feedback
        # Not the raw value: with this key, or uncompressed, it may exceed the topic's limit.
        customer, value = feedback.customer.encode(), encode(feedback)
        again = Out(customer, value, carrying(carried(record.headers)), record.timestamp)
        self.elsewhere.setdefault(partition, []).append(again)
        return None

    def settle(self, record: ConsumerRecord, feedback: Feedback) -> None:
        """Decide what one label does, with all that is known of its transaction."""
        raw = self.scored.decision(feedback.id)
        decision = None if raw is None else read_prediction(raw)
        epoch = self.worker.settings.epoch
        recorded = max(record.timestamp, 0)  # producers may write what they like
        origin = Origin(epoch, record.partition, record.offset)
        known = settling.Known(origin, recorded, carried(record.headers))
        try:
            entry = self.entry(feedback.id, feedback.customer)
            repeated = any(one.origin == origin for one in entry.revisions)
            weight = self.worker.settings.maturity_weight
            revision = settling.settle(entry, feedback, known, decision, weight)
        except Refused as reason:
            self.letters.append(dead_letter(record, reason))
            return
        self.worker.sensors.labelled(feedback, revision)
        if revision is None:
            return
        waiting = Waiting(revision.recorded, revision.label_id, feedback.id).key
        if revision.outcome == "waiting":
            self.labels[waiting] = b"1"
        elif repeated or self.labels.get(waiting) is not None:
            self.labels[waiting] = None  # at a replay it may be gone here, and not in the log
        if revision.example:
            self.settled.append(revision)
            self.mark_customer(feedback, revision, entry)

    def entry(self, tx: str, customer: str) -> labels.LabelEntry:
        if tx not in self.entries:
            self.entries[tx] = labels.decode_entry(self.labels.get(tx.encode()), customer)
        return self.entries[tx]

    def mark_customer(
        self, feedback: Feedback, revision: labels.Revision, entry: labels.LabelEntry
    ) -> None:
        """Note a fraud, or that it was none, in the customer's record."""
        history = self.customers.open(feedback.customer.encode(), self.worker.account.open)
        fraud = read_example(revision.example).y == 1
        history.learn_label(hash64(feedback.id), revision.origin, revision.at, fraud)

    def write_entries(self) -> None:
        if self.settled:
            settling.end_step(self.settled[-1])
        for tx, entry in self.entries.items():
            if entry.revisions:
                self.labels[tx.encode()] = labels.encode_entry(entry)

    def patience(self, record: ConsumerRecord) -> int:
        """Labels recorded before this time have waited for long enough."""
        return record.timestamp - int(self.worker.settings.label_wait * 1000)

    async def give_up(self, late: Sequence[Waiting]) -> None:
        """Dead letters of labels whose transaction never came, before they are forgotten."""
        letters = []
        for waiting in late:
            entry = labels.decode_entry(self.labels.get(waiting.tx.encode()), "")
            letters += [
                given_up(self.worker.topics.feedback, waiting.tx, entry, revision)
                for revision in entry.waiting
                if revision.label_id == waiting.label_id
            ]
        self.worker.sensors.letters.inc(len(letters))
        await self.step.send(self.worker.topics.dead_letters, letters).acked

    def expire(self, waiting: Waiting) -> None:
        settling.expire(self.entry(waiting.tx, ""), waiting.label_id)
        self.labels[waiting.key] = None

    def forget(self, records: Sequence[ConsumerRecord]) -> None:
        """Delete a few entries that are older than any decision."""
        before = records[0].timestamp - int(self.worker.settings.horizon * 1000)
        sweep = self.worker.sweeps[self.step.partition]
        for key in sweep.expired(self.labels.db, before, LOOKS * len(records)):
            self.labels[key] = None

    async def send(self) -> bool:
        """Examples in order, one unacknowledged batch at a time; then the rest."""
        topics = self.worker.topics
        examples = [Out(None, revision.example) for revision in self.settled]
        await self.step.send(topics.examples, examples, partition=0).acked
        for partition, records in self.elsewhere.items():
            await self.step.send(topics.feedback, records, partition).handed
        self.worker.sensors.letters.inc(len(self.letters))
        await self.step.send(topics.dead_letters, self.letters).handed
        return True
