"""A partition from its assignment to its first step: what it reads back, and whom that frees."""

import asyncio
import copy
from collections.abc import Callable, Iterator

import pytest

from app.core.messages import Origin
from app.errors import StateError
from app.runtime.writer import Out
from app.serving import decisions
from app.serving.answers import SOURCE_HEADER
from app.serving.waiting import PREFIX, Waiting
from app.streams.fraud.messages import read_example, read_feedback
from app.wire import encode
from tests.core import samples, sayings
from tests.serving import memory
from tests.serving.memory import Aborted, Disk, World, payment, said


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world() as world:
        yield world


def learned(world: World) -> list[str]:
    return [read_example(raw).id for raw in world.values("examples")]


def waiting(entries: dict[bytes, bytes]) -> list[str]:
    return [Waiting.read(key).id for key in entries if key.startswith(PREFIX)]


async def test_a_decision_that_is_read_back_frees_the_labels_that_wait_for_it(world):
    world.say(said(0, "fraud"))
    async with world.life() as worker:
        await worker.learn()
        await worker.commit()
    world.pay(payment(0))
    with pytest.raises(Aborted):
        async with world.life(end="land feedback") as worker:
            await worker.score()
    assert len(world.log("feedback")) == 1, "it was decided, and nobody knows"
    async with world.life() as worker:
        (again,) = world.log("feedback")[1:]
        assert read_feedback(again.value).id == "t0"
        await worker.learn()
    assert learned(world) == ["t0"]


async def test_a_label_that_waits_on_one_disk_alone_is_taken_off_when_it_is_opened_again(world):
    world.say(said(0, "fraud"))
    with pytest.raises(Aborted):
        async with world.life(end="land weir-labels-changelog") as worker:
            await worker.learn()
    mine, world.disk = world.disk, Disk()
    world.pay(payment(0))
    async with world.life() as other:
        await other.score()
        await other.learn()
        await other.commit()
    assert learned(world) == ["t0"], "the other one did not let it wait"
    world.disk = mine
    assert waiting(mine.tables["labels"]) == ["t0"]
    async with world.life():
        assert mine.tables["labels"] == world.changes("labels")
        assert waiting(mine.tables["labels"]) == []


async def test_a_disk_of_an_earlier_time_gets_what_it_has_missed(world):
    world.pay(payment(0))
    async with world.life() as worker:
        await worker.score()
        earlier = copy.deepcopy(world.disk)
        world.pay(payment(1))
        world.say(said(0, "fraud"))
        await worker.score()
        await worker.learn()
        later = world.disk
    world.disk = earlier
    async with world.life() as worker:
        assert (earlier.tables, earlier.through) == (later.tables, later.through)
        assert [worker.partition.decisions.decision(f"t{n}") for n in range(2)] == (
            world.values("predictions")[:2]
        )


async def test_a_label_that_comes_while_a_new_disk_catches_up_is_learned_once(
    world, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(decisions, "TAIL", 4)
    monkeypatch.setattr(decisions, "FOLLOW_ON", 10)
    world.pay(*(payment(n) for n in range(60)))
    async with world.life() as worker:
        await worker.score()
        await worker.commit()
    world.disk = Disk()
    world.say(said(0, "fraud"), said(59, "fraud"))
    async with world.life() as worker:
        await worker.learn()
        assert learned(world) == ["t59"], "the last decisions are known at once"
        while not worker.partition.decisions.whole:
            await asyncio.sleep(0)
        (again,) = world.log("feedback")[2:]
        assert read_feedback(again.value).id == "t0"
        world.send("feedback", "ann", again.value)
        await worker.learn()
    assert learned(world) == ["t59", "t0"]


async def test_what_others_write_between_its_predictions_is_read_before_they_count(world):
    async with world.life() as worker:
        world.send("predictions", "ann", b"nonsense")
        world.pay(payment(0))
        await worker.score()
        assert worker.partition.decisions.decision("t0") is None
        await memory.turns()
        assert worker.partition.decisions.decision("t0") == world.values("predictions")[1]


async def test_a_label_waits_while_what_others_wrote_is_read(world):
    async with world.life() as worker:
        world.send("predictions", "ann", b"nonsense")
        world.pay(payment(0))
        await worker.score()
        world.say(said(0, "fraud"))
        await worker.learn()
        assert learned(world) == []
        await memory.turns()
        await worker.learn()
    assert learned(world) == ["t0"]


async def test_what_is_closed_catches_up_no_more(world):
    async with world.life() as worker:
        world.send("predictions", "ann", b"nonsense")
        world.pay(payment(0))
        await worker.score()
        (filling,) = worker.partition.decisions.tasks
    await asyncio.wait([filling])
    assert filling.cancelled()


def have_read(world: World) -> None:
    """More of the predictions was read than there is."""
    world.disk.mark = 7, 6


def decide(world: World) -> None:
    """An event was decided that the log does not hold."""
    decided = encode(sayings.decision("t0", "ann"))
    world.send("predictions", "ann", decided, headers=((SOURCE_HEADER, b"7"),))


def commit(world: World) -> None:
    """More labels were committed than there are."""
    world.committed = {world.setup.topics.feedback: 7}


def learn(world: World, epoch: int = 1) -> None:
    """A label was learned that the log does not hold."""
    example = samples.example(0, Origin(epoch, 0, 7))
    world.logs.append(world.setup.topics.examples, 0, Out(None, encode(example)))
    world.learning.fold()


def learn_later(world: World) -> None:
    """A label was learned in an epoch to come."""
    learn(world, epoch=2)


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        (have_read, r"predictions\[0\] ends at 0, .* raise WEIR_EPOCH"),
        (decide, r"transactions\[0\] ends at 0, .* raise WEIR_EPOCH"),
        (commit, r"feedback\[0\] ends at 0, .* raise WEIR_EPOCH"),
        (learn, r"feedback\[0\] ends at 0, .* raise WEIR_EPOCH"),
        (learn_later, "of epoch 2, but this worker's is 1"),
    ],
)
async def test_logs_that_end_below_what_was_read_are_refused(
    world, before: Callable[[World], None], sentence: str
):
    before(world)
    with pytest.raises(StateError, match=sentence):
        async with world.life():
            pass


# -- known faults


async def test_what_is_taken_off_at_a_start_leaves_disk_and_changelog_alike(world):
    world.say(said(0, "fraud", key="bob"))
    async with world.life() as worker:
        await worker.learn()
        world.pay(payment(0))
        await worker.score()
        await worker.learn()
        await worker.commit()
    assert waiting(world.disk.tables["labels"]) == ["t0"], "it was refused, and is left over"
    with pytest.raises(Aborted):
        async with world.life(end="land weir-labels-changelog"):
            pass
    async with world.life():
        assert world.disk.tables["labels"] == world.changes("labels")


async def test_a_label_whose_index_landed_before_its_entry_does_not_wait_for_what_has_come(world):
    """Where the changes of a step are more than a batch of the changelog holds."""
    world.batch = 1
    world.say(said(0, "fraud"))
    async with world.life(late=["weir-labels-changelog"]) as worker:
        step = asyncio.ensure_future(worker.learn())
        await memory.turns()
        worker.outbox.land("weir-labels-changelog")
        step.cancel()
    mine, world.disk = world.disk, Disk()
    world.pay(payment(0))
    async with world.life() as other:
        await other.score()
        await other.commit()
    world.disk = mine
    async with world.life() as worker:
        while worker.unread(worker.topics.feedback):
            await worker.learn()
    assert learned(world) == ["t0"]
