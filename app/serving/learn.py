"""The second agent: learn settles labels.

    feedback -> learn -> labels, records, examples

It works in steps as score does: see `app.serving.score`.
"""

import time
from collections.abc import Sequence

from aiokafka import ConsumerRecord

from app.core import settling
from app.core.labels import LabelEntry, Revision, decode_entry, encode_entry
from app.core.messages import Feedback, Origin, Place, Prediction, label_id
from app.core.partitioning import partition_of
from app.core.settling import MAX_REVISIONS
from app.errors import Refused
from app.runtime.step import Step
from app.runtime.writer import Out
from app.serving.dead_letters.headers import producers
from app.serving.dead_letters.journey import carried, carrying, first_place
from app.serving.dead_letters.write import crowded_out, dead_letter, given_up, waiting_again
from app.serving.elsewhere import place_header, without_place
from app.serving.evicted import Evicted
from app.serving.partition import Partition
from app.serving.sweep import LOOKS
from app.serving.waiting import Waiting, overdue
from app.wire import MAX_MS, check_unit, encode

LATE = 100  # labels given up in one step


def begun(records: Sequence[ConsumerRecord]) -> int:
    """When a chunk begins, epoch ms: the first timestamp that is a time; -1, where none is.

    Not the highest: in a backlog that would sweep entries which labels further up still change.
    """
    return next((one.timestamp for one in records if 0 <= one.timestamp <= MAX_MS), -1)


class Learn:
    """One step over feedback: settle which label holds, append examples of what changed."""

    def __init__(self, partition: Partition, step: Step) -> None:
        self.partition, self.step = partition, step
        self.application, self.decisions = partition.application, partition.decisions
        self.records = step.table(partition.shared.records)
        self.labels = step.table(partition.shared.labels)
        self.entries: dict[str, LabelEntry] = {}
        self.evicted = Evicted(self.labels)
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
            self.partition.check(record)
            feedback = self.application.read_feedback(record.value)
            if feedback.at is not None:
                check_unit(feedback.at, record.timestamp, steps=False)
            partition = partition_of(feedback.key, self.partition.settings.partitions)
            if partition == record.partition:
                return feedback
            self.partition.check_hops(record, partition)
        except Refused as reason:
            self.letters.append(dead_letter(record, reason))
            return None
        self.pass_on(record, feedback, partition, record.timestamp)
        return None

    def pass_on(
        self, record: ConsumerRecord, said: Feedback, partition: int, timestamp: int | None
    ) -> None:
        """Enter a label again, with the headers of its record.

        However often a crash repeats that, it is one label: it says which one, and when.
        """
        said.label_id = label_id(said, self.place(record))
        if said.at is None and record.timestamp >= 0:
            said.at = record.timestamp
        # Not the raw value: with this key, or uncompressed, it may exceed the topic's limit.
        key, value = said.key.encode(), encode(said)
        headers = (*carrying(carried(record.headers)), *producers(without_place(record.headers)))
        if partition != record.partition:
            headers = (*headers, place_header(record, self.application.epoch))
        self.elsewhere.setdefault(partition, []).append(Out(key, value, headers, timestamp))

    def place(self, record: ConsumerRecord) -> Place:
        """Where the label in a record lay at first: a replay of its letter is the same label."""
        own = Place(self.application.epoch, record.partition, record.offset, record.timestamp)
        return first_place(carried(record.headers)) or own

    def settle(self, record: ConsumerRecord, feedback: Feedback) -> None:
        """Decide what one label does, with all that is known of its event."""
        origin = Origin(self.application.epoch, record.partition, record.offset)
        entry = self.entry(feedback.id, feedback.key)
        if entry.through and (left := self.evicted.left(entry, feedback.id, origin)) is not None:
            self.teach(feedback, left)
            self.make_room(feedback.id, entry, left)
            return
        raw = self.decisions.decision(feedback.id)
        prediction = None if raw is None else self.application.read_prediction(raw)
        recorded = self.recorded(record, feedback, prediction)
        if recorded is None:
            return self.pass_on(record, feedback, record.partition, None)
        vague = feedback.at is None and not feedback.label_id
        place = self.place(record) if vague else None
        received = settling.Received(origin, recorded, carried(record.headers), place)
        listed = bool(entry.revisions)
        repeated = listed and entry.at(origin) is not None
        waiting = [one.label_id for one in entry.waiting] if listed else []
        try:
            revision = settling.settle(self.application, entry, feedback, received, prediction)
        except Refused as reason:
            self.letters.append(dead_letter(record, reason))
            return
        self.partition.sensors.labelled(feedback, revision)
        if revision is None:
            return
        if revision.outcome == "waiting":
            self.labels[Waiting(revision.recorded, revision.label_id, feedback.id).key] = b"1"
            if prediction is not None:
                self.again.add(feedback.id)  # a replay must not settle it, and score has passed
        else:
            self.take_off(feedback.id, entry, revision, repeated or revision.label_id in waiting)
        self.teach(feedback, revision)
        if len(entry.revisions) > MAX_REVISIONS or revision.evicted is not None:
            self.make_room(feedback.id, entry, revision)

    def take_off(self, id: str, entry: LabelEntry, revision: Revision, surely: bool) -> None:
        """Take a label off the list of those that wait for their event."""
        waiting = Waiting(revision.recorded, revision.label_id, id).key
        if not surely and self.labels.get(waiting) is None:
            return  # at a replay it may be gone here, but not in the log
        if not settling.waiting_as(entry, revision.label_id, revision.recorded):
            self.labels[waiting] = None  # and no label of another key goes by the same id

    def teach(self, feedback: Feedback, revision: Revision) -> None:
        """What comes of a label that changed the value that holds, now or at a replay."""
        if revision.example:
            self.settled.append(revision)
            self.note(feedback, revision)

    def make_room(self, id: str, entry: LabelEntry, revision: Revision) -> None:
        """Let the label leave that has no room beside this one; a replay does it once more."""
        left = settling.make_room(self.application, entry, revision, MAX_REVISIONS)
        if left is None and revision.evicted is not None:
            left = self.evicted.find(id, revision.evicted)
        if left is None:
            return
        self.evicted.keep(id, left)
        if left.outcome == "waiting":
            self.take_off(id, entry, left, surely=True)
            topic = self.partition.topics.feedback
            self.letters.append(crowded_out(self.application, topic, id, entry, left))

    def recorded(
        self, record: ConsumerRecord, said: Feedback, prediction: Prediction | None
    ) -> int | None:
        """The time of a label's record, epoch ms; without a timestamp, what the label says itself.

        That is at most the horizon after its event, where decisions end. A label that does not say
        is as old as its event. None while the event is not known: how long a label waits is
        measured by its record, so it is entered again and its copy gets a timestamp.
        """
        if record.timestamp >= 0:
            return record.timestamp
        if prediction is None:
            return None
        if said.at is None:
            return prediction.at
        return min(int(said.at), prediction.at + int(self.partition.settings.horizon * 1000))

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
        self.evicted.write()
        for id, entry in self.entries.items():
            if entry.revisions:
                self.labels[id.encode()] = encode_entry(entry)

    def late(self, records: Sequence[ConsumerRecord]) -> list[Waiting]:
        """Labels that have waited long enough for an event that nobody has decided yet.

        Where record time runs fast, as in a backlog, a label may be old by the time its event is
        decided: it has been entered again then, and is settled when it comes.
        """
        found = overdue(self.labels.store, self.patience(records), LATE)
        return [one for one in found if self.decisions.decision(one.id) is None]

    def patience(self, records: Sequence[ConsumerRecord]) -> int:
        """Labels recorded before this time have waited long enough."""
        return begun(records) - int(self.partition.settings.label_wait * 1000)

    async def give_up(self, late: Sequence[Waiting]) -> None:
        """Write dead letters for labels whose event never came, before they are forgotten."""
        topics, letters = self.partition.topics, []
        for waiting in late:
            entry = decode_entry(self.labels.get(waiting.id.encode()), "")
            letters += [
                given_up(self.application, topics.feedback, waiting.id, entry, revision)
                for revision in settling.waiting_as(entry, waiting.label_id, waiting.recorded)
            ]
        self.partition.sensors.letters.inc(len(letters))
        await self.step.send(topics.dead_letters, letters).acked

    def expire(self, waiting: Waiting) -> None:
        """Let a label wait no longer."""
        settling.expire(self.entry(waiting.id, ""), waiting.label_id, waiting.recorded)
        self.labels[waiting.key] = None

    def swept(self, records: Sequence[ConsumerRecord]) -> list[bytes]:
        """A few entries that are older than any decision."""
        before = begun(records) - int(self.partition.settings.horizon * 1000)
        sweep = self.partition.sweep
        return sweep.expired(self.labels.store, before, LOOKS * len(records))

    async def log_ahead(self, late: Sequence[Waiting], swept: Sequence[bytes]) -> None:
        """What leaves by its age leaves the changelog first: a replay would not find it again."""
        changes: dict[bytes, bytes | None] = dict.fromkeys(swept)
        entries: dict[str, LabelEntry] = {}
        for waiting in late:
            key = waiting.id.encode()
            entry = entries.setdefault(waiting.id, decode_entry(self.labels.get(key), ""))
            settling.expire(entry, waiting.label_id, waiting.recorded)
            changes[waiting.key] = None
            if entry.revisions:
                changes[key] = encode_entry(entry)
        if changes:
            changelog = self.labels.table.changelog
            await self.step.send(changelog, [Out(*change) for change in changes.items()]).acked

    def examples(self) -> list[Out]:
        """What goes into the examples log.

        An example that is far ahead of those before it counts once it is said again. None is
        recorded before its label was said, even by a clock that is slow: it would look forged.
        """
        state, now, outs = self.partition.learning.state, int(time.time() * 1000), list[Out]()
        before = state.highest(self.step.partition)
        for revision in self.settled:
            out = Out(None, revision.example, timestamp=revision.at if revision.at > now else None)
            outs += [out] * (2 if state.origins.far(revision.origin, before) else 1)
            before = revision.origin
        return outs

    async def send(self) -> bool:
        """Examples in order, one unacknowledged batch at a time; then the rest."""
        topics = self.partition.topics
        await self.step.send(topics.examples, self.examples(), partition=0).acked
        for id in self.again:
            waiting = waiting_again(self.application, id, self.entries[id])
            await self.step.send(topics.feedback, waiting).handed
        for partition, records in self.elsewhere.items():
            await self.step.send(topics.feedback, records, partition).handed
        self.partition.sensors.letters.inc(len(self.letters))
        await self.step.send(topics.dead_letters, self.letters).handed
        return True
