"""The replay without Kafka: what it decides, learns and never sees."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import msgspec
import pytest

from app.core.batch import Stored, appraise
from app.core.domain import Application
from app.core.hashing import hash64
from app.core.labels import LabelEntry
from app.core.messages import Origin, Source
from app.core.partitioning import partition_of
from app.core.settling import Received, settle
from app.core.threshold import Budget
from app.data import player
from app.data.hours import recorded
from app.data.overflow import Kept, Later
from app.data.player import Truth
from app.data.records import Records
from app.data.replay import Replay
from app.data.rows import Due, Labelled
from app.streams.fraud.messages import (
    Example,
    Prediction,
    read_example,
    read_feedback,
    read_prediction,
    read_transaction,
)
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import HOUR_MS
from app.wire import encode
from tests.cards import cards, decide, threshold_of
from tests.core.folding import fold_log

PARTITIONS = 2
FILE = """
[[word]]
name = "category"
customer = true
[[word]]
name = "till"
[[number]]
name = "age"
"""
CARDS = cards(partitions=PARTITIONS, history_events=16, history_replay=8, history_labels=8)
DELAY = 6 * HOUR_MS


def due(row: Labelled, at: int) -> Due:
    event = row.event
    return player.due(CARDS, Truth(event.id, event.key, event.at, bool(row.positive)), at)


@pytest.fixture(scope="module")
def rows() -> list[Labelled]:
    hours = islice(transactions(Traffic(seed=8, stolen=0.02, testing=0.02)), 96)
    return [row for hour in hours for row in hour]


class Stepwise:
    """What workers do with each record, with every value packed and read again."""

    def __init__(self, application: Application = CARDS) -> None:
        self.application = application
        self.state = application.new_state()
        self.customers: dict[str, bytes] = {}
        self.stored: dict[str, Stored] = {}
        self.entries: dict[str, LabelEntry] = {}
        self.offsets: Counter[tuple[str, int]] = Counter()

    def next(self, topic: str, key: str) -> tuple[int, int]:
        partition = partition_of(key, PARTITIONS)
        self.offsets[topic, partition] += 1
        return partition, self.offsets[topic, partition] - 1

    def decide(self, row: Labelled) -> Prediction:
        tx = read_transaction(encode(row.event))
        source = Source(*self.next("transactions", tx.key))
        record, stored = self.customers.get(tx.key), self.stored.get(tx.id)
        decided, self.customers[tx.key] = decide(
            self.application, self.state, tx, source, record, stored
        )
        self.stored.setdefault(tx.id, Stored(source.offset, decided.raw))
        return read_prediction(decided.raw)

    def learn(self, due: Due) -> Example:
        said = read_feedback(encode(due.feedback))
        origin = Origin(self.application.epoch, *self.next("feedback", said.key))
        entry = self.entries.setdefault(said.id, LabelEntry(said.key, []))
        prediction = read_prediction(self.stored[said.id].raw)
        revision = settle(self.application, entry, said, Received(origin, due.at), prediction)
        example = read_example(revision.example)
        history = self.application.open(self.customers[said.key])
        history.learn_label(hash64(said.id), origin, revision.at, example.y == 1)
        self.customers[said.key] = history.encode()
        self.state.fold(example, self.state.version)
        return example


def replayed(
    rows: list[Labelled], application: Application = CARDS
) -> tuple[list[Prediction], list[Example]]:
    """All decisions and all examples, in order."""
    replay, predictions, examples = Replay(application), [], []
    for hour in recorded(application, rows, DELAY):
        predictions += [read_prediction(replay.decide(row.event)) for row in hour.rows]
        examples += [one.example for one in replay.learn_all(hour.labels())]
    return predictions, examples


def test_every_transaction_is_decided_and_every_label_that_falls_due_is_learned_once(rows):
    replay = Replay(CARDS)
    examples = [one.example for one in replay.run(recorded(CARDS, rows, DELAY))]
    due = [row for row in rows if row.event.at + DELAY <= rows[-1].event.at]
    assert replay.decided == len(rows)
    assert [example.id for example in examples] == [row.event.id for row in due]
    assert [example.y for example in examples] == [int(row.positive) for row in due]
    assert replay.state.version == len(due)


def test_a_decision_knows_all_labels_due_before_its_hour_and_none_after(rows):
    predictions, _ = replayed(rows)
    due = [row.event.at + DELAY for row in rows]
    for prediction in predictions:
        hour = prediction.at // HOUR_MS * HOUR_MS
        assert prediction.model.version == sum(at < hour for at in due)


def test_every_score_comes_again_from_its_stored_features_and_the_log_to_its_version(rows):
    predictions, examples = replayed(rows)
    state = CARDS.new_state()
    for prediction in predictions:
        log = list(enumerate(examples))[state.version :]
        fold_log(state, log, prediction.model.version - 1 if prediction.model.version else -1)
        verdict = appraise(CARDS, prediction.features, state, prediction.source.partition)
        assert (verdict.score, verdict.reasons) == (prediction.score, prediction.reasons)
    assert len({prediction.mode for prediction in predictions}) > 1


@pytest.fixture(params=["no fields", "fields"])
def application(request, tmp_path) -> Application:
    if request.param == "no fields":
        return CARDS
    path = tmp_path / "fields.toml"
    path.write_text(FILE)
    return cards(partitions=PARTITIONS, fields=str(path))


def test_it_decides_and_learns_what_workers_would_bit_by_bit(rows, application):
    stepwise, expected, lessons = Stepwise(application), [], []
    rows = [
        row._replace(
            event=msgspec.structs.replace(
                row.event, fields={"till": f"t{n % 9}", "age": n % 50 / 4}
            )
        )
        for n, row in enumerate(rows)
    ]
    for hour in recorded(CARDS, rows, DELAY):
        expected += [stepwise.decide(row) for row in hour.rows]
        lessons += [stepwise.learn(due) for due in hour.labels()]
    predictions, examples = replayed(rows, application)
    assert {"till_rate", "category_amount"} <= predictions[-1].features.keys() or (
        application is CARDS
    )
    assert encode(predictions) == encode(expected)
    for example in examples:
        example.end_of_step = False  # nothing here depends on it
    assert encode(examples) == encode(lessons)


@pytest.mark.parametrize("together", [1, 7, 2000])
def test_how_many_are_decided_together_changes_no_bit(rows, monkeypatch, together):
    monkeypatch.setattr("app.data.replay.TOGETHER", together)
    settled = list(Replay(CARDS).run(recorded(CARDS, rows, DELAY)))
    predictions, examples = replayed(rows)
    by_id = {prediction.id: prediction for prediction in predictions}
    assert [one.example for one in settled] == examples
    assert [one.prediction for one in settled] == [by_id[one.prediction.id] for one in settled]


def test_records_that_are_packed_meanwhile_change_nothing(rows):
    replay = Replay(CARDS)
    replay._records = Records(CARDS, most=3)
    predictions = [
        read_prediction(replay.decide(row.event))
        for hour in recorded(CARDS, rows, DELAY)
        for row in hour.rows
    ]
    usual = Replay(CARDS)
    again = [read_prediction(usual.decide(row.event)) for row in rows]
    assert encode(predictions) == encode(again)
    assert len(replay._records._open) == 3
    assert replay._records._packed._older is not None  # and some went to the file


@pytest.mark.parametrize("chunk", [500, 3])
def test_the_labels_of_a_partition_in_an_hour_are_steps_of_at_most_a_chunk(rows, chunk):
    replay, sizes = Replay(CARDS, chunk), []
    for hour in recorded(CARDS, rows, DELAY):
        settled = replay.play(hour)
        for partition in range(PARTITIONS):
            ends = [
                one.example.end_of_step
                for one in settled
                if one.example.origin.partition == partition
            ]
            expected = [
                place % chunk == chunk - 1 or place == len(ends) - 1 for place in range(len(ends))
            ]
            assert ends == expected
            sizes.append(len(ends))
    assert max(sizes) > 3  # so that a chunk of 3 is full


def test_a_label_that_teaches_nothing_ends_no_step(rows):
    replay = Replay(CARDS)
    replay.decide(rows[0].event)
    first, again = due(rows[0], DELAY), due(rows[0], DELAY + 1)
    settled = replay.learn_all([first, again])
    assert [one.example.end_of_step for one in settled] == [True]


def test_it_learns_in_any_epoch(rows):
    """A log's first epoch may be far ahead of none at all, which a worker's learn says twice."""
    replay = Replay(cards(partitions=PARTITIONS, epoch=20261130))
    replay.decide(rows[0].event)
    assert [one.example.origin.epoch for one in replay.learn_all([due(rows[0], DELAY)])] == [
        20261130
    ]
    assert replay.state.counts.examples == 1


def test_two_replays_give_the_same_bits(rows):
    assert replayed(rows) == replayed(rows)


def test_an_id_that_comes_again_repeats_its_decision_and_teaches_nothing_twice(rows):
    twice = [*rows[:200], *(row._replace(event=rows[199].event) for row in rows[:1])]
    replay = Replay(CARDS)
    first, again = [replay.decide(row.event) for row in twice][-2:]
    assert first == again
    learned = [
        replay.learn(due.feedback, due.at)
        for hour in recorded(CARDS, rows, DELAY)
        for due in hour.labels()
    ]
    assert len([example for example in learned if example is not None]) == 200
    assert (replay.repeated, replay.refused) == (1, 0)


def test_a_label_of_another_customers_transaction_teaches_nothing_and_is_counted(rows):
    replay, first, other = Replay(CARDS), rows[0], "somebody else"
    second = first._replace(event=msgspec.structs.replace(first.event, customer=other))
    for row in (first, second):
        replay.decide(row.event)
    settled = replay.learn_all([due(second, DELAY), due(first, DELAY)])
    assert [one.prediction.key for one in settled] == [first.event.key]
    assert replay.refused == 1


def test_an_id_of_customers_on_two_partitions_fits_into_a_file(rows, monkeypatch):
    """The second one's offset is the lower one, so its decision takes the place of the first."""
    monkeypatch.setattr("app.data.replay.Kept", lambda kind: Kept(kind, 2))
    replay = Replay(CARDS)
    many = [row for row in rows if partition_of(row.event.key, PARTITIONS) == 0][:14]
    other = next(row for row in rows if partition_of(row.event.key, PARTITIONS) == 1)
    same = msgspec.structs.replace(other.event, id=many[5].event.id)
    for row in (*many[:9], other._replace(event=same), *many[9:]):
        replay.decide(row.event)
    assert read_prediction(replay._stored.get(same.id).raw).key == same.key


def test_decisions_wait_for_labels_and_for_nothing_else(rows):
    replay = Replay(CARDS)
    some = [row._replace(positive=None) if place % 2 else row for place, row in enumerate(rows)]
    for hour in recorded(CARDS, some, DELAY):
        replay.play(hour)
    waiting = {row.event.id for row in some if row.positive is not None}
    waiting -= {row.event.id for row in rows if row.event.at + DELAY <= rows[-1].event.at}
    assert {row.event.id for row in rows if replay._stored.get(row.event.id)} == waiting


def test_decisions_and_labels_that_wait_in_a_file_change_nothing(rows, monkeypatch):
    usual = replayed(rows)
    monkeypatch.setattr("app.data.player.Later", lambda kind: Later(kind, 10))
    for module in ("replay", "records"):
        monkeypatch.setattr(f"app.data.{module}.Kept", lambda kind, most=10: Kept(kind, 10))
    assert encode(replayed(rows)) == encode(usual)


def test_with_a_budget_each_partition_has_the_threshold_that_its_decisions_give(rows):
    budget = Budget(alerts=1.0, start=0.01, floor=0.001, ceiling=0.9)
    application = replace(CARDS, budget=budget)
    replay = Replay(application)
    thresholds = [threshold_of(application, None) for _ in range(PARTITIONS)]
    decided = [read_prediction(replay.decide(row.event)) for row in rows]
    for prediction in decided:
        threshold = thresholds[prediction.source.partition]
        assert prediction.threshold == threshold.score
        assert (prediction.decision != "approve") is (prediction.score >= threshold.score)
        threshold.move(prediction.source.offset, prediction.at, prediction.decision != "approve")
    alerts = sum(prediction.decision != "approve" for prediction in decided)
    hours = (rows[-1].event.at - rows[0].event.at) / HOUR_MS
    assert alerts == pytest.approx(PARTITIONS * budget.alerts * hours, rel=0.15)
