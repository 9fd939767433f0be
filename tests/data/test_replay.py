"""The replay without Kafka: what it decides, learns and never sees."""

from collections import Counter
from itertools import islice
from zlib import crc32

import msgspec
import pytest

from app.core.batch import Account, Decided
from app.core.fold import LearningState, fold_log
from app.core.labels import LabelEntry
from app.core.settling import Known, settle
from app.core.threshold import Budget
from app.data.batches import recorded
from app.data.overflow import Kept, Later
from app.data.player import due
from app.data.replay import Histories, Replay
from app.data.rows import Due, Labelled
from app.messages import (
    Example,
    Origin,
    Prediction,
    Source,
    encode,
    read_example,
    read_feedback,
    read_prediction,
    read_transaction,
)
from app.streams.fraud.decision import Policy, appraise
from app.streams.fraud.features import GRIDS
from app.streams.fraud.history.record import History, Limits, hash64
from app.streams.fraud.knowledge import Knowledge
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import HOUR_MS, transactions

PARTITIONS = 2
POLICY = Policy("binned", "both", 0.5, 0.9, "engine")
DELAY = 6 * HOUR_MS


def new_state() -> LearningState:
    return LearningState(POLICY.model, PARTITIONS, GRIDS, Knowledge())


def new_replay(budget: Budget | None = None) -> Replay:
    limits = Limits(events=16, replay=8, labels=8)
    account = Account(new_state(), POLICY, limits, epoch=1, budget=budget)
    return Replay(account, lambda customer: crc32(customer.encode()) % PARTITIONS)


@pytest.fixture(scope="module")
def rows() -> list[Labelled]:
    hours = islice(transactions(Traffic(seed=8, stolen=0.02, testing=0.02)), 96)
    return [row for hour in hours for row in hour]


class Stepwise:
    """What the agents do with each record, with every value packed and read again."""

    def __init__(self) -> None:
        self.replay = new_replay()
        self.account = self.replay.account
        self.customers: dict[str, bytes] = {}
        self.scored: dict[str, Decided] = {}
        self.entries: dict[str, LabelEntry] = {}
        self.offsets: Counter[tuple[str, int]] = Counter()

    def next(self, topic: str, customer: str) -> tuple[int, int]:
        partition = self.replay.partition_of(customer)
        self.offsets[topic, partition] += 1
        return partition, self.offsets[topic, partition] - 1

    def decide(self, row: Labelled) -> Prediction:
        tx = read_transaction(encode(row.tx))
        source = Source(*self.next("transactions", tx.customer))
        record, stored = self.customers.get(tx.customer), self.scored.get(tx.id)
        answer = self.account.decide(tx, source, record, stored)
        self.customers[tx.customer] = answer.history
        self.scored.setdefault(tx.id, Decided(source.offset, answer.raw))
        return read_prediction(answer.raw)

    def learn(self, due: Due) -> Example:
        said = read_feedback(encode(due.feedback))
        origin = Origin(self.account.epoch, *self.next("feedback", said.customer))
        entry = self.entries.setdefault(said.id, LabelEntry(said.customer, []))
        decision = read_prediction(self.scored[said.id].raw)
        revision = settle(entry, said, Known(origin, due.at), decision)
        example = read_example(revision.example)
        raw = self.customers[said.customer]
        history = History.decode(raw, self.account.epoch, self.account.limits)
        history.learn_label(hash64(said.id), origin, revision.at, example.y == 1)
        self.customers[said.customer] = history.encode()
        self.account.state.fold(example, self.account.state.version)
        return example


def replayed(rows: list[Labelled]) -> tuple[list[Prediction], list[Example]]:
    """All decisions and all examples, in order."""
    replay, predictions, examples = new_replay(), [], []
    for batch in recorded(rows, DELAY):
        predictions += [read_prediction(replay.decide(row.tx)) for row in batch.rows]
        examples += [one.example for one in replay.learn_all(batch.labels())]
    return predictions, examples


def test_every_transaction_is_decided_and_every_label_that_falls_due_is_learned_once(rows):
    replay = new_replay()
    examples = [one.example for one in replay.run(recorded(rows, DELAY))]
    due = [row for row in rows if row.tx.at + DELAY <= rows[-1].tx.at]
    assert replay.decided == len(rows)
    assert [example.tx for example in examples] == [row.tx.id for row in due]
    assert [example.y for example in examples] == [int(row.fraud) for row in due]
    assert replay.account.state.version == len(due)


def test_a_decision_knows_all_labels_due_before_its_hour_and_none_after(rows):
    predictions, _ = replayed(rows)
    due = [row.tx.at + DELAY for row in rows]
    for prediction in predictions:
        hour = prediction.at // HOUR_MS * HOUR_MS
        assert prediction.model.version == sum(at < hour for at in due)


def test_every_score_comes_again_from_its_stored_features_and_the_log_to_its_version(rows):
    predictions, examples = replayed(rows)
    state = new_state()
    for prediction in predictions:
        log = list(enumerate(examples))[state.version :]
        fold_log(state, log, prediction.model.version - 1 if prediction.model.version else -1)
        verdict = appraise(prediction.features, state, prediction.source.partition, POLICY)
        assert (verdict.score, verdict.reasons) == (prediction.score, prediction.reasons)
    assert len({prediction.mode for prediction in predictions}) > 1


def test_it_decides_and_learns_what_the_agents_would_bit_by_bit(rows):
    stepwise, expected, lessons = Stepwise(), [], []
    for batch in recorded(rows, DELAY):
        expected += [stepwise.decide(row) for row in batch.rows]
        lessons += [stepwise.learn(due) for due in batch.labels()]
    predictions, examples = replayed(rows)
    assert encode(predictions) == encode(expected)
    for example in examples:
        example.end_of_step = False  # nothing here depends on it
    assert encode(examples) == encode(lessons)


@pytest.mark.parametrize("together", [1, 7, 2000])
def test_how_many_are_decided_together_changes_no_bit(rows, monkeypatch, together):
    monkeypatch.setattr("app.data.replay.TOGETHER", together)
    learned = list(new_replay().run(recorded(rows, DELAY)))
    predictions, examples = replayed(rows)
    by_id = {prediction.id: prediction for prediction in predictions}
    assert [one.example for one in learned] == examples
    assert [one.decision for one in learned] == [by_id[one.decision.id] for one in learned]


def test_records_that_are_packed_meanwhile_change_nothing(rows):
    replay = new_replay()
    replay._customers = Histories(replay.account, most=3)
    predictions = [
        read_prediction(replay.decide(row.tx))
        for batch in recorded(rows, DELAY)
        for row in batch.rows
    ]
    usual = new_replay()
    again = [read_prediction(usual.decide(row.tx)) for row in rows]
    assert encode(predictions) == encode(again)
    assert len(replay._customers._open) == 3
    assert replay._customers._packed._older is not None  # and some went to the file


@pytest.mark.parametrize("chunk", [500, 3])
def test_the_labels_of_a_partition_in_an_hour_are_steps_of_at_most_a_chunk(rows, chunk):
    replay, sizes = new_replay(), []
    replay.chunk = chunk
    for batch in recorded(rows, DELAY):
        learned = replay.play(batch)
        for partition in range(PARTITIONS):
            ends = [
                one.example.end_of_step
                for one in learned
                if one.example.origin.partition == partition
            ]
            expected = [
                place % chunk == chunk - 1 or place == len(ends) - 1 for place in range(len(ends))
            ]
            assert ends == expected
            sizes.append(len(ends))
    assert max(sizes) > 3  # so that a chunk of 3 is full


def test_a_label_that_teaches_nothing_ends_no_step(rows):
    replay = new_replay()
    replay.decide(rows[0].tx)
    first, again = due(rows[0], DELAY), due(rows[0], DELAY + 1)
    learned = replay.learn_all([first, again])
    assert [one.example.end_of_step for one in learned] == [True]


def test_two_replays_give_the_same_bits(rows):
    assert replayed(rows) == replayed(rows)


def test_an_id_that_comes_again_repeats_its_decision_and_teaches_nothing_twice(rows):
    twice = [*rows[:200], *(row._replace(tx=rows[199].tx) for row in rows[:1])]
    replay = new_replay()
    first, again = [replay.decide(row.tx) for row in twice][-2:]
    assert first == again
    learned = [
        replay.learn(due.feedback, due.at) for b in recorded(rows, DELAY) for due in b.labels()
    ]
    assert len([example for example in learned if example is not None]) == 200
    assert (replay.repeated, replay.refused) == (1, 0)


def test_a_label_of_another_customers_transaction_teaches_nothing_and_is_counted(rows):
    replay, first, other = new_replay(), rows[0], "somebody else"
    second = first._replace(tx=msgspec.structs.replace(first.tx, customer=other))
    for row in (first, second):
        replay.decide(row.tx)
    learned = replay.learn_all([due(second, DELAY), due(first, DELAY)])
    assert [one.decision.customer for one in learned] == [first.tx.customer]
    assert replay.refused == 1


def test_decisions_wait_for_labels_and_for_nothing_else(rows):
    replay = new_replay()
    some = [row._replace(fraud=None) if place % 2 else row for place, row in enumerate(rows)]
    for batch in recorded(some, DELAY):
        replay.play(batch)
    waiting = {row.tx.id for row in some if row.fraud is not None}
    waiting -= {row.tx.id for row in rows if row.tx.at + DELAY <= rows[-1].tx.at}
    assert {row.tx.id for row in rows if replay._scored.get(row.tx.id)} == waiting


def test_decisions_and_labels_that_wait_in_a_file_change_nothing(rows, monkeypatch):
    usual = replayed(rows)
    monkeypatch.setattr("app.data.player.Later", lambda kind: Later(kind, 10))
    monkeypatch.setattr("app.data.replay.Kept", lambda kind, most=10: Kept(kind, 10))
    assert encode(replayed(rows)) == encode(usual)


def test_with_a_budget_each_partition_has_the_threshold_that_its_decisions_give(rows):
    budget = Budget(alerts=1.0, start=0.01, floor=0.001, ceiling=0.9)
    replay = new_replay(budget)
    thresholds = [replay.account.threshold(None) for _ in range(PARTITIONS)]
    decided = [read_prediction(replay.decide(row.tx)) for row in rows]
    for prediction in decided:
        threshold = thresholds[prediction.source.partition]
        assert prediction.threshold == threshold.score
        assert (prediction.decision != "approve") is (prediction.score >= threshold.score)
        threshold.move(prediction.source.offset, prediction.at, prediction.decision != "approve")
    alerts = sum(prediction.decision != "approve" for prediction in decided)
    hours = (rows[-1].tx.at - rows[0].tx.at) / HOUR_MS
    assert alerts == pytest.approx(PARTITIONS * budget.alerts * hours, rel=0.15)
