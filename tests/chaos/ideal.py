"""A run without Kafka, workers or faults: the evidence that a perfect one leaves behind."""

from collections import defaultdict
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from app.apps import load as load_application
from app.apps import set_up
from app.core import labels, settling, threshold
from app.core.batch import Stored
from app.core.folding import fold_entry
from app.core.hashing import hash64
from app.core.messages import Origin, Source
from app.core.partitioning import partition_of
from app.errors import Refused
from app.serving.elsewhere import entered_again
from app.settings import Settings
from app.streams.fraud.messages import Feedback, read_example, read_prediction, read_transaction
from app.wire import encode
from tests.cards import decide, threshold_of
from tests.chaos.evidence import Evidence, Store, latest
from tests.chaos.load import EARLIEST, LATEST, Load
from tests.chaos.poison import TRANSACTIONS

NOW = 1_790_000_000_000  # epoch ms


@dataclass
class Log:
    """A topic in memory."""

    topic: str
    records: list[ConsumerRecord] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def put(self, partition: int, key: bytes | None, value: bytes | None, headers=()) -> int:
        """Append a record; its offset."""
        offset = self.ends[partition]
        self.ends[partition] += 1
        self.records.append(
            ConsumerRecord(
                self.topic, partition, offset, NOW, 0, key, value, None, 0, 0, tuple(headers)
            )
        )
        return offset


class Ideal:
    """Decides, settles and learns as the agents do, one record after another."""

    def __init__(self, load: Load, settings: Settings) -> None:
        self.load, self.settings = load, settings
        names = self.names = set_up(settings).topics
        self.logs = {name: Log(name) for name in names[:-1]}
        self.tables = {name: Log(topic) for name, topic in names.changelogs.items()}
        self.application = load_application(settings)
        self.state = self.application.new_state()
        self.histories: dict[bytes, bytes] = {}
        self.thresholds = [threshold_of(self.application, None) for _ in range(settings.partitions)]
        self.decided: dict[str, Stored] = {}
        self.entries: dict[str, labels.LabelEntry] = {}
        self.poison: set[tuple[str, int, int]] = set()

    def play(self, count: int) -> Evidence:
        """The evidence after so many transactions and everything said of them."""
        due = defaultdict(list)
        for n in range(count):
            for line, said in self.load.said(n):
                due[max(n + line.after, 0)] += [said] * line.times
        for n in range(count + LATEST + EARLIEST):
            if n < count:
                self.transaction(n)
            for said in due[n]:
                self.feedback(said)
        return self.evidence(count)

    def transaction(self, n: int) -> None:
        tx = self.load.transaction(n)
        key, partition = tx.customer.encode(), partition_of(tx.customer, self.settings.partitions)
        if n % 50 == 0:
            self.refuse(partition, key, TRANSACTIONS["no amount"](tx))
        events, origin = self.logs[self.names.events], None
        headers: tuple[tuple[str, bytes | None], ...] = ()
        if self.load.astray(n):
            wrong = (partition + 1) % self.settings.partitions
            origin = Source(wrong, events.put(wrong, key, encode(tx)))
            headers = entered_again(events.records[-1], self.settings.epoch).headers
        offset = events.put(partition, key, encode(tx), headers)
        read = read_transaction(encode(tx))
        source = Source(partition, offset)
        review = self.thresholds[partition]
        before = self.histories.get(key)
        answer, after = decide(
            self.application, self.state, read, source, before, threshold=review, origin=origin
        )
        self.write_customer(partition, key, after)
        if review is not None:
            self.tables["customers"].put(partition, threshold.KEY, review.encode())
        self.decided[tx.id] = Stored(offset, answer.raw)
        self.logs[self.names.predictions].put(partition, key, answer.raw)
        if answer.decision != "approve":
            self.logs[self.names.review].put(partition, key, answer.raw)
        waiting = self.entries.get(tx.id, labels.LabelEntry(tx.customer, [])).waiting
        for revision in list(waiting):
            self.feedback(settling.again(self.application, tx.id, self.entries[tx.id], revision))
        if tx.label is not None:
            own = {"label": tx.label, "source": "stream", "at": tx.at}
            self.feedback(Feedback(id=tx.id, key=tx.customer, **own))

    def refuse(self, partition: int, key: bytes, value: bytes) -> None:
        topic = self.names.events
        offset = self.logs[topic].put(partition, key, value)
        self.poison.add((topic, partition, offset))
        place = {"topic": topic, "partition": partition, "offset": offset}
        headers = [(name, str(told).encode()) for name, told in place.items()]
        self.logs[self.names.dead_letters].put(partition, key, value, headers)

    def feedback(self, said: Feedback) -> None:
        key, partition = (
            said.key.encode(),
            partition_of(said.key, self.settings.partitions),
        )
        offset = self.logs[self.names.feedback].put(partition, key, encode(said))
        entry = self.entries.setdefault(said.id, labels.LabelEntry(said.key, []))
        found = self.decided.get(said.id)
        decision = None if found is None else read_prediction(found.raw)
        origin = Origin(self.settings.epoch, partition, offset)
        try:
            received = settling.Received(origin, NOW)
            revision = settling.settle(self.application, entry, said, received, decision)
        except Refused as reason:
            raise AssertionError(f"the load says what nobody can use: {reason}") from None
        self.tables["labels"].put(partition, said.id.encode(), labels.encode_entry(entry))
        if revision is not None and revision.example:
            self.learn(partition, key, revision)

    def learn(self, partition: int, key: bytes, revision: labels.Revision) -> None:
        offset = self.logs[self.names.examples].put(0, None, revision.example)
        example = read_example(revision.example)
        fold_entry(self.state, example, offset)
        history = self.application.open(self.histories.get(key))
        history.learn_label(hash64(example.id), revision.origin, revision.at, example.y == 1)
        self.write_customer(partition, key, history.encode())

    def write_customer(self, partition: int, key: bytes, record: bytes) -> None:
        self.histories[key] = record
        self.tables["customers"].put(partition, key, record)

    def evidence(self, count: int) -> Evidence:
        changelogs = {name: log.records for name, log in self.tables.items()}
        held = latest(changelogs["customers"])
        partition = next(iter(held))[0]
        items = {key: value for (number, key), value in held.items() if number == partition}
        end = self.tables["customers"].ends[partition] - 1
        learned = {"version": self.state.version, "digest": self.state.digest()}
        logs, names = self.logs, self.names
        return Evidence(
            load=self.load,
            count=count,
            settings=self.settings,
            poison=self.poison,
            transactions=logs[names.events].records,
            predictions=logs[names.predictions].records,
            review=logs[names.review].records,
            letters=logs[names.dead_letters].records,
            examples=logs[names.examples].records,
            changelogs=changelogs,
            learned={"worker-0": learned},
            stores=[Store("worker-0", "customers", partition, end, items)],
        )
