"""What steps make of records without a timestamp and of batches that cannot be read, in memory."""

import json
from collections.abc import Iterator

import pytest

from app.core.labels import decode_entry
from app.runtime.fetching.batches import UnreadableBatch
from app.serving.dead_letters.read import Letter, read_letter
from app.streams.fraud.messages import read_prediction
from app.wire import encode
from tests.serving import memory
from tests.serving.memory import (
    MINUTE,
    NOW,
    PARTITION,
    THEIRS,
    Aborted,
    Worker,
    World,
    examples,
    payment,
    said,
)
from tests.serving.memory.broker import NOW as WRITTEN

HORIZON = 3_600_000
RAW = b"\x00\xffwhat came"


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world(label_wait="10m", horizon="1h") as world:
        yield world


def letters(world: World) -> list[Letter]:
    return [read_letter(record) for record in world.log("dead_letters")]


def unreadable(world: World, topic: str, count: int = 3) -> None:
    """A batch of so many records that cannot be read; so it takes their places in the log."""
    name = getattr(world.setup.topics, topic)
    log = world.logs.of[name, PARTITION]
    first, last = len(log), len(log) + count - 1
    place = name, PARTITION, last, -1, 0
    bad = UnreadableBatch(*place, None, RAW, None, -1, len(RAW), (), first, "its checksum is wrong")
    log.extend([bad] * count)


async def work(worker: Worker) -> None:
    while worker.unread(worker.topics.events):
        assert await worker.score()
    while worker.unread(worker.topics.feedback):
        assert await worker.learn()


@pytest.mark.parametrize("timestamp", [-1, -2])
async def test_an_event_without_a_timestamp_is_decided_by_its_own_time(world, worker, timestamp):
    late = payment(3, at=NOW + 900 * 86_400_000)
    world.send("events", "ann", encode(late), timestamp)
    assert await worker.score()
    assert letters(world) == []
    assert read_prediction(world.values("predictions")[-1]).at == late.at


async def test_the_label_inside_it_is_dated_by_it(world, worker):
    world.send("events", "ann", encode(payment(3, label="fraud")), -1)
    await work(worker)
    (passed,) = world.log("feedback")
    assert passed.timestamp == -1
    assert [(one.id, one.known) for one in examples(world)] == [("t3", NOW + 3 * MINUTE)]


@pytest.mark.parametrize(
    ("at", "known"),
    [
        pytest.param(NOW + 7, NOW + 7, id="its own time"),
        pytest.param(None, NOW, id="that of its event"),
        pytest.param(NOW * 5, NOW + HORIZON, id="none after the horizon"),
    ],
)
async def test_a_label_without_a_timestamp_has_the_time_that_it_says(world, worker, at, known):
    world.send("feedback", "ann", encode(said(0, "fraud", at=at)), -1)
    world.say(said(1, "fraud"))
    await work(worker)
    assert [(one.id, one.known) for one in examples(world)] == [("t0", known), ("t1", NOW + MINUTE)]
    assert letters(world) == []
    (revision,) = decode_entry(world.disk.tables["labels"][b"t0"], "").revisions
    assert revision.recorded == known


@pytest.mark.parametrize("at", [NOW + 5 * MINUTE, None, NOW * 5])
async def test_a_label_without_a_timestamp_that_has_to_wait_is_entered_again_with_one(
    world, worker, at
):
    trace = ("trace", b"1")
    raw = encode(said(5, "fraud", at=at))
    world.send("feedback", "ann", raw, -1, headers=(trace,))
    await worker.learn()
    _, again = world.log("feedback")
    assert (again.timestamp, again.headers) == (WRITTEN, (trace,))
    told = json.loads(again.value)
    assert told.pop("label_id"), "however often a crash enters it again, it is one label"
    assert told == {name: value for name, value in json.loads(raw).items() if name != "label_id"}
    await work(worker)
    assert examples(world) == [] and letters(world) == []
    world.pay(payment(5))
    await work(worker)
    assert [one.id for one in examples(world)] == ["t5"]
    assert all(r.timestamp <= WRITTEN for r in world.log("feedback")), "brokers take no other"


async def test_a_label_of_another_partition_stays_without_a_timestamp(world, worker):
    world.send("feedback", "dan", encode(said(9, "fraud", key=THEIRS)), -1)
    await worker.learn()
    (passed,) = world.log("feedback", partition=1)
    assert passed.timestamp == -1


async def test_labels_without_a_timestamp_neither_expire_others_nor_are_expired(world, worker):
    world.say(said(8, "fraud"))
    await work(worker)
    for n in (0, 1):
        world.send("feedback", "ann", encode(said(n, "fraud", at=None)), -1)
    await work(worker)
    assert letters(world) == []
    assert [one.id for one in examples(world)] == ["t0", "t1"]


# -- batches that cannot be read


@pytest.mark.parametrize("topic", ["events", "feedback"])
async def test_a_batch_that_cannot_be_read_becomes_one_letter_between_its_neighbours(
    world, worker, topic
):
    world.pay(payment(3))
    world.say(said(0, "fraud"))
    before = len(world.log(topic))
    unreadable(world, topic)
    world.pay(payment(4))
    world.say(said(1, "fraud"))
    await work(worker)
    (letter,) = letters(world)
    assert (letter.value, letter.reason) == (
        RAW,
        "a batch that cannot be read: its checksum is wrong",
    )
    name = getattr(world.setup.topics, topic)
    assert (letter.topic, letter.place, letter.last) == (name, (PARTITION, before), before + 2)
    assert letter.source == f"{name}[0] @ {before} to {before + 2}"
    assert [read_prediction(raw).id for raw in world.values("predictions")][-2:] == ["t3", "t4"]
    assert [one.id for one in examples(world)] == ["t0", "t1"]
    assert world.sensors.unreadable._value.get() == 1
    assert world.sensors.letters._value.get() == 1
    assert worker.position(name) == len(world.log(topic))


@pytest.mark.parametrize("topic", ["events", "feedback"])
async def test_a_worker_that_dies_before_the_letter_lands_writes_it_when_it_comes_again(
    world, topic
):
    unreadable(world, topic)
    with pytest.raises(Aborted):
        async with world.life(end="land dead-letters") as worker:
            await work(worker)
    assert (letters(world), world.committed) == ([], {})
    async with world.life() as worker:
        await work(worker)
        await worker.commit()
    assert [letter.value for letter in letters(world)] == [RAW]


# -- the headers of producers


async def test_the_headers_of_a_producer_are_kept_beside_those_of_the_letter(world, worker):
    given = (("reason", b"a spring sale"), ("trace", None), ("trace", b"\xff"), ("offset", b"x"))
    world.send("events", "ann", b"nonsense", headers=given)
    await worker.score()
    (record,) = world.log("dead_letters")
    letter = read_letter(record)
    assert "malformed" in letter.reason and letter.place == (0, 3)
    assert [(name, value) for name, value in record.headers if name.startswith("producer.")] == [
        ("producer." + name, value) for name, value in given
    ]
