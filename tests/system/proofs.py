"""What has to hold of the logs and disks that a worker leaves, whatever happened to it."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aiokafka import ConsumerRecord
from rocksdict import AccessType, Options, Rdict

from app.apps import load
from app.core.batch import appraise
from app.core.hashing import hash64
from app.core.labels import LabelEntry, decode_entry
from app.core.messages import Origin
from app.core.threshold import KEY
from app.serving.waiting import PREFIX, Waiting
from app.settings import Settings
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.messages import (
    LABELS,
    Example,
    Prediction,
    Transaction,
    read_example,
    read_prediction,
)
from app.wire import encode
from tests.cards import take_in, threshold_of, usable
from tests.core.folding import fold_log
from tests.system.workers import Kafka

Last = dict[tuple[int, bytes], bytes]  # what a compacted log keeps: by partition and key


class Logs(NamedTuple):
    """All that a run has left in the topics, partition by partition."""

    settings: Settings
    transactions: list[ConsumerRecord]
    predictions: list[ConsumerRecord]
    review: list[ConsumerRecord]
    examples: list[tuple[int, Example]]
    letters: list[ConsumerRecord]
    customers: Last
    labels: Last

    @property
    def decisions(self) -> dict[str, bytes]:
        """The first prediction of each transaction."""
        first: dict[str, bytes] = {}
        for record in self.predictions:
            first.setdefault(read_prediction(record.value).id, record.value)
        return first

    @property
    def entries(self) -> dict[str, LabelEntry]:
        """What the labels table knows of each transaction."""
        found = {key: raw for (_, key), raw in self.labels.items() if b"\0" not in key}
        return {key.decode(): decode_entry(raw, "") for key, raw in found.items()}


async def read_logs(kafka: Kafka) -> Logs:
    names = kafka.topics
    return Logs(
        kafka.settings,
        await kafka.read(names.events),
        await kafka.read(names.predictions),
        await kafka.read(names.review),
        [(r.offset, read_example(r.value)) for r in await kafka.read(names.examples)],
        await kafka.read(names.dead_letters),
        last_values(await kafka.read(names.changelogs["customers"])),
        last_values(await kafka.read(names.changelogs["labels"])),
    )


def last_values(records: list[ConsumerRecord]) -> Last:
    kept: Last = {}
    for record in records:
        if record.value is None:
            kept.pop((record.partition, record.key), None)
        else:
            kept[record.partition, record.key] = record.value
    return kept


def each_is_decided_once(logs: Logs) -> None:
    """Every transaction has a decision, none is invented, repeated ones are identical."""
    sent = {tx.id for _, tx in readable(logs)}
    decisions = logs.decisions
    assert set(decisions) == sent
    for record in logs.predictions:
        assert record.value == decisions[read_prediction(record.value).id], "a second decision"


def each_flagged_one_is_reviewed(logs: Logs) -> None:
    """Review items are the predictions that are not approved, with the same bytes."""
    flagged = {v for v in logs.decisions.values() if read_prediction(v).decision != "approve"}
    assert {record.value for record in logs.review} == flagged


def readable(logs: Logs) -> Iterator[tuple[ConsumerRecord, Transaction]]:
    """What lies on its own partition: what does not has been entered again there."""
    return usable(logs.transactions, logs.settings.partitions)


def each_customer_is_as_computed_offline(logs: Logs) -> None:
    """The records are those that the input and the settled labels give without any fault."""
    settings = logs.settings
    limits = Limits(settings.history_events, settings.history_replay, settings.history_labels)
    expected: dict[tuple[int, bytes], History] = {}
    for record, tx in readable(logs):
        key = record.partition, tx.customer.encode()
        history = expected.setdefault(key, History(settings.epoch, limits))
        take_in(history, record, tx, settings.partitions, settings.epoch)
    for tx, entry in logs.entries.items():
        for said in (r for r in entry.revisions if r.example):
            history = expected[said.origin.partition, entry.key.encode()]
            fraud = read_example(said.example).y == 1
            history.learn_label(hash64(tx), said.origin, said.at, fraud)
    stored = {key: raw for key, raw in logs.customers.items() if b"\0" not in key[1]}
    assert stored == {key: history.encode() for key, history in expected.items()}


def each_threshold_is_as_computed_offline(logs: Logs) -> None:
    """With a budget: what the decisions give in the order of the log, each moving it once.

    Not after a death that lost decisions and not the threshold: they are made anew from it.
    """
    application = load(logs.settings)
    expected = {p: threshold_of(application, None) for p in range(logs.settings.partitions)}
    for record, tx in readable(logs):
        decision = read_prediction(logs.decisions[tx.id])
        if decision.source.offset == record.offset:
            threshold = expected[record.partition]
            assert decision.threshold == threshold.score, tx.id
            threshold.move(record.offset, tx.at, decision.decision != "approve")
    stored = {p: raw for (p, key), raw in logs.customers.items() if key == KEY}
    assert stored == {p: threshold.encode() for p, threshold in expected.items()}


def each_label_is_learned_once(logs: Logs, said: dict[str, int]) -> None:
    """The examples that count are the settled revisions, one each, in the order of a chain.

    `said` is how many different labels there are for each transaction.
    """
    waiting = [Waiting.read(key) for _, key in logs.labels if key.startswith(PREFIX)]
    assert waiting == [], f"a label still waits: {[logs.entries[w.id] for w in waiting]}"
    assert {tx: len(entry.revisions) for tx, entry in logs.entries.items()} == said
    state = load(logs.settings).new_state()
    learned: dict[str, list[Example]] = {}
    for offset, example in logs.examples:
        if state.fold(example, offset):
            learned.setdefault(example.id, []).append(example)
    for tx, entry in logs.entries.items():
        assert {r.outcome for r in entry.revisions} <= {"settled", "noted"}
        assert len({r.label_id for r in entry.revisions}) == len(entry.revisions)
        settled = sorted(r.origin for r in entry.revisions if r.example)
        chain = learned.pop(tx, [])
        assert [example.origin for example in chain] == settled, tx
        for one, other in itertools.pairwise(chain):
            assert (None if one.y is None else one.y) == (other.previous and other.previous.label)
        taught = None if entry.taught is None else entry.taught.label
        assert (chain[-1].y if chain else None) == taught
        holds = LABELS.holds(entry)
        assert (holds and LABELS.teaches[holds.label]) == taught
    assert not learned, "learned without a label"
    repeated: dict[Origin, Example] = {}
    for _, example in logs.examples:
        example.end_of_step = False  # of a replay's own steps
        assert repeated.setdefault(example.origin, example) == example, "another example"


def each_score_is_computed_again(logs: Logs) -> None:
    """Every worker's learning state was the fold of the log up to its version, bit for bit."""
    application = load(logs.settings)
    state = application.new_state()
    decisions = [read_prediction(raw) for raw in logs.decisions.values()]
    for prediction in sorted(decisions, key=_version):
        version = _version(prediction)
        fold_log(state, logs.examples[state.version : version], version - 1)
        partition = prediction.source.partition
        x, review = prediction.features, prediction.threshold
        verdict = appraise(application, x, state, partition, review, prediction)
        again = (verdict.score, verdict.decision, encode(verdict.reasons))
        assert again == (prediction.score, prediction.decision, encode(prediction.reasons))


def the_disk_is_as_the_logs(logs: Logs, data: Path) -> None:
    """After a clean stop the local tables hold what the changelogs hold, no more and no less."""
    for name, last in (("customers", logs.customers), ("labels", logs.labels)):
        for partition in range(logs.settings.partitions):
            expected = {key: value for (p, key), value in last.items() if p == partition}
            (path,) = data.glob(f"**/{name}-{partition}.db")
            assert contents(path) == expected, (name, partition)


def contents(path: Path) -> dict[bytes, bytes]:
    db = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only())
    try:
        return {key: value for key, value in db.items() if not key.startswith(b"__faust")}
    finally:
        db.close()


def _version(prediction: Prediction) -> int:
    return prediction.model.version
