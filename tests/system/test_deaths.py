"""A worker dies between a local write and its acknowledgement, anywhere: nothing shows.

A worker that dies at one place after the other works through the input, of which more comes
before each of its starts. WEIR_CHAOS=1 runs every place alone, with the disk kept and wiped.
"""

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.apps import set_up
from app.broker.broker import Broker
from app.core.messages import label_id
from app.core.partitioning import partition_of
from app.settings import Settings, read_settings
from app.streams.fraud.messages import Feedback, Label, Transaction
from tests.system import proofs
from tests.system.workers import Kafka, WorkerProcess, until, workers

PARTITIONS = 2
NOW = 1_700_000_000_000
MINUTE = 60_000
CUSTOMERS = [
    next(name for m in range(99) if partition_of(name := f"{n}{m}", PARTITIONS) == n % 2)
    for n in range(4)
]
PIECE = 8  # payments before each start; most are of one customer, more than its record holds

PLACES = {  # what tests/system/dying_worker.py does there
    "decided, before the tables": "after put decisions",
    "customers written, before their changelog": "after write customers",
    "changelog of customers handed over": "after send customers-changelog",
    "changelog of customers acknowledged, not heard of": "before hear customers-changelog",
    "predictions handed over": "after send predictions",
    "predictions acknowledged, not heard of": "before hear predictions",
    "predictions acknowledged, before the review items": "before send review",
    "review items acknowledged, before the commit": "before commit sources",
    "labels written, before their changelog": "after write labels",
    "labels that waited written, before their changelog": "after write waiting",
    "labels acknowledged, not heard of": "before hear labels-changelog",
    "labels acknowledged, before the examples": "before send examples",
    "examples handed over": "after send examples",
    "examples acknowledged, before the commit": "after hear examples",
    "labels that waited entered again": "after hear feedback",
    "transactions astray handed over": "after send events",
    "transactions astray acknowledged, before the commit": "after hear events",
    "after a commit": "after commit sources",
}
AT_REST = "killed when all is done"
Death = tuple[str, str]  # place, what becomes of the disk


def customer_of(n: int) -> str:
    return CUSTOMERS[min(n % PIECE, 3)]


def payment(n: int, label: Label | None = None) -> Transaction:
    return Transaction(
        id=f"t{n}",
        label=label,
        at=NOW + n * MINUTE,
        customer=customer_of(n),
        merchant=f"m{n % 3}",
        amount=10.0 + n * n % 17,
    )


def say(n: int, label: Label, source: str = "analyst", later: int = 0) -> Feedback:
    at = NOW + n * MINUTE + later
    return Feedback(id=f"t{n}", key=customer_of(n), label=label, source=source, at=at)


def payments(piece: int) -> list[Transaction]:
    """New ones, one with its own label, and some again: soon, and when they have long left."""
    n = piece * PIECE
    new = [*(payment(m) for m in range(n, n + 7)), payment(n + 7, label="fraud")]
    again = [payment(n), payment(n + 7, label="fraud")]
    return [*new, *again, payment(n - 12)] if piece > 1 else new + again


def astray(piece: int) -> list[Transaction]:
    """Payments on a wrong partition, of a customer who has others on the right one."""
    return [payment(1000 + piece * PIECE + n) for n in (2, 3, 7)]


def labels(piece: int, last: bool) -> list[Feedback]:
    """Labels of these payments, one twice, one of a later payment, and second thoughts."""
    n = piece * PIECE
    said = [say(m, "legit" if m % 3 else "fraud") for m in range(n, n + 5)]
    said.append(said[1])
    if not last:
        said.append(say(n + PIECE + 5, "fraud", "customer"))
    if piece:
        said += [
            say(n - 8, "legit", "chargeback", later=1),
            say(n - 7, "fraud", "customer", later=1),
            say(n - 6, "none", later=1),
            say(n - 5, "fraud", later=1),
        ]
    return said


def labels_of(pieces: int) -> Counter[str]:
    """How many different labels each transaction has after so many pieces."""
    said = {
        (one.id, label_id(one))
        for piece in range(pieces)
        for one in labels(piece, last=piece == pieces - 1)
    }
    own = {(f"t{piece * PIECE + 7}", "its own") for piece in range(pieces)}
    return Counter(tx for tx, _ in said | own)


def settings_of(broker: Broker, name: str) -> Settings:
    return read_settings(
        brokers=broker.bootstrap,
        topic_prefix=name,
        app_id=name + "weir",
        instance_id="one",  # comes back at once, without waiting for the session of the dead one
        partitions=PARTITIONS,
        session_timeout=6.0,
        chunk=3,
        history_events=3,
        history_replay=1,
        review_threshold=0.0,  # every decision is a review item
        snapshot_every=5,
    )


async def die(kafka: Kafka, worker: WorkerProcess, death: Death) -> None:
    place, disk = death
    worker.start(die_at="" if place == AT_REST else f"{PLACES[place]} 1")
    if place == AT_REST:
        await until(kafka.caught_up)
        worker.kill()
    async with asyncio.timeout(40):
        assert await worker.child.wait() == -signal.SIGKILL, death
    if disk == "wiped":
        worker.wipe()


async def live_through(settings: Settings, directory: Path, deaths: Sequence[Death]) -> None:
    """Die at each place, with some more of the input before each start, and prove the outcome."""
    await set_up(settings).create_topics()
    pieces = len(deaths) + 1
    async with Kafka(settings) as kafka, workers(settings, directory, 1, start=False) as (worker,):
        for piece, death in enumerate([*deaths, None]):
            await kafka.transactions(payments(piece))
            await kafka.transactions(astray(piece), astray=1)
            await kafka.feedback(labels(piece, last=death is None))
            if death is not None:
                await die(kafka, worker, death)
        worker.start()
        await until(kafka.caught_up)
        assert await worker.stop() == 0
        logs = await proofs.read_logs(kafka)
        proofs.each_is_decided_once(logs)
        proofs.each_flagged_one_is_reviewed(logs)
        proofs.each_customer_is_as_computed_offline(logs)
        proofs.each_label_is_learned_once(logs, labels_of(pieces))
        proofs.each_score_is_computed_again(logs)
        proofs.the_disk_is_as_the_logs(logs, worker.data)
        assert logs.letters == []


HERE_AND_THERE: list[Death] = [
    ("decided, before the tables", "kept"),
    ("labels written, before their changelog", "kept"),
    (AT_REST, "wiped"),
    ("labels that waited written, before their changelog", "kept"),
    ("predictions acknowledged, before the review items", "kept"),
    ("labels acknowledged, before the examples", "wiped"),
    ("transactions astray acknowledged, before the commit", "kept"),
    ("examples acknowledged, before the commit", "kept"),
    ("customers written, before their changelog", "wiped"),
]
EVERYWHERE = list(itertools.product(PLACES, ("kept", "wiped")))


async def test_a_worker_that_dies_here_and_there_leaves_what_one_without_faults_would(
    broker: Broker, fresh: str, tmp_path: Path
) -> None:
    await live_through(settings_of(broker, fresh), tmp_path, HERE_AND_THERE)


@pytest.mark.chaos
@pytest.mark.parametrize("death", EVERYWHERE, ids=lambda death: "{}, disk {}".format(*death))
async def test_a_worker_that_dies_once_leaves_what_one_without_faults_would(
    broker: Broker, fresh: str, tmp_path: Path, death: Death
) -> None:
    await live_through(settings_of(broker, fresh), tmp_path, [(AT_REST, "kept"), death])
