"""A life played by a replay and by a worker in memory: the same labels, to the same bits."""

from collections import Counter
from itertools import islice

import pytest

from app.data.life.course import Course
from app.data.life.playing import Living, Span, case_of, hourly
from app.data.life.settings import Life
from app.data.overflow import Kept, Later
from app.streams.fraud.messages import read_feedback, read_prediction
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import DAY_MS
from tests.serving import memory

# Everything happens: errors, corrections, frauds that mature first, and complaints.
LIFE = Life(
    reviews=12.0,
    strategy="risk+random",
    chargebacks=2 * DAY_MS,
    spread=0.5,
    missed=0.2,
    maturity=3 * DAY_MS,
    share=0.5,
    wrong=0.2,
    complain=0.8,
)
START = 1_698_796_800_000  # 2023-11-01T00:00Z: all of it lies before the time of the logs
SETTINGS = {"partitions": 1, "review_threshold": 0.05, "block_threshold": 0.1}


@pytest.fixture(scope="module")
def hours() -> list[Span]:
    traffic = Traffic(seed=8, start=START, customers=60, stolen=0.1, testing=0.1)
    rows = [row for hour in islice(transactions(traffic), 240) for row in hour]
    return list(hourly(rows))


async def test_a_replay_of_a_life_is_what_a_worker_makes_of_it_bit_by_bit(hours: list[Span]):
    with memory.world(**SETTINGS) as world:
        living = Living(world.setup.application, LIFE)
        course = Course(world.setup.application, LIFE)
        expected: list[bytes] = []
        async with world.life() as worker:
            for hour in hours:
                expected += [one.raw for one in living.play(hour).decided]
                world.pay(*(row.event for row in hour.rows))
                assert not hour.rows or await worker.score()
                made = world.values("predictions")[-len(hour.rows) :] if hour.rows else []
                for row, one in zip(hour.rows, map(read_prediction, made), strict=True):
                    course.decided(case_of(row), one.decision, one.score)
                world.say(*(due.feedback for due in course.due(hour.until)))
                assert not worker.unread(worker.topics.feedback) or await worker.learn()
                world.learning.fold()
        assert world.values("predictions") == expected
        assert world.learning.state.digest() == living.replay.state.digest()
        said = [read_feedback(raw) for raw in world.values("feedback")]
        learned = memory.examples(world)
    sources = Counter(one.source for one in said)
    assert min(sources[name] for name in ("analyst", "chargeback", "customer", "maturity")) > 0
    assert {one.w for one in learned} == {1.0, 2.0}
    assert sum(one.previous is not None for one in learned) > 9, "corrections are learned"


def test_decisions_and_what_was_said_of_them_may_wait_in_a_file(hours: list[Span], monkeypatch):
    with memory.world(**SETTINGS) as world:
        usual = Living(world.setup.application, LIFE)
        monkeypatch.setattr("app.data.replay.Kept", lambda kind, most=10: Kept(kind, 10))
        monkeypatch.setattr("app.data.replay.Later", lambda kind: Later(kind, 10))
        filed = Living(world.setup.application, LIFE)
    for hour in hours[:120]:
        usual.play(hour)
        filed.play(hour)
    assert filed.replay._entries._older is not None
    assert filed.replay.state.digest() == usual.replay.state.digest()


def test_a_replay_forgets_what_nobody_can_speak_of_any_more(hours: list[Span]):
    with memory.world(**SETTINGS) as world:
        living = Living(world.setup.application, LIFE)
    for hour in hours:
        living.play(hour)
    oldest = hours[-1].until - LIFE.longest
    kept = living.replay._stored._latest
    assert kept.keys() == {r.event.id for h in hours for r in h.rows if r.event.at > oldest}
    assert living.replay._entries._latest.keys() <= kept.keys()
