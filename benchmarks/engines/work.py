"""The work that every engine does for a transaction: pure, and the same to the last byte.

    JSON -> ring of the customer's last events -> ten features -> score, then learn -> JSON

The label travels in the transaction, so a partition's outputs and states depend on its log
alone. Whatever engine does the work, in chunks of whatever size, must come to the same bytes.
"""

import math
import random
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol
from zlib import crc32

import msgspec
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

ROOM = 16  # events that a ring holds
EVENT = struct.Struct("<qdI")  # epoch ms, amount, CRC-32 of the merchant

HOUR = 3_600_000  # ms
DAY = 24 * HOUR
WEEK = 7 * DAY

START = 1_767_225_600_000  # epoch ms of the first transaction: 2026-01-01T00:00Z
PACE = 20_000  # ms of event time between two transactions, on average
CUSTOMERS = 2_000
MERCHANTS = 500
CATEGORIES = ("grocery", "travel", "fuel", "online", "restaurant", "health")
FRAUD = 0.02  # share of transactions


Features = dict[str, float]


class Judged(Protocol):
    """What the work reads of a transaction."""

    id: str
    at: int
    customer: str
    merchant: str
    amount: float
    fraud: bool


class Transaction(msgspec.Struct):
    """A card payment and what it was. `at` is epoch ms."""

    id: str
    at: int
    customer: str
    merchant: str
    amount: float
    currency: str
    category: str
    channel: str
    country: str
    device: str
    ip: str
    fraud: bool


class Prediction(msgspec.Struct):
    """What an engine writes for a transaction. `score` is the probability of fraud."""

    id: str
    customer: str
    at: int
    score: float


class Event(NamedTuple):
    """A transaction as its customer's ring remembers it."""

    at: int
    amount: float
    merchant: int


read = msgspec.json.Decoder(Transaction).decode
write = msgspec.json.Encoder().encode


def decode(ring: bytes | None) -> list[Event]:
    """The events of a ring, oldest first; none of one that does not exist yet."""
    return [Event(*fields) for fields in EVENT.iter_unpack(ring or b"")]


def encode(events: Iterable[Event]) -> bytes:
    """A ring's bytes: 20 for each event."""
    return b"".join(EVENT.pack(*event) for event in events)


def features(tx: Judged, events: list[Event]) -> Features:
    """Ten features of a transaction and of what its customer did before it.

    A window of some length reaches back from `tx.at` and holds its older end.
    """
    at, amount, merchant = tx.at, tx.amount, crc32(tx.merchant.encode())
    hour_count = day_count = week_count = 0
    hour_sum = day_sum = total = 0.0
    known = 0.0
    for then, spent, place in events:
        age = at - then
        total += spent
        if age <= WEEK:
            week_count += 1
        if age <= DAY:
            day_count += 1
            day_sum += spent
        if age <= HOUR:
            hour_count += 1
            hour_sum += spent
        if place == merchant:
            known = 1.0
    mean = total / len(events) if events else amount
    since = max(at - events[-1].at, 0) if events else WEEK
    return {
        "amount": math.log1p(amount),
        "ratio": math.log((amount + 1.0) / (mean + 1.0)),
        "count_hour": hour_count,
        "sum_hour": math.log1p(hour_sum),
        "count_day": day_count,
        "sum_day": math.log1p(day_sum),
        "count_week": week_count,
        "since": math.log1p(since / 1000),
        "hour": at % DAY // HOUR,
        "known": known,
    }


def look(tx: Judged, ring: bytes | None) -> tuple[bytes, Features]:
    """The customer's ring after the transaction, and the transaction's features before it."""
    events = decode(ring)
    x = features(tx, events)
    events.append(Event(tx.at, tx.amount, crc32(tx.merchant.encode())))
    return encode(events[-ROOM:]), x


class Judge:
    """The model of one partition: scores each transaction, then learns from it."""

    def __init__(self) -> None:
        self.model = StandardScaler() | LogisticRegression()

    def judge(self, tx: Judged, x: Features) -> bytes:
        """The prediction for a transaction with these features, as JSON."""
        score = self.model.predict_proba_one(x)[True]
        self.model.learn_one(x, tx.fraud)
        return write(Prediction(tx.id, tx.customer, tx.at, score))

    def work(self, tx: Judged, ring: bytes | None) -> tuple[bytes, bytes]:
        """All of it: the customer's ring after the transaction, and the prediction."""
        ring, x = look(tx, ring)
        return ring, self.judge(tx, x)


def transactions(count: int, seed: int) -> Iterator[Transaction]:
    """Seeded transactions of some 230 bytes as JSON, in the order of their times."""
    chance = random.Random(seed)
    at = START
    for number in range(count):
        at += chance.randrange(2 * PACE)
        fraud = chance.random() < FRAUD
        customer, merchant = chance.randrange(CUSTOMERS), chance.randrange(MERCHANTS)
        yield Transaction(
            id=f"t-{number:08d}",
            at=at,
            customer=f"customer-{customer:05d}",
            merchant=f"merchant-{merchant:04d}",
            amount=round(chance.lognormvariate(5.0 if fraud else 3.0, 1.0), 2),
            currency="EUR",
            category=CATEGORIES[merchant % len(CATEGORIES)],
            channel="online" if merchant % 3 else "chip",
            country="DE" if customer % 5 else "NL",
            device=f"device-{customer:05d}",
            ip=f"10.{merchant % 200}.{customer % 250}.{number % 250}",
            fraud=fraud,
        )


class Expected(NamedTuple):
    """What the work comes to: predictions by transaction id, rings by customer."""

    outputs: dict[str, bytes]
    states: dict[str, bytes]


def expected(partitions: Iterable[Iterable[bytes]]) -> Expected:
    """The outputs and states that every engine must come to, from each partition's log."""
    outputs: dict[str, bytes] = {}
    states: dict[str, bytes] = {}
    for log in partitions:
        judge = Judge()
        for raw in log:
            tx = read(raw)
            states[tx.customer], outputs[tx.id] = judge.work(tx, states.get(tx.customer))
    return Expected(outputs, states)
