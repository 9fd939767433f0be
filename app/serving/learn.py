"""The second agent: learn settles labels.

    feedback -> learn -> labels, records, examples

It works in steps as score does: see `app.serving.score`.
"""

from collections.abc import Sequence

from aiokafka import ConsumerRecord

from app.core import settling
from app.core.labels import LabelEntry, Revision, decode_entry, encode_entry
from app.core.messages import Feedback, Origin, label_id
from app.core.partitioning import partition_of
from app.errors import Refused
from app.runtime.step import Step
from app.runtime.writer import Out
from app.serving.dead_letters.journey import carried, carrying
from app.serving.dead_letters.write import dead_letter, given_up, waiting_again
from app.serving.partition import Partition
from app.serving.sweep import LOOKS
from app.serving.waiting import Waiting, overdue
from app.wire import check_timestamp, check_unit, encode

LATE = 100  # labels given up in one step


class Learn:
    """One step over feedback: settle which label holds, append examples of what changed."""

    def __init__(self, partition: Partition, step: Step) -> None:
        self.partition, self.step = partition, step
        self.application, self.decisions = partition.application, partition.decisions
        self.records = step.table(partition.shared.records)
        self.labels = step.table(partition.shared.labels)
        self.entries: dict[str, LabelEntry] = {}
        self.settled: list[Revision] = []
        self.elsewhere: dict[int, list[Out]] = {}
        self.letters: list[Out] = []
        self.again: set[str] = set()  # events that are known, and whose labels wait all the same

    async def run(self, records: Sequence[ConsumerRecord]) -> bool:
        """The story of a step: predictions are acknowledged before anything comes of them."""
        said = [(record, self.read(record)) for record in records]
        late = self.late(records)
        await self.give_up(late)
        swept = self.swept(records)
        await self.log_ahead(late, swept)
        await self.decisions.settled(feedback.id for _, feedback in said if feedback is not None)
        if not self.step.still_mine():
            return False
        for waiting in late:
            self.expire(waiting)
        for key in swept:
            self.labels[key] = None
        for record, feedback in said:
            if feedback is not None:
                self.settle(record, feedback)
        self.write_entries()
        self.partition.write_aside(self.step)
        receipts = self.step.store()
        await receipts[self.labels.table.name].acked
        return self.step.still_mine() and await self.send()

    def read(self, record: ConsumerRecord) -> Feedback | None:
        """The label in a record; None when it is refused or belongs to another partition."""
        try:
            check_timestamp(record.timestamp)
            feedback = self.application.read_feedback(record.value)
            if feedback.at is not None:
                check_unit(feedback.at, record.timestamp, steps=False)
        except Refused as reason:
            self.letters.append(dead_letter(record, reason))
            return None
        partition = partition_of(feedback.key, self.partition.settings.partitions)
        if partition == record.partition:
            return feedback
        # Not the raw value: with this key, or uncompressed, it may exceed the topic's limit.
        key, value = feedback.key.encode(), encode(feedback)
        again = Out(key, value, carrying(carried(record.headers)), record.timestamp)
        self.elsewhere.setdefault(partition, []).append(again)
        return None

    def settle(self, record: ConsumerRecord, feedback: Feedback) -> None:
        """Decide what one label does, with all that is known of its event."""
        raw = self.decisions.decision(feedback.id)
        prediction = None if raw is None else self.application.read_prediction(raw)
        recorded = max(record.timestamp, 0)  # producers may write what they like
        origin = Origin(self.application.epoch, record.partition, record.offset)
        received = settling.Received(origin, recorded, carried(record.headers))
        weight = self.partition.settings.maturity_weight
        try:
            entry = self.entry(feedback.id, feedback.key)
            repeated = any(one.origin == origin for one in entry.revisions)
            waited = any(one.label_id == label_id(feedback) for one in entry.waiting)
            revision = settling.settle(
                self.application, entry, feedback, received, prediction, weight
            )
        except Refused as reason:
            self.letters.append(dead_letter(record, reason))
            return
        self.partition.sensors.labelled(feedback, revision)
        if revision is None:
            return
        self.mark_waiting(feedback, revision, repeated or waited)
        if revision.outcome == "waiting" and prediction is not None:
            self.again.add(feedback.id)  # a replay must not settle it, and score has passed
        if revision.example:
            self.settled.append(revision)
            self.note(feedback, revision)

    def mark_waiting(self, feedback: Feedback, revision: Revision, repeated: bool) -> None:
        """Put a label on the list of those that wait for their event, or take it off."""
        waiting = Waiting(revision.recorded, revision.label_id, feedback.id).key
        if revision.outcome == "waiting":
            self.labels[waiting] = b"1"
        elif repeated or self.labels.get(waiting) is not None:
            self.labels[waiting] = None  # at a replay it may be gone here, but not in the log

    def entry(self, id: str, key: str) -> LabelEntry:
        """What was said about an event, as far as this step has come."""
        if id not in self.entries:
            self.entries[id] = decode_entry(self.labels.get(id.encode()), key)
        return self.entries[id]

    def note(self, feedback: Feedback, revision: Revision) -> None:
        """Note in the key's record what has changed."""
        record = self.records.open(feedback.key.encode(), self.application.open)
        self.application.note(record, self.application.read_example(revision.example))

    def write_entries(self) -> None:
        """Write what was said about each event into the overlay; the last example ends the step."""
        if self.settled:
            settling.end_step(self.application, self.settled[-1])
        for id, entry in self.entries.items():
            if entry.revisions:
                self.labels[id.encode()] = encode_entry(entry)

    def late(self, records: Sequence[ConsumerRecord]) -> list[Waiting]:
        """Labels that have waited long enough for an event that nobody has decided yet.

        Where record time runs fast, as in a backlog, a label may be old by the time its event is
        decided: it has been entered again then, and is settled when it comes.
        """
        found = overdue(self.labels.store, self.patience(records[0]), LATE)
        return [one for one in found if self.decisions.decision(one.id) is None]

    def patience(self, record: ConsumerRecord) -> int:
        """Labels recorded before this time have waited long enough."""
        return record.timestamp - int(self.partition.settings.label_wait * 1000)

    async def give_up(self, late: Sequence[Waiting]) -> None:
        """Write dead letters for labels whose event never came, before they are forgotten."""
        topics, letters = self.partition.topics, []
        for waiting in late:
            entry = decode_entry(self.labels.get(waiting.id.encode()), "")
            letters += [
                given_up(self.application, topics.feedback, waiting.id, entry, revision)
                for revision in entry.waiting
                if revision.label_id == waiting.label_id
            ]
        self.partition.sensors.letters.inc(len(letters))
        await self.step.send(topics.dead_letters, letters).acked

    def expire(self, waiting: Waiting) -> None:
        """Let a label wait no longer."""
        settling.expire(self.entry(waiting.id, ""), waiting.label_id)
        self.labels[waiting.key] = None

    def swept(self, records: Sequence[ConsumerRecord]) -> list[bytes]:
        """A few entries that are older than any decision."""
        before = records[0].timestamp - int(self.partition.settings.horizon * 1000)
        sweep = self.partition.sweep
        return sweep.expired(self.labels.store, before, LOOKS * len(records))

    async def log_ahead(self, late: Sequence[Waiting], swept: Sequence[bytes]) -> None:
        """What leaves by its age leaves the changelog first: a replay would not find it again."""
        changes: dict[bytes, bytes | None] = dict.fromkeys(swept)
        entries: dict[str, LabelEntry] = {}
        for waiting in late:
            key = waiting.id.encode()
            entry = entries.setdefault(waiting.id, decode_entry(self.labels.get(key), ""))
            settling.expire(entry, waiting.label_id)
            changes[waiting.key] = None
            if entry.revisions:
                changes[key] = encode_entry(entry)
        if changes:
            changelog = self.labels.table.changelog
            await self.step.send(changelog, [Out(*change) for change in changes.items()]).acked

    async def send(self) -> bool:
        """Examples in order, one unacknowledged batch at a time; then the rest."""
        topics = self.partition.topics
        examples = [Out(None, revision.example) for revision in self.settled]
        await self.step.send(topics.examples, examples, partition=0).acked
        for id in self.again:
            waiting = waiting_again(self.application, id, self.entries[id])
            await self.step.send(topics.feedback, waiting).handed
        for partition, records in self.elsewhere.items():
            await self.step.send(topics.feedback, records, partition).handed
        self.partition.sensors.letters.inc(len(self.letters))
        await self.step.send(topics.dead_letters, self.letters).handed
        return True
