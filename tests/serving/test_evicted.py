"""More labels than an entry has room for, in memory: what leaves, and what a replay makes of it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from app.core.labels import LabelEntry, decode_entry
from app.core.messages import Origin
from app.serving.evicted import PREFIX, key_of
from app.serving.waiting import PREFIX as WAITING
from app.serving.waiting import Waiting
from app.streams.fraud.messages import read_feedback
from tests.serving import memory
from tests.serving.memory import NOW, Aborted, Worker, World, examples, payment, said


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world(label_wait="10m", horizon="1h") as world:
        yield world


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Worker]:
    """One that has decided a transaction."""
    async with world.life() as worker:
        world.pay(payment(0))
        await worker.score()
        yield worker


def entry(world: World) -> LabelEntry:
    return decode_entry(world.disk.tables["labels"].get(b"t0"), "")


def waiting(world: World) -> list[Waiting]:
    return [Waiting.read(key) for key in world.disk.tables["labels"] if key.startswith(WAITING)]


def letters(world: World) -> list[tuple[str, bytes]]:
    found = world.log("dead_letters")
    return [(dict(letter.headers)["reason"].decode(), letter.value) for letter in found]


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.serving.learn.MAX_REVISIONS", 3)


async def test_opinions_do_not_shut_a_chargeback_out(world, worker):
    world.say(*(said(0, "unsure", "customer", later=n) for n in range(60)))
    world.say(said(0, "fraud", "chargeback", later=99))
    while worker.unread(worker.topics.feedback):
        await worker.learn(7)
    assert [(one.y, one.origin.offset) for one in examples(world)] == [(1, 60)]
    assert letters(world) == []
    listed = entry(world).revisions
    assert [one.origin.offset for one in listed] == [*range(11, 60), 60]
    kept = [key for key in world.disk.tables["labels"] if key.startswith(PREFIX)]
    assert kept == [key_of("t0", Origin(1, 0, n)) for n in range(11)]


async def test_a_label_that_is_left_out_after_its_example_was_lost_gives_it_at_a_replay(
    world, little_room
):
    world.pay(payment(0))
    world.say(*(said(0, ("fraud", "legit")[n % 2], later=n) for n in range(9)))
    with suppress(Aborted):
        async with world.life("land examples") as worker:
            await worker.score()
            await worker.learn()
    assert examples(world) == [] and len(entry(world).revisions) == 3
    async with world.life() as worker:
        await worker.learn(4)
        await worker.learn()
    assert [(one.y, one.origin.offset) for one in examples(world)] == [
        ((n + 1) % 2, n) for n in range(9)
    ]


async def test_a_label_that_waits_and_has_no_room_becomes_a_dead_letter(world, little_room):
    world.say(*(said(0, "unsure", "customer", later=n) for n in range(4)))
    world.say(said(0, "fraud", "chargeback", at=None))
    async with world.life() as worker:
        await worker.learn()
        await worker.commit()
    told = [(why, read_feedback(raw).at) for why, raw in letters(world)]
    assert [at for _, at in told] == [NOW, NOW + 1]
    assert all("labels of this event wait for it, and others count more" in why for why, _ in told)
    assert sorted(one.recorded for one in waiting(world)) == [NOW, NOW + 2, NOW + 3]
    assert len(entry(world).waiting) == 3


async def test_what_had_to_leave_is_swept_beyond_the_horizon(world, little_room):
    world.pay(payment(0))
    world.say(*(said(0, "unsure", later=n) for n in range(5)))
    async with world.life() as worker:
        await worker.score()
        await worker.learn()
        assert len(world.disk.tables["labels"]) == 1 + 2
        for n in (70, 71, 72):
            world.pay(payment(n))
            world.say(said(n, "unsure"))
            await worker.score()
            await worker.learn()
    assert sorted(world.disk.tables["labels"]) == [b"t70", b"t71", b"t72"]
    assert world.changes("labels") == world.disk.tables["labels"]
