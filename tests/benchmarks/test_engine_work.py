"""The work that all engines do: windows, bytes, and the same result whoever cuts it into chunks."""

import math

import msgspec
import pytest
from hypothesis import given, strategies

from app.core.partitioning import partition_of
from benchmarks.engines.work import (
    DAY,
    HOUR,
    ROOM,
    WEEK,
    Event,
    Judge,
    Prediction,
    Transaction,
    decode,
    encode,
    expected,
    features,
    look,
    read,
    transactions,
    write,
)

AT = 100 * WEEK
EVENTS = strategies.builds(
    Event,
    strategies.integers(0, 2**53),
    strategies.floats(0, 1e12),
    strategies.integers(0, 2**32 - 1),
)


def payment(at: int = AT, amount: float = 10.0) -> Transaction:
    [tx] = transactions(1, seed=1)
    tx.at, tx.amount = at, amount
    return tx


@given(strategies.lists(EVENTS, max_size=ROOM))
def test_a_ring_is_read_back_as_it_was_written(events):
    assert decode(encode(events)) == events
    assert len(encode(events)) == 20 * len(events)


@given(strategies.lists(EVENTS, max_size=2 * ROOM))
def test_a_ring_keeps_the_latest_events_that_it_has_room_for(events):
    tx = payment()
    ring, _ = look(tx, encode(events))
    assert decode(ring)[:-1] == events[-(ROOM - 1) :]
    assert decode(ring)[-1][:2] == (tx.at, tx.amount)


def test_a_transaction_is_read_back_as_it_was_written_and_has_some_240_bytes(seed):
    rows = list(transactions(200, seed))
    assert [read(write(tx)) for tx in rows] == rows
    assert all(220 <= len(write(tx)) <= 250 for tx in rows)


@pytest.mark.parametrize(
    "age, counts",
    [
        (0, (1, 1, 1)),
        (HOUR, (1, 1, 1)),
        (HOUR + 1, (0, 1, 1)),
        (DAY, (0, 1, 1)),
        (DAY + 1, (0, 0, 1)),
        (WEEK, (0, 0, 1)),
        (WEEK + 1, (0, 0, 0)),
    ],
)
def test_a_window_reaches_back_to_its_older_end_and_no_farther(age, counts):
    x = features(payment(), [Event(AT - age, 7.0, 1)])
    assert (x["count_hour"], x["count_day"], x["count_week"]) == counts
    assert x["sum_hour"] == math.log1p(7.0 * counts[0])
    assert x["sum_day"] == math.log1p(7.0 * counts[1])


def test_there_are_ten_features_and_all_are_finite_without_a_past(seed):
    for tx in transactions(100, seed):
        x = features(tx, [])
        assert len(x) == 10
        assert all(math.isfinite(value) for value in x.values())
        assert (x["ratio"], x["known"], x["count_week"]) == (0.0, 0.0, 0)


def test_a_transaction_does_not_see_itself():
    tx = payment()
    ring, first = look(tx, None)
    _, second = look(tx, ring)
    assert (first["known"], second["known"]) == (0.0, 1.0)
    assert (first["count_hour"], second["count_hour"]) == (0, 1)


def test_the_same_log_gives_the_same_bytes_however_it_is_cut(seed):
    log = [write(tx) for tx in transactions(400, seed)]
    whole = expected([log])
    judge, states, outputs = Judge(), {}, {}
    for start in range(0, len(log), 37):
        for tx in map(read, log[start : start + 37]):
            states[tx.customer], outputs[tx.id] = judge.work(tx, states.get(tx.customer))
    assert (outputs, states) == whole
    assert len(outputs) == 400


def test_a_partition_has_a_model_of_its_own(seed):
    rows = list(transactions(200, seed))
    parts = [[write(tx) for tx in rows if partition_of(tx.customer, 2) == p] for p in (0, 1)]
    both, alone = expected(parts), expected(parts[1:])
    assert alone.outputs.items() < both.outputs.items()
    assert both.outputs != expected([[write(tx) for tx in rows]]).outputs


def test_scores_are_predicted_before_the_label_is_learned():
    tx = payment()
    scores = []
    for tx.fraud in (False, True):
        _, raw = Judge().work(tx, None)
        scores.append(msgspec.json.decode(raw, type=Prediction).score)
    assert scores[0] == scores[1] == 0.5
