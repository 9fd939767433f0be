"""What the parts are measured on: the end of simulated traffic that was decided and learned."""

from collections import Counter, deque
from itertools import chain, islice
from typing import NamedTuple

from app.core.batch import Account
from app.core.settling import lesson
from app.data.rows import Labelled
from app.messages import Example, Origin, Prediction, Source, Transaction, encode, read_prediction
from app.runtime.topics import partition_of
from app.serving.worker import new_account, new_state
from app.settings import read_settings
from app.streams.fraud.decision import known
from app.streams.fraud.history.past import Past
from app.streams.fraud.history.record import Event, History, hash64
from app.streams.fraud.merchants import MerchantView
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions

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
        self.settings = read_settings(features=features)
        self.account = new_account(self.settings, new_state(self.settings))
        self.examples: list[Example] = []
        self.flagged = deque[Row](maxlen=FLAGGED)
        self.flags = 0
        self._records: dict[str, bytes] = {}
        self._offsets = Counter[int]()

    def play(self, labelled: Labelled) -> Row:
        """Decide and learn one transaction."""
        tx, (state, _, limits, epoch, _) = labelled.tx, self.account
        partition = partition_of(tx.customer, self.settings.partitions)
        source = Source(partition, self._offsets[partition])
        self._offsets[partition] += 1
        record = self._records.get(tx.customer)
        past = History.decode(record, epoch, limits).before(source.offset)
        merchant = known(state).merchants.view(tx.merchant, tx.location, tx.at)
        answer = self.account.decide(tx, source, record, None)
        prediction, origin = read_prediction(answer.raw), Origin(epoch, partition, source.offset)
        example = lesson(prediction, int(bool(labelled.fraud)), 1.0, tx.at, origin)
        state.fold(example, state.version)
        history = History.decode(answer.history, epoch, limits)
        if labelled.fraud:
            history.learn_label(hash64(tx.id), origin, tx.at, fraud=True)
        self._records[tx.customer] = history.encode()
        row = Row(encode(tx), tx, source, record, past, merchant, prediction, example)
        self.examples.append(example)
        if prediction.reasons:
            self.flags += 1
            self.flagged.append(row)
        return row


class Scene(NamedTuple):
    """The last rows, an account that has learned all before them, and those lessons.

    `parts` is a dump of the account's learning state.
    """

    account: Account
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
    parts = list(world.account.state.parts())
    rows = [world.play(labelled) for labelled in stream]
    world.account.state.load(parts)
    lessons, flagged = world.examples[:-last], list(world.flagged)
    return Scene(world.account, rows, lessons, flagged, world.flags / count, parts)
