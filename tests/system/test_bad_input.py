"""Bad input on the real broker: a dead letter or a defined effect, and no neighbour is lost.

All of it is published between good records, so that they come in the same fetch, to one
worker. The tests look at the logs that it left.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import MessageSizeTooLargeError

from app.apps import set_up
from app.broker.broker import Broker
from app.core.partitioning import partition_of
from app.runtime.topics import shapes as topics
from app.runtime.topics.shapes import INPUT_BYTES
from app.settings import Settings, read_settings
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.messages import (
    Feedback,
    Prediction,
    read_example,
    read_feedback,
    read_prediction,
)
from tests.system.workers import Kafka, WorkerProcess, until, workers

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARTITIONS = 2
NOW = int(time.time() * 1000)
HOUR, DAY = 3_600_000, 86_400_000
LARGE = 5 << 20  # bytes before compression


def customer_of(partition: int, name: str = "c") -> str:
    names = (f"{name}{n}" for n in range(1000))
    return next(one for one in names if partition_of(one, PARTITIONS) == partition)


HOME, AWAY = customer_of(0), customer_of(1)
OTHER = customer_of(0, "other")
GOOD = {"at": NOW, "customer": HOME, "merchant": "m1", "amount": 20.0}


def transaction(tx: str, **fields: object) -> bytes:
    return json.dumps({"id": tx, **GOOD, **fields}).encode()


def literally(tx: str, field: str, text: str) -> bytes:
    return transaction(tx, **{field: "@"}).replace(b'"@"', text.encode())


def label(tx: str, **fields: object) -> bytes:
    said = {"id": tx, "customer": HOME, "label": "fraud", "source": "analyst", "at": NOW}
    return json.dumps({**said, **fields}).encode()


def padded(raw: bytes, size: int) -> bytes:
    """The message with an unknown field that makes it larger."""
    return raw[:-1] + b', "more": "' + b"x" * size + b'"}'


class Sent(NamedTuple):
    """A record to publish on partition 0, unless it says otherwise."""

    value: bytes | None
    key: bytes | None = HOME.encode()
    partition: int = 0
    timestamp: int = NOW
    headers: tuple[tuple[str, bytes], ...] = ()


REFUSED = {  # name: (record, what the reason names)
    "bytes": (Sent(b"\xff\x00\xfe"), "is not UTF-8: byte 0xff"),
    "empty": (Sent(b""), "no value"),
    "tombstone": (Sent(None), "no value"),
    "tombstone without key": (Sent(None, key=b""), "no value"),
    "list": (Sent(b"[1, 2]"), "`object`"),
    "text for amount": (Sent(transaction("bad", amount="5")), "amount"),
    "number for id": (Sent(transaction("bad", id=5)), "id"),
    "no amount": (Sent(transaction("bad").replace(b'"amount"', b'"total"')), "`amount`"),
    "NaN": (Sent(literally("bad", "amount", "NaN")), "malformed"),
    "infinity": (Sent(literally("bad", "amount", "Infinity")), "malformed"),
    "1e999": (Sent(literally("bad", "amount", "1e999")), "amount"),
    "negative": (Sent(transaction("bad", amount=-1)), "amount"),
    "too far ahead": (Sent(transaction("bad", at=NOW + 2 * DAY)), "`at` is too far"),
    "no offset": (Sent(transaction("bad", at="2026-01-01T00:00:00")), "`at`"),
    "in seconds": (Sent(transaction("bad", at=NOW // 1000)), "seems to be seconds"),
    "in microseconds": (Sent(transaction("bad", at=NOW * 1000)), "seems to be microseconds"),
    "a number of a date": (Sent(transaction("bad", at=20260131)), "a date written yyyymmdd"),
    "a time left out": (Sent(transaction("bad", at=0)), "as if it was left out"),
    "a date": (Sent(transaction("bad", at="2026-01-31")), "not a date and time with an offset"),
    "card number": (Sent(transaction("bad", merchant="4111-1111-1111-1111")), "`merchant`"),
    "no customer": (Sent(transaction("bad", customer="")), "customer"),
    "129 bytes": (Sent(transaction("x" * 129)), "id"),
    "NUL": (Sent(transaction("bad\0")), "`id`"),
    "nested": (Sent(literally("bad", "x", "[" * 10_000 + "]" * 10_000)), "recursion"),
    "copy on a wrong partition": (
        Sent(transaction("bad", customer=AWAY), headers=(("weir-origin", b"1:1:5"),)),
        "do all workers have the same WEIR_PARTITIONS",
    ),
}
DECIDED = {
    "no key": Sent(transaction("no key"), key=None),
    "empty key": Sent(transaction("empty key"), key=b""),
    "another's key": Sent(transaction("another's key"), key=AWAY.encode()),
    "nothing to pay": Sent(transaction("nothing to pay", amount=0)),
    "least": Sent(transaction("least", amount=5e-324)),
    "most": Sent(transaction("most", amount=1e12)),
    "at the pole": Sent(transaction("at the pole", lat=90, lon=-180)),
    "\N{GRINNING FACE}" * 32: Sent(transaction("\N{GRINNING FACE}" * 32)),
    "an IMEI": Sent(transaction("an IMEI", device="490154203237518")),
    "6011000990139424": Sent(transaction("6011000990139424", device="4111111111111111")),
    "more fields": Sent(transaction("more fields", more={"deep": [None]})),
    "written before 1970": Sent(transaction("written before 1970"), timestamp=-2),
}
TRACE = ("trace", b"1")
ASTRAY = {  # they belong to partition 1
    "astray": Sent(transaction("astray", customer=AWAY, more=1), key=None, headers=(TRACE,)),
    "astray in 1970": Sent(transaction("astray in 1970", customer=AWAY), timestamp=-2),
    "astray, then": Sent(transaction("astray, then", customer=AWAY), key=b""),
}
REFUSED_LABELS = {
    "bytes": (Sent(b"\xff\x00\xfe"), "is not UTF-8: byte 0xff"),
    "tombstone": (Sent(None), "no value"),
    "no customer": (Sent(label("good 0").replace(b'"customer"', b'"who"')), "`customer`"),
    "an unknown label": (Sent(label("good 0", label="stolen")), "label"),
    "card number": (Sent(label("good 0", note="4111111111111111")), "`note`"),
    "another's": (Sent(label("good 0", customer=OTHER)), "`customer`"),
    "of an id that is shared": (Sent(label("shared", customer=OTHER)), "`customer`"),
}
SETTLED = {  # feedback by the transaction that it is about
    "labelled twice": [Sent(label("labelled twice"))] * 2,
    "on a wrong partition": [Sent(label("on a wrong partition"), partition=1)],
    "wrong and before 1970": [
        Sent(label("wrong and before 1970", at=0), partition=1, timestamp=-2)
    ],
    "without key": [Sent(label("without key"), key=None)],
    "written before 1970, labelled": [
        Sent(label("written before 1970, labelled", at=0), timestamp=-2)
    ],
}
LATE = "comes after its labels"
NEVER = "never comes"


class Logs(NamedTuple):
    """What a worker left in the topics."""

    predictions: list[ConsumerRecord]
    letters: list[ConsumerRecord]
    learned: list[str]
    feedback: list[ConsumerRecord]
    customers: list[ConsumerRecord]
    events: list[ConsumerRecord]
    exit_code: int
    ends: dict[str, tuple[str, int, int]]  # where a record lies, by name

    def decisions(self, tx: str) -> list[bytes]:
        return [r.value for r in self.predictions if read_prediction(r.value).id == tx]

    def told(self, tx: str) -> list[ConsumerRecord]:
        """All feedback on a transaction, as the log has it."""
        return [r for r in self.feedback if tx.encode() in (r.value or b"")]

    def letter(self, name: str) -> ConsumerRecord:
        """The one dead letter of a record."""
        (found,) = [letter for letter in self.letters if place(letter) == self.ends[name]]
        return found

    def history(self, customer: str) -> History:
        raw = [r.value for r in self.customers if r.key == customer.encode()][-1]
        settings = read_settings()
        limits = settings.history_events, settings.history_replay, settings.history_labels
        return History.decode(raw, settings.epoch, Limits(*limits))


def place(letter: ConsumerRecord) -> tuple[str, int, int]:
    headers = dict(letter.headers)
    return headers["topic"].decode(), int(headers["partition"]), int(headers["offset"])


class Publisher:
    """Publishes records in order and remembers where each lies."""

    def __init__(self, kafka: Kafka, compressing: AIOKafkaProducer) -> None:
        self.kafka, self.compressing = kafka, compressing
        self.ends: dict[str, tuple[str, int, int]] = {}

    async def send(self, topic: str, sent: Sent, name: str = "", compress: bool = False) -> None:
        producer = self.compressing if compress else self.kafka.producer
        if compress:
            await self.kafka.producer.flush()
        future = await producer.send(
            topic,
            sent.value,
            key=sent.key,
            partition=sent.partition,
            timestamp_ms=sent.timestamp,
            headers=list(sent.headers),
        )
        future.add_done_callback(partial(self._remember, name))
        if compress:
            await future

    def _remember(self, name: str, future: asyncio.Future) -> None:
        meta = future.result()
        self.ends[name] = meta.topic, meta.partition, meta.offset

    async def send_filled(self, topic: str, raw: bytes, size: int, name: str, partition: int = 0):
        """A message padded so that its batch has exactly this size, as the broker counts it."""
        producer = self.kafka.producer
        await producer.flush()
        batch = self._batch(raw, size - 1000)
        batch = self._batch(raw, size - 1000 + size - batch.size())
        assert batch.size() == size
        future = await producer.send_batch(batch, topic, partition=partition)
        await future
        self._remember(name, future)

    def _batch(self, raw: bytes, extra: int):
        batch = self.kafka.producer.create_batch()
        value = padded(raw, extra) if raw.startswith(b"{") else raw + b"x" * extra
        batch.append(key=b"", value=value, timestamp=NOW)
        batch.close()
        return batch

    async def transactions(self) -> None:
        topic = self.kafka.topics.events
        for n, (name, (sent, _)) in enumerate(REFUSED.items()):
            await self.send(topic, Sent(transaction(f"good {n}")))
            await self.send(topic, sent, f"transaction: {name}")
        for name, sent in DECIDED.items():
            await self.send(topic, sent, name)
        for tx in SETTLED:
            await self.send(topic, Sent(transaction(tx)))
        for name, sent in ASTRAY.items():
            await self.send(topic, sent, name)
        again = transaction("astray", customer=AWAY, amount=99)
        await self.send(topic, Sent(again, partition=1))
        for n in range(3):
            await self.send(topic, Sent(transaction("twice", customer=OTHER, amount=10.0 + n)))
        for customer in (HOME, OTHER):
            await self.send(topic, Sent(transaction("shared", customer=customer)))
        await self.send(topic, Sent(transaction("labelled itself", label="fraud")))
        own = Sent(transaction("labelled itself long ago", at=10**12, label="legit"), timestamp=-2)
        await self.send(topic, own)
        await self.send_filled(topic, transaction("of full size"), INPUT_BYTES, "of full size")
        full = transaction("astray and full", customer=AWAY)
        await self.send_filled(topic, full, INPUT_BYTES, "transaction: astray and full")
        await self.send_filled(topic, b"\xff", INPUT_BYTES, "transaction: full of bytes")
        await self.send(topic, Sent(padded(transaction("packed"), LARGE)), "packed", compress=True)
        packed = Sent(b"\xff" * LARGE, key=b"k" * LARGE)
        await self.send(topic, packed, "transaction: packed bytes", compress=True)
        await self.send(topic, Sent(transaction("last")))
        await self.kafka.producer.flush()

    async def feedback(self) -> None:
        topic = self.kafka.topics.feedback
        await self.send(topic, Sent(label(NEVER), timestamp=NOW - 3 * HOUR), "label: never")
        for _ in range(2):
            await self.send(topic, Sent(label(LATE)))
        for name, (sent, _) in REFUSED_LABELS.items():
            await self.send(topic, sent, f"label: {name}")
        for records in SETTLED.values():
            for sent in records:
                await self.send(topic, sent)
        await self.send_filled(topic, label("of full size"), INPUT_BYTES, "full label", 1)
        packed = Sent(padded(label("packed"), LARGE), partition=1)
        await self.send(topic, packed, "packed label", compress=True)
        await self.send(topic, Sent(label("last")))
        await self.kafka.producer.flush()


OWN = ("labelled itself", "labelled itself long ago")
LEARNED = {*SETTLED, *OWN, LATE, "of full size", "packed", "last"}


@pytest.fixture(scope="module")
def settings(broker: Broker, seed: int) -> Settings:
    name = f"bad-{seed:08x}-"
    return read_settings(
        brokers=broker.bootstrap,
        topic_prefix=name,
        app_id=name + "weir",
        partitions=PARTITIONS,
        session_timeout=6.0,
        label_wait=7200.0,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def logs(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Logs]:
    """The logs after a worker has worked through all of it."""
    await set_up(settings).create_topics()
    compressing = AIOKafkaProducer(
        bootstrap_servers=settings.brokers, compression_type="gzip", max_request_size=4 * LARGE
    )
    directory: Path = tmp_path_factory.mktemp("bad")
    async with Kafka(settings) as kafka, compressing:
        publisher = Publisher(kafka, compressing)
        await publisher.transactions()
        async with workers(settings, directory, 1) as (worker,):
            yield await work_through(kafka, publisher, worker)


async def work_through(kafka: Kafka, publisher: Publisher, worker: WorkerProcess) -> Logs:
    async def learned() -> list[str]:
        return [read_example(r.value).id for r in await kafka.read(kafka.topics.examples)]

    async def has_learned(txs: set[str]) -> bool:
        assert worker.child.running, "the worker left"
        return txs <= set(await learned())

    async def has_decided(tx: str) -> bool:
        assert worker.child.running, "the worker left"
        predictions = await kafka.read(kafka.topics.predictions)
        return any(read_prediction(record.value).id == tx for record in predictions)

    for tx in ("last", *ASTRAY):
        await until(partial(has_decided, tx))
    await publisher.feedback()
    await until(partial(has_learned, LEARNED - {LATE}))
    await publisher.send(kafka.topics.events, Sent(transaction(LATE)))
    await until(partial(has_learned, LEARNED))
    await publisher.send(kafka.topics.feedback, Sent(label("good 0")))
    await until(partial(has_learned, {"good 0"}))
    code = await worker.stop()
    names = kafka.topics
    return Logs(
        await kafka.read(names.predictions),
        await kafka.read(names.dead_letters),
        await learned(),
        await kafka.read(names.feedback),
        await kafka.read(names.changelogs["customers"]),
        await kafka.read(names.events),
        code,
        publisher.ends,
    )


ALL_REFUSED = [
    pytest.param(f"{kind}: {name}", sent, names, id=f"{kind}, {name}")
    for kind, table in (("transaction", REFUSED), ("label", REFUSED_LABELS))
    for name, (sent, names) in table.items()
]


@pytest.mark.parametrize(("name", "sent", "names"), ALL_REFUSED)
async def test_what_cannot_be_used_becomes_a_dead_letter(logs: Logs, name, sent, names):
    letter = logs.letter(name)
    assert names in dict(letter.headers)["reason"].decode()
    assert letter.value == sent.value
    assert letter.key == sent.key
    assert letter.partition == sent.partition


async def test_its_neighbours_are_decided_once_and_the_worker_lives_on(logs: Logs):
    for n in range(len(REFUSED)):
        assert len(logs.decisions(f"good {n}")) == 1
    assert len(logs.decisions("last")) == 1
    assert logs.decisions("bad") == []
    assert logs.exit_code == 0


@pytest.mark.parametrize("tx", DECIDED, ids=ascii)
async def test_what_is_odd_and_no_more_is_decided(logs: Logs, tx):
    (raw,) = logs.decisions(tx)
    prediction: Prediction = read_prediction(raw)
    assert 0 < prediction.score < 1
    assert prediction.mode == "rules"


async def test_there_is_no_other_dead_letter(logs: Logs):
    more = {"transaction: full of bytes", "transaction: packed bytes", "label: never"}
    more.add("transaction: astray and full")
    named = {name for name in logs.ends if name.startswith(("transaction: ", "label: "))}
    assert more < named
    assert sorted(map(place, logs.letters)) == sorted(logs.ends[name] for name in named)


async def test_a_transaction_on_a_wrong_partition_is_decided_and_counted_on_its_own(logs: Logs):
    for tx, sent in ASTRAY.items():
        first, *others = logs.decisions(tx)
        assert others == [first] * (tx == "astray"), "it came to its own partition as well"
        (copy,) = [r for r in logs.events if r.partition == 1 and r.value == sent.value]
        _, partition, offset = logs.ends[tx]
        place = "weir-origin", f"1:{partition}:{offset}".encode()
        assert (copy.key, copy.timestamp) == (sent.key, sent.timestamp)
        assert copy.headers == (*sent.headers, place)
        assert place[1].startswith(b"1:0:"), "where it lay"
    assert len(logs.history(AWAY).events()) == len(ASTRAY)
    letter = logs.letter("transaction: astray and full")
    assert b"too large" in dict(letter.headers)["reason"]
    assert INPUT_BYTES - 100 < len(letter.value) < INPUT_BYTES


async def test_a_transaction_that_comes_again_repeats_the_first_decision(logs: Logs):
    first, *others = logs.decisions("twice")
    assert others == [first, first]
    assert read_prediction(first).amount == 10.0


async def test_an_id_of_two_customers_is_decided_for_each_and_the_first_has_its_labels(logs: Logs):
    decided = [read_prediction(raw).key for raw in logs.decisions("shared")]
    assert decided == [HOME, OTHER]
    assert b"`customer`" in dict(logs.letter("label: of an id that is shared").headers)["reason"]


async def test_a_transaction_that_comes_again_counts_once(logs: Logs):
    assert [event.amount for event in logs.history(OTHER).events()] == [10.0, GOOD["amount"]]


@pytest.mark.parametrize("tx", sorted(LEARNED))
async def test_a_label_is_learned_once(logs: Logs, tx):
    assert logs.learned.count(tx) == 1


async def test_a_label_on_a_wrong_partition_is_entered_again_on_the_right_one(logs: Logs):
    for tx in ("on a wrong partition", "wrong and before 1970", "of full size", "packed"):
        again, *_, first = logs.told(tx)  # by partition, then by offset
        assert (again.partition, first.partition) == (0, 1)
        assert again.timestamp == first.timestamp
        assert again.key == HOME.encode()


async def test_a_label_before_its_transaction_is_entered_again_when_it_comes(logs: Logs):
    told = [read_feedback(r.value) for r in logs.told(LATE)]
    assert len({one.at for one in told}) == 1
    assert len(told) == 3, "twice by the test, once by the worker"


async def test_a_label_whose_transaction_never_comes_becomes_a_dead_letter(logs: Logs):
    letter = logs.letter("label: never")
    assert "WEIR_LABEL_WAIT" in dict(letter.headers)["reason"].decode()
    said: Feedback = read_feedback(letter.value)
    assert (said.id, said.key, said.label, said.at) == (NEVER, HOME, "fraud", NOW - 3 * HOUR)
    assert NEVER not in logs.learned


async def test_a_label_inside_a_transaction_is_said_by_the_stream(logs: Logs):
    told = [read_feedback(r.value) for r in logs.told("labelled itself")]
    assert {(one.source, one.label, one.at) for one in told} == {
        ("stream", "fraud", NOW),
        ("stream", "legit", 10**12),
    }
    assert len(told) == 2


async def test_a_message_of_full_size_is_read_and_one_above_it_never_gets_in(
    logs: Logs, settings: Settings
):
    assert len(logs.decisions("of full size")) == 1
    letter = logs.letter("transaction: full of bytes")
    assert letter.value.startswith(b"\xffxxx")
    assert INPUT_BYTES - 100 < len(letter.value) < INPUT_BYTES
    async with Kafka(settings) as kafka:
        publisher = Publisher(kafka, kafka.producer)
        with pytest.raises(MessageSizeTooLargeError):
            await publisher.send_filled(
                kafka.topics.events, transaction("above"), INPUT_BYTES + 1, "above"
            )


async def test_what_is_larger_than_its_batch_is_cut_and_has_its_digest(logs: Logs):
    assert len(logs.decisions("packed")) == 1
    letter = logs.letter("transaction: packed bytes")
    assert 0 < len(letter.value) + len(letter.key) < topics.LETTER_BYTES
    digest = hashlib.sha256(b"\xff" * LARGE).hexdigest()
    assert dict(letter.headers)["sha256"].decode() == digest
