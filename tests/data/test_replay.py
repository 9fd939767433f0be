"""The replay without Kafka: what it decides, learns and never sees."""

from itertools import islice
from zlib import crc32

import pytest

from app.core.fold import LearningState, fold_log
from app.data.batches import recorded
from app.data.replay import Replay
from app.data.rows import Labelled
from app.data.simulator import HOUR_MS, transactions
from app.data.traffic import Traffic
from app.fraud.account import Account
from app.fraud.decision import Policy, appraise
from app.fraud.features import GRIDS
from app.fraud.history import Limits
from app.fraud.knowledge import Knowledge
from app.fraud.threshold import Budget
from app.messages import Example, Prediction, read_prediction

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


def replayed(rows: list[Labelled]) -> tuple[list[Prediction], list[Example]]:
    """All decisions and all examples, in order."""
    replay, predictions, examples = new_replay(), [], []
    for batch in recorded(rows, DELAY):
        predictions += [read_prediction(replay.decide(row.tx)) for row in batch.rows]
        learned = [replay.learn(due.feedback, due.at) for due in batch.labels()]
        examples += [example for example in learned if example is not None]
    return predictions, examples


def test_every_transaction_is_decided_and_every_label_that_falls_due_is_learned_once(rows):
    replay = new_replay()
    examples = list(replay.run(recorded(rows, DELAY)))
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
