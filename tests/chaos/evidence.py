"""What a run leaves behind: the logs, the local stores, and what the workers told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from aiokafka import ConsumerRecord
from rocksdict import AccessType, Options, Rdict

from app.apps import load
from app.core.fold import LearningState
from app.core.folding import fold_entry
from app.runtime import rocks
from app.runtime.guard import Exit
from app.settings import Settings
from app.streams.fraud.messages import Example, Prediction, read_example, read_prediction
from tests.chaos.load import Load
from tests.system.workers import Kafka

TABLES = ("customers", "labels", "models")
OFFSET_KEY = b"__faust\0offset__"


class Store(NamedTuple):
    """One partition of a table on a worker's disk, and how far it knows its changelog."""

    worker: str
    table: str
    partition: int
    offset: int
    items: dict[bytes, bytes]


@dataclass
class Evidence:
    """Everything that the invariants look at. `count` transactions were sent."""

    load: Load
    count: int
    settings: Settings
    poison: set[tuple[str, int, int]]
    transactions: list[ConsumerRecord]
    predictions: list[ConsumerRecord]
    review: list[ConsumerRecord]
    letters: list[ConsumerRecord]
    examples: list[ConsumerRecord]
    changelogs: dict[str, list[ConsumerRecord]]
    learned: dict[str, dict] = field(default_factory=dict)
    stores: list[Store] = field(default_factory=list)

    @property
    def numbers(self) -> range:
        return range(self.count)

    def ids(self) -> set[str]:
        """The ids of all transactions that were sent."""
        return {self.load.transaction(n).id for n in self.numbers}

    def decisions(self) -> dict[str, tuple[bytes, Prediction]]:
        """The first prediction of each id in the log, as bytes and read."""
        first: dict[str, tuple[bytes, Prediction]] = {}
        for record in self.predictions:
            prediction = read_prediction(record.value)
            first.setdefault(prediction.id, (record.value, prediction))
        return first

    def log(self) -> list[tuple[int, Example]]:
        """The examples with their offsets."""
        return [(record.offset, read_example(record.value)) for record in self.examples]

    def folded(self) -> tuple[LearningState, list[Example]]:
        """The state after the whole log, and the examples that counted, in order."""
        state = load(self.settings).new_state()
        return state, [
            example for offset, example in self.log() if fold_entry(state, example, offset)
        ]

    def table(self, name: str) -> dict[tuple[int, bytes], bytes]:
        """What a table holds by its changelog: value by partition and key."""
        return latest(self.changelogs[name])


def latest(
    records: Iterable[ConsumerRecord], into: dict[tuple[int, bytes], bytes] | None = None
) -> dict[tuple[int, bytes], bytes]:
    """The last value of each key, by partition; what was deleted is not there."""
    found = {} if into is None else into
    for record in records:
        if record.value is None:
            found.pop((record.partition, record.key), None)
        else:
            found[record.partition, record.key] = record.value
    return found


async def read_logs(kafka: Kafka, load: Load, count: int, poison: set) -> Evidence:
    """All logs of a run."""
    topics = kafka.topics
    return Evidence(
        load=load,
        count=count,
        settings=kafka.settings,
        poison=poison,
        transactions=await kafka.read(topics.events),
        predictions=await kafka.read(topics.predictions),
        review=await kafka.read(topics.review),
        letters=await kafka.read(topics.dead_letters),
        examples=await kafka.read(topics.examples),
        changelogs={name: await kafka.read(topics.changelogs[name]) for name in TABLES},
    )


def read_stores(worker: str, data: Path) -> Iterator[Store]:
    """The tables on the disk of a worker that has stopped.

    What was damaged and not opened since is left out: the next start discards it.
    """
    for name in TABLES:
        for path in sorted(data.rglob(f"{name}-*.db")):
            try:
                items = read_files(path)
            except Exception as error:  # rocksdict has one class for all of its errors
                if rocks.cause(error, Exit.STEP) != Exit.DAMAGED:
                    raise
                continue
            partition = int(path.stem.rpartition("-")[2])
            offset = int(items.pop(OFFSET_KEY, b"-1"))
            yield Store(worker, name, partition, offset, items)


def read_files(path: Path) -> dict[bytes, bytes]:
    """Every entry of a RocksDB. Raises rocksdict's Exception when it is damaged."""
    rocks.check(path)
    db = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only())
    try:
        return dict(rocks.walk(db))
    finally:
        db.close()
