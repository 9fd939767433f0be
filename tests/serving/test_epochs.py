"""A new epoch: topics were deleted and made again, and what was decided before is still known."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.errors import StateError
from app.serving.decisions import EPOCH_HEADER
from app.streams.fraud.messages import Prediction, read_example, read_prediction
from tests.serving import memory
from tests.serving.memory import Disk, World, payment, said

DISK = pytest.mark.parametrize("wiped", [False, True], ids=["disk kept", "disk wiped"])


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world() as world:
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


async def test_predictions_that_name_no_epoch_are_of_the_one_before_it_was_raised(world):
    await decide(world, 0, 1, 2)
    forget_epochs(world)
    async with world.life() as worker:
        assert worker.partition.decisions.confirmed == 2, "of this one, as long as it lasts"
    recreate(world, 2, False, "events")
    async with world.life() as worker:
        assert worker.partition.decisions.confirmed == -1


async def test_an_epoch_that_was_lowered_is_refused(world):
    world.begin_epoch(2)
    await decide(world, 0)
    world.begin_epoch(1)
    world.disk = Disk()
    with pytest.raises(StateError, match=r"predictions of epoch 2.* set WEIR_EPOCH=2"):
        async with world.life():
            pass
