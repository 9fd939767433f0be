"""Score in memory: what a step over events writes, and in which order."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from app.core.hashing import hash64
from app.core.threshold import KEY, Threshold
from app.serving.answers import EPOCH_HEADER, REACH_HEADER, SOURCE_HEADER
from app.streams.fraud.messages import Prediction, read_feedback, read_prediction
from app.wire import MAX_MS, encode
from tests.serving import memory
from tests.serving.memory import MINUTE, NOW, OURS, Worker, World, payment, said

REVIEW_ALL = {"review_threshold": 0.0}
BUDGET = {"review_budget": 4.0, "review_threshold": 0.01}  # what no rule hits lies above at first


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world(**REVIEW_ALL) as world:
        yield world


EPOCH_1 = EPOCH_HEADER, b"1"


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Worker]:
    async with world.life() as worker:
        yield worker


def predictions(world: World) -> list[Prediction]:
    return [read_prediction(raw) for raw in world.values("predictions")]


def reasons(world: World) -> list[str]:
    return [dict(letter.headers)["reason"].decode() for letter in world.log("dead_letters")]


def counted(world: World, customer: str = "ann") -> list[int]:
    """The offsets of the transactions in a customer's record."""
    raw = world.disk.tables["customers"].get(customer.encode())
    return [event.offset for event in world.setup.application.open(raw).events()]


async def test_an_event_leads_to_a_record_a_decision_a_prediction_and_a_review_item(world, worker):
    world.pay(payment(0))
    assert await worker.score()
    (prediction,), (item,) = world.log("predictions"), world.log("review")
    assert (prediction.key, prediction.headers) == (b"ann", ((SOURCE_HEADER, b"0"), EPOCH_1))
    assert (item.key, item.value) == (prediction.key, prediction.value)
    assert read_prediction(prediction.value).id == "t0"
    assert worker.partition.decisions.decision("t0") == prediction.value
    assert counted(world) == [0]
    assert world.changes("customers") == world.disk.tables["customers"]


async def test_what_is_stored_is_stored_before_anything_of_it_is_sent(world, worker):
    world.pay(payment(0))
    opened = len(worker.places.names)
    await worker.score()
    written = worker.places.names[opened:]
    assert [place for place in written if not place.startswith("hear")] == [
        "store decisions",
        "store customers",
        "land weir-customers-changelog",
        "mark customers",
        "land predictions",
        "mark decisions",
        "land review",
    ]


async def test_a_review_item_waits_for_its_prediction_to_be_acknowledged(world):
    async with world.life(late=["predictions"]) as worker:
        world.pay(payment(0))
        step = asyncio.ensure_future(worker.score())
        await memory.turns()
        assert (step.done(), world.log("review")) == (False, [])
        worker.outbox.land("predictions")
        assert await step
        assert world.values("review") == world.values("predictions")


async def test_a_step_without_alerts_does_not_wait():
    with memory.world() as world:
        async with world.life(late=["predictions"]) as worker:
            world.pay(payment(0))
            assert await worker.score()
            assert (world.log("predictions"), world.log("review")) == ([], [])
            assert worker.partition.decisions.decision("t0") is None, "the log does not have it yet"


async def test_no_review_item_is_sent_for_a_partition_that_is_no_longer_ours(world):
    async with world.life(late=["predictions"]) as worker:
        world.pay(payment(0))
        step = asyncio.ensure_future(worker.score())
        await memory.turns()
        worker.owns = False
        worker.outbox.land("predictions")
        assert not await step, "its position stays"
        assert world.log("review") == []
    async with world.life() as worker:
        assert await worker.score()
        assert world.values("review") == world.values("predictions")[:1]


REFUSED = {
    "no value": (None, NOW, "no value"),
    "no JSON": (b"nonsense", NOW, "malformed"),
    "a field that is missing": (b'{"id": "t1", "at": 0, "customer": "ann"}', NOW, "`merchant`"),
    "an amount below 0": (encode(payment(1, amount=-1.0)), NOW, "$.amount"),
    "a card number": (encode(payment(1, merchant="4111 1111 1111 1111")), NOW, "`merchant`"),
    "a time far ahead": (encode(payment(1, at=NOW + 1441 * MINUTE)), NOW, "`at` is too far"),
    "a time in seconds": (encode(payment(1, at=NOW // 1000)), NOW, "seems to be seconds"),
    "a time in microseconds": (
        encode(payment(1)).replace(str(payment(1).at).encode(), str(NOW * 1000).encode()),
        NOW,
        "seems to be microseconds",
    ),
    "a date without separators": (
        encode(payment(1, at=20260131120000)),
        NOW,
        "a date written yyyymmddHHMMSS",
    ),
    "a time in seconds, and no timestamp": (
        encode(payment(1, at=NOW // 1000)),
        -1,
        "seems to be seconds",
    ),
    "a timestamp that is none": (encode(payment(1)), MAX_MS + 1, "timestamp"),
}


@pytest.mark.parametrize(("value", "at", "reason"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_becomes_a_dead_letter_and_the_rest_goes_on(
    world, worker, value, at, reason
):
    world.pay(payment(0))
    world.send("events", "ann", value, at)
    world.pay(payment(2))
    assert await worker.score()
    (letter,), headers = world.log("dead_letters"), dict(world.log("dead_letters")[0].headers)
    assert (letter.key, letter.value) == (b"ann", value)
    assert reason in headers["reason"].decode()
    assert (headers["topic"], headers["offset"]) == (b"transactions", b"1")
    assert [one.id for one in predictions(world)] == ["t0", "t2"]
    assert counted(world) == [0, 2]


async def test_ids_that_are_long_numbers_are_decided(world, worker, seed):
    """One in ten of them has the check digit of a card number, and every IMEI has."""
    dice = random.Random(seed)
    ids = [str(dice.getrandbits(63) | 1 << 50) for _ in range(300)]
    world.pay(*(payment(n, id=id, device="490154203237518") for n, id in enumerate(ids)))
    assert await worker.score()
    assert [one.id for one in predictions(world)] == ids
    assert world.log("dead_letters") == []


async def test_a_step_of_refused_records_alone_moves_on(world, worker):
    world.send("events", None, b"nonsense")
    assert await worker.score()
    assert (world.log("predictions"), len(world.log("dead_letters"))) == ([], 1)


@pytest.mark.parametrize("steps", [[3], [1, 1, 1], [2, 1]], ids=str)
async def test_an_id_that_comes_again_repeats_its_prediction_and_does_not_count(
    world, worker, steps
):
    world.pay(payment(0), payment(1), payment(0, at=NOW + 9 * MINUTE, amount=7000.0))
    for most in steps:
        assert await worker.score(most)
        await learn_something(world, worker)
    first, _, again = world.log("predictions")
    assert again.value == first.value
    assert (dict(again.headers)[SOURCE_HEADER], counted(world)) == (b"2", [0, 1])


async def learn_something(world: World, worker: Worker) -> None:
    """Change the models, so that a decision made now differs from one made before."""
    world.say(said(0, "fraud", later=len(world.log("feedback"))))
    assert await worker.learn()
    worker.world.learning.fold()


async def test_a_replay_repeats_its_predictions_and_says_how_far_the_log_reaches(world):
    world.pay(*(payment(n) for n in range(4)))
    async with world.life() as worker:
        assert await worker.score()
        await learn_something(world, worker)
    async with world.life() as worker:
        assert await worker.score(2)
    first, again = world.log("predictions")[:2], world.log("predictions")[-2:]
    assert [one.value for one in again] == [one.value for one in first]
    assert again[0].headers == ((SOURCE_HEADER, b"0"), EPOCH_1, (REACH_HEADER, b"3"))
    assert counted(world) == [0, 1, 2, 3]


async def test_a_decision_says_whether_the_learning_state_lags(world, worker):
    world.pay(payment(0), payment(1))
    await worker.score(1)
    world.learning.late = True
    await worker.score(1)
    assert [one.mode for one in predictions(world)] == ["rules", "degraded"]


async def test_labels_that_waited_for_an_event_are_entered_again_as_they_were(world, worker):
    history = ("weir-history", b"{}")
    world.send("feedback", "ann", encode(said(0, "fraud")), NOW + 5, headers=(history,))
    world.say(said(0, "unsure", "customer", label_id="l2"), said(1, "legit"))
    await worker.learn()
    world.pay(payment(0))
    await worker.score()
    one, other = world.log("feedback")[3:]
    assert (one.key, one.timestamp, one.headers) == (b"ann", NOW + 5, (history,))
    again = [read_feedback(record.value) for record in (one, other)]
    assert [(said.id, said.label, said.at) for said in again] == [
        ("t0", "fraud", NOW),
        ("t0", "unsure", NOW),
    ]
    assert again[1].label_id == "l2"


async def test_the_label_in_an_event_is_published_with_the_time_of_its_record(world, worker):
    world.pay(payment(3, label="fraud"), payment(4))
    await worker.score()
    (own,) = world.log("feedback")
    assert (own.key, own.timestamp) == (b"ann", NOW + 3 * MINUTE)
    label = read_feedback(own.value)
    assert (label.id, label.label, label.source, label.at) == (
        "t3",
        "fraud",
        "stream",
        own.timestamp,
    )


async def test_with_a_budget_each_decision_moves_the_threshold_once():
    with memory.world(**BUDGET) as world:
        world.pay(*(payment(n) for n in range(9)), payment(0))
        for _ in range(2):  # at first, and again from the start
            async with world.life() as worker:
                while worker.unread(worker.topics.events):
                    assert await worker.score(4)
            expected = Threshold(world.setup.application.budget, epoch=1)
            for n, one in enumerate(predictions(world)[:9]):
                assert one.threshold == expected.score
                expected.move(n, one.at, one.decision != "approve")
            assert world.disk.tables["customers"][KEY] == expected.encode()
        flagged = [one.decision for one in predictions(world)[:9]]
        assert set(flagged) == {"review", "approve"}


@pytest.mark.parametrize("settings", [REVIEW_ALL, BUDGET, {}], ids=["all", "budget", "fixed"])
async def test_several_events_in_one_step_are_decided_as_one_by_one(settings, seed):
    chance = random.Random(seed)
    payments = [
        payment(chance.randrange(9), chance.choice(OURS), amount=chance.choice([5.0, 900.0]))
        for _ in range(20)
    ]
    left = []
    for most in (1, 7, 20):
        with memory.world(**settings) as world:
            world.pay(*payments)
            async with world.life() as worker:
                while worker.unread(worker.topics.events):
                    assert await worker.score(most)
            sent = [(record.value, record.headers) for record in world.log("predictions")]
            left.append((sent, world.values("review"), world.disk.tables, world.disk.decisions))
    assert left[1] == left[0]
    assert left[2] == left[0]


async def test_an_id_that_two_customers_use_is_decided_for_each(world, worker):
    world.pay(payment(0), msgspec.structs.replace(payment(0), customer="bob"))
    await worker.score()
    assert [one.key for one in predictions(world)] == ["ann", "bob"]
    assert (counted(world), counted(world, "bob")) == ([0], [1])
    first = read_prediction(worker.partition.decisions.decision("t0"))
    assert first.key == "ann", "labels are of the first one"


async def test_records_know_their_events_by_id(world, worker):
    world.pay(payment(0), payment(1))
    await worker.score()
    record = world.setup.application.open(world.disk.tables["customers"][b"ann"])
    assert [record.first_offset_of(hash64(f"t{n}")) for n in range(3)] == [0, 1, None]
