"""A new epoch: topics were deleted and made again, and what was decided before is still known."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.errors import StateError
from app.serving.answers import EPOCH_HEADER
from app.serving.generation import KEY
from app.streams.fraud.messages import Prediction, read_example, read_prediction
from tests.serving import memory
from tests.serving.memory import Disk, World, payment, said

DISK = pytest.mark.parametrize("wiped", [False, True], ids=["disk kept", "disk wiped"])


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world() as world:
        names = world.setup.topics
        world.ids = {name: "first" for name in (*names.inputs, names.predictions, names.examples)}
        yield world


async def decide(world: World, *numbers: int) -> None:
    """A worker decides these payments, commits, and ends."""
    world.pay(*(payment(n) for n in numbers))
    async with world.life() as worker:
        await worker.score()
        await worker.commit()


def recreate(world: World, epoch: int, wiped: bool, *topics: str) -> None:
    world.begin_epoch(epoch, *topics)
    if wiped:
        world.disk = Disk()


def forget_epochs(world: World) -> None:
    """The predictions as earlier releases wrote them."""
    log = world.log("predictions")
    for place, one in enumerate(log):
        headers = tuple(pair for pair in one.headers if pair[0] != EPOCH_HEADER)
        log[place] = replace(one, headers=headers)


def predictions(world: World) -> list[Prediction]:
    return [read_prediction(raw) for raw in world.values("predictions")]


@DISK
async def test_what_is_recreated_is_decided_from_its_start(world, wiped: bool):
    await decide(world, 0, 1, 2)
    recreate(world, 2, wiped, "events")
    world.pay(payment(7))
    async with world.life() as worker:
        assert worker.partition.decisions.confirmed == -1
        await worker.score()
        assert worker.partition.decisions.confirmed == 0
    assert predictions(world)[-1].id == "t7"
    assert world.log("predictions")[-1].headers[1] == (EPOCH_HEADER, b"2")


@DISK
async def test_an_id_of_an_earlier_epoch_repeats_its_decision(world, wiped: bool):
    await decide(world, 0, 1, 2)
    first = world.values("predictions")[1]
    recreate(world, 2, wiped, "events")
    for _ in range(2):
        await decide(world, 1)
        assert world.values("predictions")[-1] == first
    async with world.life() as worker:
        assert worker.partition.decisions.confirmed == 1


@DISK
async def test_a_label_of_an_earlier_epoch_finds_its_decision(world, wiped: bool):
    await decide(world, 0, 1, 2)
    recreate(world, 2, wiped, "events")
    world.say(said(1, "fraud"))
    async with world.life() as worker:
        await worker.learn()
    assert [read_example(raw).id for raw in world.values("examples")] == ["t1"]


@DISK
async def test_predictions_that_name_no_epoch_are_of_the_one_before_it_was_raised(
    world, wiped: bool
):
    await decide(world, 0, 1, 2)
    forget_epochs(world)
    async with world.life() as worker:
        assert worker.partition.decisions.confirmed == 2, "of this one, as long as it lasts"
    recreate(world, 2, wiped, "events")
    async with world.life() as worker:
        assert worker.partition.decisions.confirmed == -1


async def test_an_epoch_that_was_raised_with_the_upgrade_is_told_by_the_disk(world):
    await decide(world, 0, 1, 2)
    forget_epochs(world)
    world.disk.tables["labels"].clear()
    world.logs.of[world.setup.topics.changelogs["labels"], memory.PARTITION].clear()
    recreate(world, 2, False, "events")
    async with world.life() as worker:
        assert worker.partition.decisions.confirmed == -1


async def test_where_nothing_tells_the_second_raise_leads_out(world):
    """The upgrade, the raise and a new disk at once: predictions may be of either epoch."""
    await decide(world, 0, 1, 2)
    forget_epochs(world)
    world.logs.of[world.setup.topics.changelogs["labels"], memory.PARTITION].clear()
    recreate(world, 2, True, "events")
    world.pay(payment(7))
    for _ in range(2):
        with pytest.raises(StateError, match=r"more of it was read before.* raise WEIR_EPOCH"):
            async with world.life():
                pass
    world.begin_epoch(3)
    async with world.life() as worker:
        await worker.score()
    assert predictions(world)[-1].id == "t7"


@DISK
@pytest.mark.parametrize("topic", ["events", "feedback", "predictions"])
async def test_a_topic_that_was_made_again_and_has_grown_is_recognized(
    world, wiped: bool, topic: str
):
    await decide(world, 0)
    recreate(world, 1, wiped, topic)
    world.pay(payment(1), payment(2))
    for _ in range(2):
        with pytest.raises(StateError, match=r"was deleted and made again.* raise WEIR_EPOCH"):
            async with world.life():
                pass
    world.begin_epoch(2)
    async with world.life() as worker:
        await worker.score()
    assert predictions(world)[-1].id == "t2"


async def test_examples_that_were_made_again_need_more_than_an_epoch(world):
    await decide(world, 0)
    recreate(world, 2, False, "examples")
    with pytest.raises(StateError, match="choose a new WEIR_APP_ID and WEIR_DATA_DIR"):
        async with world.life():
            pass


async def test_an_epoch_that_was_lowered_is_refused(world):
    world.begin_epoch(2)
    await decide(world, 0)
    world.begin_epoch(1)
    for mark in (r"is of epoch 2, but this worker's is 1: set", r"predictions of epoch 2.* set"):
        world.disk = Disk()
        with pytest.raises(StateError, match=f"{mark} WEIR_EPOCH=2"):
            async with world.life():
                pass
        world.logs.of[world.setup.topics.changelogs["labels"], memory.PARTITION].clear()


async def test_a_stop_while_a_label_is_taken_off_can_wait_for_it(world):
    """It cancels what opens the partition, and then waits for all that was written."""
    world.say(said(0, "fraud", key="bob"))
    async with world.life() as worker:
        await worker.learn()
        world.pay(payment(0))
        await worker.score()
        await worker.learn()
        await worker.commit()
    worker, changelog = memory.Worker(world), world.setup.topics.changelogs["labels"]
    worker.outbox.late = [changelog]
    opening = asyncio.ensure_future(worker.partition.open())
    await memory.turns()
    opening.cancel()
    await asyncio.wait([opening])
    (batch,) = worker.outbox.queues[changelog, memory.PARTITION]
    assert not batch.receipt.acked.cancelled()
    worker.partition.close()


async def test_nothing_is_written_before_the_first_step(world):
    async with world.life() as worker:
        assert world.changes("labels") == {}
        world.pay(payment(0))
        await worker.score()
    assert list(world.changes("labels")) == [KEY]
