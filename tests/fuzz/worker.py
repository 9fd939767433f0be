"""Fuzzed records through one real worker on a real broker, judged by the oracle.

What is judged is the log itself, read back from the broker: every record of both inputs, with
its timestamp and partition. So copies that Weir enters again are judged as any other record.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import aiohttp
from aiokafka import AIOKafkaProducer, ConsumerRecord

from app.apps import set_up
from app.broker.broker import Broker
from app.runtime.reading import bounds, reader, stretch
from app.settings import Settings, read_settings
from tests.fuzz import mutate
from tests.fuzz.oracle import ANY_TIME, AT_THE_START, Verdict, judge, partition_of
from tests.system.workers import Kafka, WorkerProcess, until, workers

PARTITIONS = 4
PLAIN = 20  # one transaction in so many stays valid, and labels name only those
ASTRAY = 0.01  # share of the transactions that go to a wrong partition
CODECS = (None, "gzip", "lz4", "snappy", "zstd")
BATCH = 5000  # records that one producer sends in a row
SHOWN = 10  # findings that are printed

Place = tuple[str, int, int]  # topic, partition, offset


class Sent(NamedTuple):
    """A record to publish."""

    partition: int
    key: bytes | None
    value: bytes


@dataclass(frozen=True)
class Load:
    """What is published: it follows from the seed and the time at which it begins, epoch ms."""

    seed: int
    transactions: int
    labels: int
    now: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    def events(self) -> Iterator[Sent]:
        """Transactions, most of them changed."""
        for number in range(self.transactions):
            chance = Random(f"{self.seed}/transaction/{number}")
            message = mutate.transaction(chance, number, self.now)
            if number % PLAIN == 0:
                value = mutate.written(chance, message)
            else:
                value = mutate.changed(chance, message)
            astray = number % PLAIN and chance.random() < ASTRAY
            yield self._sent(chance, "transaction", value, chance.randrange(4) if astray else 0)

    def feedback(self) -> Iterator[Sent]:
        """Labels: true ones of transactions that are valid, changed ones of none."""
        for number in range(self.labels):
            chance = Random(f"{self.seed}/label/{number}")
            if chance.random() < 0.5:
                of = chance.randrange(max(self.transactions // PLAIN, 1)) * PLAIN
                value = mutate.written(chance, mutate.label(chance, of, self.now))
            else:
                message = mutate.label(chance, number, self.now) | {"id": f"no-{number}"}
                value = mutate.changed(chance, message, spare=("id", "customer"))
            yield self._sent(chance, "label", value, 0)

    def _sent(self, chance: Random, kind: str, value: bytes, shift: int) -> Sent:
        customer = str(judge(kind, value, self.now).message.get("customer") or "")
        key = customer.encode(errors="replace") or None
        partition = chance.randrange(PARTITIONS)
        if customer.isprintable() and customer:
            partition = partition_of(customer, PARTITIONS)
        return Sent((partition + shift) % PARTITIONS, key, value)


@dataclass
class Report:
    """What a run found: how many records of each verdict, and where Weir says otherwise."""

    published: int = 0
    seconds: float = 0.0
    exit: int = -1
    valid: int = 0
    refused: int = 0
    open: int = 0  # either answer is right
    open_refused: int = 0  # of those
    letters: int = 0
    counted: int = 0  # letters, as the worker's metric has it
    decisions: int = 0
    ids: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the worker did what the oracle says, and ended with 0."""
        return self.exit == 0 and not self.findings

    def text(self) -> str:
        """In words."""
        lines = [
            f"{self.published:,} records in {self.seconds:.0f} s; exit code {self.exit}",
            f"oracle: {self.valid:,} valid with {self.ids:,} ids of transactions, "
            f"{self.refused:,} refused, {self.open:,} left open "
            f"({self.open_refused:,} of them refused)",
            f"worker: {self.decisions:,} ids decided, {self.letters:,} dead letters "
            f"({self.counted:,} by its metric)",
            *self.findings[:SHOWN],
            f"{len(self.findings)} findings: " + ("passed" if self.passed else "FAILED"),
        ]
        return "\n".join(lines)


async def play(load: Load, limit: float, tell: Callable[[str], None]) -> Report:
    """Publish, let a worker read all of it, stop it, and compare."""
    with tempfile.TemporaryDirectory(prefix="weir-fuzz-") as directory:
        async with Broker(Path(directory) / "broker") as broker:
            settings = read_settings(brokers=broker.bootstrap, partitions=PARTITIONS)
            return await on_broker(load, limit, tell, settings, Path(directory))


async def on_broker(
    load: Load,
    limit: float,
    tell: Callable[[str], None],
    settings: Settings,
    directory: Path,
) -> Report:
    """The same on a broker that runs, with topics of one's own."""
    report = Report()
    await set_up(settings).create_topics()
    async with Kafka(settings) as kafka:
        report.published = await publish(load, kafka)
        tell(f"published {report.published:,} records")
        begun = time.monotonic()
        async with workers(settings, directory, 1) as (worker,):
            await until(lambda: done(worker, kafka), limit)
            report.seconds = time.monotonic() - begun
            report.counted = await counted(worker)
            report.exit = await worker.stop()
        tell(f"the worker took {report.seconds:.0f} s and ended with {report.exit}")
        await compare(kafka, report)
    return report


async def publish(load: Load, kafka: Kafka) -> int:
    """Write everything, a batch with each codec in turn; how many records that is."""
    producers = [
        AIOKafkaProducer(
            bootstrap_servers=kafka.settings.brokers, compression_type=codec, linger_ms=20
        )
        for codec in CODECS
    ]
    for producer in producers:
        await producer.start()
    published = 0
    try:
        for topic, records in (
            (kafka.topics.events, load.events()),
            (kafka.topics.feedback, load.feedback()),
        ):
            for number, sent in enumerate(records):
                producer = producers[number // BATCH % len(producers)]
                await producer.send(topic, sent.value, key=sent.key, partition=sent.partition)
                published += 1
            for producer in producers:
                await producer.flush()
    finally:
        for producer in producers:
            await producer.stop()
    return published


async def done(worker: WorkerProcess, kafka: Kafka) -> bool:
    """Whether all is read and committed; a worker that has ended is an error."""
    if worker.child is None or not worker.child.running:
        raise RuntimeError(f"the worker ended by itself:\n{worker.log.read_text()[-3000:]}")
    await asyncio.sleep(1)  # each look opens a connection
    return await kafka.caught_up()


async def counted(worker: WorkerProcess) -> int:
    """How many dead letters the worker says that it wrote."""
    async with aiohttp.ClientSession() as http, http.get(worker.url + "/metrics") as answer:
        lines = (await answer.text()).splitlines()
    found = [line.split()[1] for line in lines if line.startswith("weir_dead_letters_total")]
    return int(float(found[0]))


async def compare(kafka: Kafka, report: Report) -> None:
    """Judge every record of both inputs, and look for its letter or its decision."""
    letters = {place async for place in refused_places(kafka)}
    report.letters = len(letters)
    if report.letters != report.counted:
        report.findings.append(f"{report.letters} letters, but {report.counted} by the metric")
    decided = await owners(kafka)
    report.decisions = len(decided)
    wanted, possible = set[str](), set[str]()
    for kind, topic in (
        ("transaction", kafka.topics.events),
        ("label", kafka.topics.feedback),
    ):
        async for record in records(kafka, topic):
            verdict = judged(kind, record)
            if kind == "label" and verdict.valid and not _fits(verdict.message, decided):
                verdict = verdict._replace(valid=None)
            letter = (topic, record.partition, record.offset) in letters
            if verdict.valid is None:
                report.open += 1
                report.open_refused += letter
                possible.add(str(verdict.message.get("id")))
            elif verdict.valid:
                report.valid += 1
                if kind == "transaction":
                    wanted.add(str(verdict.message["id"]))
            else:
                report.refused += 1
            if verdict.valid is not None and letter is verdict.valid:
                said = "a letter" if letter else "no letter"
                report.findings.append(f"{said}, {verdict.why or 'valid'}: {_shown(record)}")
    if report.letters != report.refused + report.open_refused:
        report.findings.append("letters of records that are in no input")
    report.ids = len(wanted)
    report.findings += [f"not decided: {id!r}" for id in sorted(wanted - decided.keys())]
    report.findings += [
        f"decided, but of no valid record: {id!r}"
        for id in sorted(decided.keys() - wanted - possible)
    ]


def judged(kind: str, record: ConsumerRecord) -> Verdict:
    """The oracle's verdict on a record where it lies."""
    verdict = judge(kind, record.value, record.timestamp)
    if kind == "label" or verdict.valid is not False:
        return verdict
    alone = judge(kind, record.value, AT_THE_START, ANY_TIME)
    if not alone.valid:
        return verdict
    # Only its time is wrong. That is judged on its own partition, where it is entered again.
    here = partition_of(alone.message["customer"], PARTITIONS) == record.partition
    return verdict if here else verdict._replace(valid=None)


async def records(kafka: Kafka, topic: str) -> AsyncIterator[ConsumerRecord]:
    """Everything in a topic, as it comes."""
    for tp in kafka._partitions(topic):
        async with reader(kafka.settings.brokers, tp) as consumer:
            begin, end = await bounds(consumer, tp)
            async for fetched in stretch(consumer, tp, begin, end):
                for record in fetched:
                    yield record


async def refused_places(kafka: Kafka) -> AsyncIterator[Place]:
    """Where the records of the dead letters were."""
    async for record in records(kafka, kafka.topics.dead_letters):
        headers = dict(record.headers)
        yield (
            headers["topic"].decode(),
            int(headers["partition"]),
            int(headers["offset"]),
        )


async def owners(kafka: Kafka) -> dict[str, set[str]]:
    """The customers of each id that was decided: more than one where a change made ids equal."""
    found: dict[str, set[str]] = {}
    async for record in records(kafka, kafka.topics.predictions):
        prediction = json.loads(record.value)
        found.setdefault(prediction["id"], set()).add(prediction["customer"])
    return found


def _fits(message: Mapping[str, Any], decided: Mapping[str, set[str]]) -> bool:
    """Whether a label names the customer of its transaction, as far as that can be said."""
    customers = decided.get(str(message["id"]), set())
    return customers <= {message["customer"]}


def _shown(record: ConsumerRecord) -> str:
    where = f"{record.topic}[{record.partition}] @ {record.offset}"
    return f"{where}, timestamp {record.timestamp}: {(record.value or b'')[:400]!r}"
