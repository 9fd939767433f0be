"""What the parts are measured on: the end of simulated traffic that was decided and learned."""

from collections import Counter, deque
from itertools import chain, islice
from typing import NamedTuple

from app.apps import load
from app.core.batch import Batch
from app.core.domain import Application
from app.core.fold import LearningState
from app.core.hashing import hash64
from app.core.messages import Origin, Source
from app.core.partitioning import partition_of
from app.core.settling import lesson
from app.data.rows import Labelled
from app.settings import read_settings
from app.streams.fraud.history.past import Past
from app.streams.fraud.history.ring import Event
from app.streams.fraud.merchants import MerchantView
from app.streams.fraud.messages import Example, Prediction, Transaction, read_prediction
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.wire import encode

# Few customers, so that their records are full and have day totals.
TRAFFIC = Traffic(seed=1, customers=150, merchants=100)
FLAGGED = 100  # of the latest that were held back, for the explanation


class Row(NamedTuple):
    """A transaction, what was known before it, and what it led to."""

    raw: bytes
    tx: Transaction
    source: Source
    record: bytes | None  # of the customer
    past: Past
    merchant: MerchantView
    prediction: Prediction
    example: Example

    @property
    def x(self) -> dict[str, float]:
        """The features as scored."""
        return self.prediction.features

    @property
    def event(self) -> Event:
        """The transaction as its customer's record keeps it."""
        tx = self.tx
        id_hash, merchant = hash64(tx.id), hash64(tx.merchant)
        return Event(self.source.offset, id_hash, tx.at, tx.amount, merchant, tx.lat, tx.lon)


class World:
    """Decides transactions and learns the truth of each at once.

    The settings are the defaults, but for the feature set.
    """

    def __init__(self, features: str) -> None:
        self.application = load(read_settings(features=features))
        self.state = self.application.new_state()
        self.examples: list[Example] = []
        self.flagged = deque[Row](maxlen=FLAGGED)
        self.flags = 0
        self._records: dict[str, bytes] = {}
        self._offsets = Counter[int]()

    def play(self, labelled: Labelled) -> Row:
        """Decide and learn one transaction."""
        tx, application, state = labelled.event, self.application, self.state
        partition = partition_of(tx.customer, application.partitions)
        source = Source(partition, self._offsets[partition])
        self._offsets[partition] += 1
        record = self._records.get(tx.customer)
        past = application.open(record).before(source.offset)
        merchant = state.statistics.merchants.view(tx.merchant, tx.location, tx.at)
        raw, decided = decide(application, state, tx, source, record)
        prediction, origin = read_prediction(raw), Origin(1, partition, source.offset)
        y = int(bool(labelled.positive))
        example = lesson(application, prediction, y, 1.0, tx.at, origin)
        state.fold(example, state.version)
        history = application.open(decided)
        if labelled.positive:
            application.note(history, example)
        self._records[tx.customer] = history.encode()
        row = Row(encode(tx), tx, source, record, past, merchant, prediction, example)
        self.examples.append(example)
        if prediction.reasons:
            self.flags += 1
            self.flagged.append(row)
        return row


def decide(
    application: Application,
    state: LearningState,
    tx: Transaction,
    source: Source,
    record: bytes | None,
) -> tuple[bytes, bytes]:
    """Decide a transaction by itself: its prediction, and its customer's record after it."""
    opened, batch = application.open(record), Batch(application, state)
    batch.add(tx, source, opened)
    (decided,) = batch.decide()
    return decided.raw, opened.encode()


class Scene(NamedTuple):
    """The last rows, a learning state that has learned all before them, and those lessons.

    `parts` is a dump of the learning state.
    """

    application: Application
    state: LearningState
    rows: list[Row]
    lessons: list[Example]
    flagged: list[Row]
    share_flagged: float
    parts: list[bytes]


def make_scene(count: int, last: int, features: str) -> Scene:
    """The `last` of so many transactions."""
    world, stream = World(features), islice(chain.from_iterable(transactions(TRAFFIC)), count)
    for labelled in islice(stream, count - last):
        world.play(labelled)
    parts = list(world.state.parts())
    rows = [world.play(labelled) for labelled in stream]
    world.state.load(parts)
    lessons, flagged = world.examples[:-last], list(world.flagged)
    return Scene(world.application, world.state, rows, lessons, flagged, world.flags / count, parts)
