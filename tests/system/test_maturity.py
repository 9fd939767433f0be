"""Maturity on the real broker: learned once each across a kill, prevented, and corrected."""

import time
from collections import Counter
from functools import partial
from pathlib import Path

from app.apps import load, set_up
from app.broker.broker import Broker
from app.core.label_keys import MATURED
from app.core.maturity import sampled
from app.core.partitioning import partition_of
from app.serving.maturing import BATCH
from app.settings import read_settings
from app.streams.fraud.messages import Example, Feedback, Transaction, read_example, read_feedback
from tests.core.folding import fold_log
from tests.system.workers import Kafka, WorkerProcess, until, workers

COUNT = 2000
PARTITIONS = 2
AGE = 3.0  # seconds
NOW = int(time.time() * 1000)
SHARE = 0.5
COMPLAINTS = [f"t{n}" for n in range(0, COUNT, 100)]
VOUCHED_FOR = [f"t{n}" for n in range(50, COUNT, 100)]


def transaction(tx: str, number: int) -> Transaction:
    customer = f"c{number % 20}"
    return Transaction(id=tx, at=NOW, customer=customer, merchant="m1", amount=20.0)


def of_another_customer(tx: str) -> Transaction:
    """One with the id of another transaction, on the same partition."""
    first = transaction(tx, int(tx[1:]))
    names = (f"other{n}" for n in range(99))
    here = partition_of(first.customer, PARTITIONS)
    first.customer = next(one for one in names if partition_of(one, PARTITIONS) == here)
    return first


def said(tx: str, label: str, source: str) -> Feedback:
    customer = f"c{int(tx[1:]) % 20}"
    return Feedback(id=tx, key=customer, label=label, source=source, at=NOW)


class Ticks:
    """Transactions that move record time, a few at each look."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka, self.sent = kafka, 0

    async def move(self) -> None:
        rows = [transaction(f"tick {self.sent} {n}", n) for n in range(20)]
        self.sent += 1
        await self.kafka.transactions(rows)

    async def matured(self, count: int) -> bool:
        """Move time; whether maturity has spoken of so many transactions."""
        await self.move()
        return len(await spoken_of(self.kafka)) >= count

    async def learned(self, txs: set[str]) -> bool:
        await self.move()
        return txs <= {example.id for example in await examples(self.kafka)}


async def examples(kafka: Kafka) -> list[Example]:
    return [read_example(record.value) for record in await kafka.read(kafka.topics.examples)]


async def spoken_of(kafka: Kafka) -> Counter[str]:
    """How often maturity spoke of each of the test's transactions."""
    records = await kafka.read(kafka.topics.feedback)
    told = [read_feedback(record.value) for record in records]
    return Counter(
        one.id for one in told if one.source == "maturity" and not one.id.startswith("tick")
    )


async def stored(kafka: Kafka) -> int:
    """Records of positions in the labels' changelog."""
    records = await kafka.read(kafka.topics.changelogs["labels"])
    return sum(record.key == MATURED for record in records)


async def test_what_matured_is_learned_once_unless_somebody_complained_and_can_be_corrected(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    settings = read_settings(
        brokers=broker.bootstrap,
        topic_prefix=fresh,
        app_id=fresh + "weir",
        partitions=PARTITIONS,
        session_timeout=6.0,
        maturity=AGE,
        maturity_share=SHARE,
        maturity_rate=0,
        review_threshold=1.0,  # whatever the rules say of customers who pay so often
        block_threshold=1.0,
    )
    await set_up(settings).create_topics()
    async with workers(settings, tmp_path, 2) as (first, second), Kafka(settings) as kafka:
        await kafka.transactions(transaction(f"t{n}", n) for n in range(COUNT))
        await kafka.transactions([of_another_customer("t1")])
        await kafka.feedback(said(tx, "fraud", "customer") for tx in COMPLAINTS)
        await kafka.feedback(said(tx, "legit", "analyst") for tx in VOUCHED_FOR)
        told = {*COMPLAINTS, *VOUCHED_FOR}
        everything = told | {f"t{n}" for n in range(COUNT) if sampled(f"t{n}", SHARE)}
        await until(partial(said_first, kafka))
        await check_matured(kafka, first, everything)
        await check_corrected(kafka)
        assert await kafka.read(kafka.topics.dead_letters) == [], "a label of the other customer"
        assert await first.stop() == 0
        assert await second.stop() == 0


async def said_first(kafka: Kafka) -> bool:
    """Whether what people said was learned, before anything matured."""
    learned = {example.id for example in await examples(kafka)}
    return learned >= {*COMPLAINTS, *VOUCHED_FOR}


async def check_matured(kafka: Kafka, worker: WorkerProcess, everything: set[str]) -> None:
    """A kill while maturity is being published, its partition to another and back: learned once."""
    ticks = Ticks(kafka)
    await until(partial(ticks.matured, COUNT // 10))
    worker.kill()
    spoken = await spoken_of(kafka)
    assert len(spoken) < len(everything) - len(COMPLAINTS), "killed too late"
    learned = {example.id for example in await examples(kafka)}
    assert len(spoken.keys() - learned) <= BATCH * kafka.settings.partitions, (
        "a backlog in feedback"
    )
    assert await stored(kafka) > 0
    worker.start()
    await until(partial(ticks.learned, everything))

    assert not set(await spoken_of(kafka)) & {*COMPLAINTS, *VOUCHED_FOR}
    log = await examples(kafka)
    first = {example.id: example for example in reversed(log)}
    weights = {tx: (first[tx].y, first[tx].w) for tx in everything}
    assert {weights[tx] for tx in COMPLAINTS} == {(1, 1.0)}
    assert {weights[tx] for tx in VOUCHED_FOR} == {(0, 1.0)}
    matured = everything - {*COMPLAINTS, *VOUCHED_FOR}
    assert {weights[tx] for tx in matured} == {(0, 1 / SHARE)}
    state = fold_log(load(kafka.settings).new_state(), enumerate(log))
    assert state.counts.examples == len(first), "a transaction was learned twice"


async def check_corrected(kafka: Kafka) -> None:
    """A chargeback after maturity outranks it and takes back its weight."""
    (tx, *_) = await spoken_of(kafka)
    await kafka.feedback([said(tx, "fraud", "chargeback")])

    async def corrected() -> list[Example]:
        return [e for e in await examples(kafka) if e.id == tx and e.y == 1]

    example, *_ = await until(corrected)
    assert (example.previous.label, example.previous.weight) == (0, 1 / SHARE)
