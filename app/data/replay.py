"""Recorded traffic through the same core without Kafka: what live decisions would have been."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from app.core.batch import Batch, Decided, Stored
from app.core.domain import Application
from app.core.keyed import Event
from app.core.labels import LabelEntry
from app.core.messages import Example, Feedback, Origin, Source
from app.core.partitioning import partition_of
from app.core.settling import Received, lesson, settle
from app.core.threshold import Threshold
from app.data.hours import Hour
from app.data.overflow import Kept, Later
from app.data.records import Records
from app.data.rows import Due, Labelled
from app.errors import Refused

CHUNK = 500  # labels in a step, as WEIR_CHUNK has it
TOGETHER = 2_000  # events decided at once: an hour may hold a whole file


class Settled(NamedTuple):
    """A prediction whose label became known, and the example that the two made."""

    prediction: Any
    example: Example


class Replay:
    """Decides and learns as workers do, with logs that are counters and tables in memory.

    Labels are settled and folded in the order in which they fall due; live, the order
    within an hour may differ between partitions. With one partition the scores are those of
    a live run in which labels and events wait for each other hour by hour, bit by bit.

    Memory is bounded by the application's statistics: records, and predictions that wait for
    their labels, lie in a file where they are many.

    Parameters
    ----------
    application
        What decides; it begins with an empty learning state.
    chunk
        Most labels that are one step of a partition.
    keep
        Event time in ms for which a decision, and what was said of it, is kept: an event may then
        have several labels, and they are settled as workers do. By default it has one, which holds
        at once and ends the wait for it.
    """

    def __init__(
        self, application: Application, chunk: int = CHUNK, keep: int | None = None
    ) -> None:
        self.application, self.chunk, self.keep = application, chunk, keep
        self.state = application.new_state()
        self.repeated = 0  # events whose id had come before
        self.refused = 0  # labels of an event that has another key
        self._events = [0] * application.partitions  # next offsets
        self._feedback = [0] * application.partitions
        self._records = Records(application)
        self._stored = Kept(Stored)
        self._entries = Kept(LabelEntry)
        self._old = Later(str)  # ids of events that are kept for a while
        self._thresholds = [new_threshold(application) for _ in self._events]

    @property
    def decided(self) -> int:
        """Events so far."""
        return sum(self._events)

    def run(self, hours: Iterable[Hour]) -> Iterator[Settled]:
        """Decide and learn hour by hour; yields what was learned once it is."""
        for hour in hours:
            yield from self.play(hour)

    def play(self, hour: Hour) -> list[Settled]:
        """Decide the events of an hour, then learn its labels."""
        for begin in range(0, len(hour.rows), TOGETHER):
            self.decide_all(hour.rows[begin : begin + TOGETHER])
        return self.learn_all(hour.labels())

    def decide_all(self, rows: Sequence[Labelled]) -> list[bytes]:
        """Decide events on what is known now; returns their predictions' bytes.

        A prediction is kept for its label, and repeated when its id comes again, unless none
        is to come.
        """
        return [one.raw for one in self.decided_all(rows)]

    def decided_all(self, rows: Sequence[Labelled]) -> list[Decided]:
        """As `decide_all`; returns the decisions."""
        batch, known = Batch(self.application, self.state), set[str]()
        for row in rows:
            event, partition = row.event, self._partition(row.event.key)
            source = Source(partition, self._events[partition])
            self._events[partition] += 1
            record, threshold = self._records.open(event.key), self._thresholds[partition]
            stored = self._stored.get(event.id)
            if stored is not None:
                known.add(event.id)
            batch.add(event, source, record, stored, threshold)
        decided = batch.decide()
        for id in known & batch.fresh.keys():
            self._stored.pop(id)  # it was another key's, and this one's offset is not above it
        self._keep(rows, batch.fresh)
        self.repeated += sum(one.fresh is None for one in decided)
        return decided

    def _keep(self, rows: Sequence[Labelled], fresh: Mapping[str, Stored]) -> None:
        """Keep new predictions for their labels, and forget those that are too old for any."""
        if self.keep is None:
            expected = {row.event.id for row in rows if row.positive is not None}
            for id, stored in fresh.items():
                if id in expected:
                    self._stored.put(id, stored)
            return
        for id, stored in fresh.items():
            self._stored.put(id, stored)
        for row in rows:
            if row.event.id in fresh:
                self._old.add(row.event.at + self.keep, row.event.id)
        for _, id in self._old.due(rows[-1].event.at):
            self._stored.pop(id)
            self._entries.pop(id)

    def decide(self, event: Event) -> bytes:
        """Decide one event whose label is to come; returns its prediction's bytes."""
        (raw,) = self.decide_all([Labelled(event, positive=False)])
        return raw

    def learn(self, said: Feedback, at: int) -> Example | None:
        """Learn a label that is due at `at`, a step of its own; None when it changes nothing."""
        settled = self.learn_all([Due(at, said)])
        return settled[0].example if settled else None

    def learn_all(self, labels: Sequence[Due]) -> list[Settled]:
        """Learn labels in their order; returns those that change something.

        As live, up to `chunk` labels of one partition are a step, whose last example says so.
        """
        settled, ends = [], {}
        reached = self._feedback.copy()
        for due in labels:
            one = self._settle(due.feedback, due.at)
            if one is not None:
                origin = one.example.origin
                step = (origin.offset - reached[origin.partition]) // self.chunk
                ends[origin.partition, step] = one.example
                settled.append(one)
        for example in ends.values():
            example.end_of_step = True
        cells = self.state.look_up([one.example for one in settled])
        for one, where in zip(settled, cells, strict=True):
            self._fold(one.example, where)
        return settled

    def _fold(self, example: Example, cells: Sequence[int] | None) -> None:
        """Learn an example of its own making, however far it is ahead of the one before it."""
        origin, state = example.origin, self.state
        if state.origins.far(origin, state.highest(origin.partition)):
            state.origins.expect(origin)
        state.fold(example, state.version, cells)

    def _settle(self, said: Feedback, at: int) -> Settled | None:
        """What a label teaches; None when it changes nothing."""
        application, partition = self.application, self._partition(said.key)
        origin = Origin(application.epoch, partition, self._feedback[partition])
        self._feedback[partition] += 1
        if self.keep is not None:
            return self._settle_entry(said, Received(origin, at))
        stored = self._stored.pop(said.id)
        if stored is None:
            return None
        prediction = application.read_prediction(stored.raw)
        if prediction.key != said.key:
            self._stored.put(said.id, stored)
            self.refused += 1
            return None
        y = application.labels.teaches[said.label]
        example = lesson(application, prediction, y, 1.0, at, origin)
        application.note(self._records.open(said.key), example)
        return Settled(prediction, example)

    def _settle_entry(self, said: Feedback, received: Received) -> Settled | None:
        """What a label does beside all that was said of its event before, as workers settle it."""
        application, stored = self.application, self._stored.get(said.id)
        if stored is None:
            return None
        prediction = application.read_prediction(stored.raw)
        entry = self._entries.pop(said.id) or LabelEntry(said.key, [])
        try:
            revision = settle(application, entry, said, received, prediction)
        except Refused:
            self.refused += 1
            revision = None
        self._entries.put(said.id, entry)
        if revision is None or not revision.example:
            return None
        example = application.read_example(revision.example)
        application.note(self._records.open(said.key), example)
        return Settled(prediction, example)

    def _partition(self, key: str) -> int:
        return partition_of(key, self.application.partitions)


def new_threshold(application: Application) -> Threshold | None:
    """The review threshold of a partition at its beginning, None without a budget."""
    budget = application.budget
    return None if budget is None else Threshold(budget, application.epoch)
