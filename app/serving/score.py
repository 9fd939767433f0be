"""The first agent: score judges events.

    events -> score -> records, decisions, predictions, review

It works in steps over what one fetch brought for one partition: gather, ask the core, apply.
From the first read to `store` nothing awaits, so both agents may write a record. A step that
returns True moves the commit position of its partition.
"""

from collections.abc import Mapping, Sequence

from aiokafka import ConsumerRecord

from app.core.batch import Batch, Decided
from app.core.keyed import Event
from app.core.labels import STREAM, decode_entry
from app.core.messages import Source
from app.core.partitioning import partition_of
from app.core.threshold import KEY, Threshold
from app.errors import Refused
from app.runtime.step import Step
from app.runtime.writer import Out
from app.serving.dead_letters.write import dead_letter, waiting_again
from app.serving.elsewhere import entered_again
from app.serving.partition import Partition
from app.wire import check_unit, encode


class Score:
    """One step over events: decide each once, write record and decision, pass on."""

    def __init__(self, partition: Partition, step: Step) -> None:
        self.partition, self.step = partition, step
        self.application, self.decisions = partition.application, partition.decisions
        self.records = step.table(partition.shared.records)
        self.labels = step.table(partition.shared.labels)
        self.added: list[tuple[ConsumerRecord, Event]] = []
        self.decided: list[tuple[ConsumerRecord, Decided]] = []
        self.predictions: list[Out] = []
        self.review: list[Out] = []
        self.feedback: list[Out] = []
        self.letters: list[Out] = []
        self.origins: Mapping[int, Source] = {}
        self.elsewhere: dict[int, list[Out]] = {}

    async def run(self, records: Sequence[ConsumerRecord]) -> bool:
        """The story of a step."""
        self.origins = await self.partition.origins.of(records)
        if not self.step.still_mine():
            return False
        self.begin()
        for record in records:
            try:
                if (event := self.read(record)) is not None:
                    self.add(record, event)
            except Refused as reason:
                self.letters.append(dead_letter(record, reason))
        self.decide()
        self.partition.sensors.decided(self.decided)
        self.partition.sensors.read(event for _, event in self.added)
        self.write_threshold()
        self.partition.write_aside(self.step)
        self.decisions.put(self.batch.fresh)
        self.step.store()
        return await self.send()

    def begin(self) -> None:
        """Take what is the same for all events of the step, as it is now."""
        learning = self.partition.learning
        self.threshold = self._threshold()
        self.batch = Batch(self.application, learning.state, learning.degraded())

    def read(self, record: ConsumerRecord) -> Event | None:
        """The event in a record; None when it belongs to another partition."""
        self.partition.check(record)
        event: Event = self.application.read(record.value)
        settings = self.partition.settings
        partition = partition_of(event.key, settings.partitions)
        if partition != record.partition:
            self.pass_on(record, partition)
            return None
        check_unit(event.at, record.timestamp)
        # A record without a timestamp has no other time than its event's.
        if event.at > record.timestamp + settings.future_limit * 1000 and record.timestamp >= 0:
            raise Refused("`at` is too far after the record's timestamp")
        return event

    def pass_on(self, record: ConsumerRecord, partition: int) -> None:
        """Enter an event again on its partition, as it came."""
        self.partition.check_hops(record, partition)
        again = entered_again(record, self.application.epoch)
        self.elsewhere.setdefault(partition, []).append(again)

    def add(self, record: ConsumerRecord, event: Event) -> None:
        """Take in one event: its key's record includes it from here on."""
        opened = self.records.open(event.key.encode(), self.application.open)
        source = Source(record.partition, record.offset)
        stored, place = self.decisions.get(event.id), self.origins.get(record.offset)
        self.batch.add(event, source, opened, stored, self.threshold, place)
        self.added.append((record, event))

    def decide(self) -> None:
        """Decide all that was added; the results wait in the lists of the step."""
        for (record, event), decided in zip(self.added, self.batch.decide(), strict=True):
            key, headers = event.key.encode(), self.decisions.headers(record.offset)
            self.predictions.append(Out(key, decided.raw, headers))
            if decided.decision != "approve":
                self.review.append(Out(key, decided.raw))
            self.enter_again(record, event)
            self.decided.append((record, decided))

    def write_threshold(self) -> None:
        """Store the partition's threshold if there is a budget; a replay stores the same bytes."""
        if self.threshold is not None and self.added:
            self.records[KEY] = self.threshold.encode()
            self.partition.sensors.moved(self.step.partition, self.threshold)

    def enter_again(self, record: ConsumerRecord, event: Event) -> None:
        """Publish labels that had to wait for this event, its own one among them."""
        if (label := self.application.own_label(event)) is not None:
            own = self.application.feedback(
                id=event.id, key=event.key, label=label, source=STREAM, at=event.at
            )
            self.feedback.append(Out(event.key.encode(), encode(own), timestamp=record.timestamp))
        if (raw := self.labels.get(event.id.encode())) is not None:
            entry = decode_entry(raw, event.key)
            self.feedback.extend(waiting_again(self.application, event.id, entry))

    async def send(self) -> bool:
        """Predictions first; a review item only once its prediction is acknowledged."""
        step, topics = self.step, self.partition.topics
        sources = iter([record.offset for record, _ in self.added])

        def acknowledged(base: int, count: int) -> None:
            self.decisions.acknowledged(base, [next(sources) for _ in range(count)])

        predictions = step.send(topics.predictions, self.predictions, on_ack=acknowledged)
        # Repeated ones too: the log may not have them.
        self.decisions.sent([event.id for _, event in self.added], predictions)
        await predictions.handed
        await step.send(topics.feedback, self.feedback).handed
        for partition, copies in self.elsewhere.items():
            self.partition.astray(partition, copies)
            await step.send(topics.events, copies, partition).handed
        self.partition.sensors.letters.inc(len(self.letters))
        await step.send(topics.dead_letters, self.letters).handed
        if self.review:
            await predictions.acked
            if not step.still_mine():
                return False
            await step.send(topics.review, self.review).handed
        return True

    def _threshold(self) -> Threshold | None:
        budget, epoch = self.application.budget, self.application.epoch
        return None if budget is None else Threshold.decode(self.records.get(KEY), budget, epoch)
