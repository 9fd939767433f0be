"""Card fraud as tests use it: the application for some settings, on an engine of their own."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

import msgspec
from aiokafka import ConsumerRecord

from app import apps
from app.core.batch import Batch, Decided, Stored
from app.core.domain import Application
from app.core.fold import LearningState
from app.core.hashing import hash64
from app.core.messages import Source
from app.core.partitioning import partition_of
from app.core.threshold import Threshold
from app.errors import Refused
from app.serving.elsewhere import claimed
from app.settings import read_settings
from app.streams.fraud.history.record import History
from app.streams.fraud.messages import Transaction, read_transaction

ENGINE = "e1"
# Features of a payment with a phrase for each of them.
TELLING = {
    "amount": 412.0,
    "amount_log_ratio": 2.0668,
    "count_30d": 9.0,
    "amount_zscore": 6.0,
    "count_5m": 5.0,
    "km_from_home": 12345.6,
    "first_at_merchant": 1.0,
    "merchant_risk_7d": 0.25,
    "customer_frauds_14d": 2.0,
}


def cards(**settings: object) -> Application:
    """The application of cards; settings by name, the others are the defaults."""
    return replace(apps.load(read_settings(**settings)), engine=ENGINE)


def with_own_models(application: Application, *weights: float) -> LearningState:
    """A fresh learning state but for these weights of the partitions' own models."""
    state = application.new_state()
    weigh(state, *weights)
    return state


def weigh(state: LearningState, *weights: float) -> None:
    """The partitions' own models have these weights beside the shared one from now on."""
    header, *parts = state.parts()
    told = msgspec.msgpack.decode(header)
    for mixed, weight in zip(told["mixing"][""], weights, strict=True):
        mixed[0] = weight
    state.load([msgspec.msgpack.encode(told), *parts])


def decide(
    application: Application,
    state: LearningState,
    tx: Transaction,
    source: Source,
    record: bytes | None,
    stored: Stored | None = None,
    degraded: bool = False,
    threshold: Threshold | None = None,
    origin: Source | None = None,
) -> tuple[Decided, bytes]:
    """Decide one transaction by itself; what that is, and its customer's record to write back."""
    opened, batch = application.open(record), Batch(application, state, degraded)
    batch.add(tx, source, opened, stored, threshold, origin)
    (decided,) = batch.decide()
    return decided, opened.encode()


def usable(
    records: Iterable[ConsumerRecord], partitions: int
) -> Iterator[tuple[ConsumerRecord, Transaction]]:
    """The records of transactions that lie on their own partition, and can be read."""
    for record in records:
        with suppress(Refused):
            tx = read_transaction(record.value)
            if partition_of(tx.customer, partitions) == record.partition:
                yield record, tx


def take_in(
    history: History, record: ConsumerRecord, tx: Transaction, partitions: int, epoch: int = 1
) -> None:
    """Count a transaction, unless it repeats an id or is a second copy from another partition."""
    origin, tx_hash = claimed(record, epoch, partitions), hash64(tx.id)
    first = history.first_offset_of(tx_hash)
    if first is not None or (origin is not None and history.entered(origin)):
        history.pass_over(record.offset, origin)
    else:
        history.count(tx, tx_hash, record.offset, origin)


def threshold_of(application: Application, stored: bytes | None) -> Threshold | None:
    """A partition's threshold as stored, None for a new one; None without a budget."""
    budget = application.budget
    return None if budget is None else Threshold.decode(stored, budget, application.epoch)
