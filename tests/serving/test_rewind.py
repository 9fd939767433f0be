"""Positions that a group has kept from before its topics were made again."""

from collections.abc import Iterator
from types import SimpleNamespace as Thing

import pytest
from faust.types.tuples import TP

from app.runtime.topics.shapes import LABELS
from app.serving.generation import KEY, Mark, encode_mark
from app.serving.rewind import rewind
from tests.serving import memory
from tests.serving.memory import PARTITION, Places, World, payment
from tests.serving.memory.disk import Table

EVENTS, FEEDBACK = TP("transactions", PARTITION), TP("feedback", PARTITION)
NOW = {"transactions": "new", "feedback": "old"}


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world(epoch=2) as world:
        world.pay(*(payment(n) for n in range(5)))
        yield world


class Group:
    """A consumer, and what its group has committed."""

    def __init__(self, committed: dict[TP, int | None], accepts: bool = True) -> None:
        self.committed, self.accepts = committed, accepts
        self.consumer = Thing(assignment=lambda: {EVENTS, FEEDBACK}, _thread=self)

    async def call_thread(self, call, thread, tps) -> dict[TP, int | None]:
        return {tp: self.committed[tp] for tp in tps}

    async def commit(self, positions: dict[TP, int]) -> bool:
        self.committed.update(positions if self.accepts else {})
        return self.accepts


async def rewound(world: World, mark: Mark | None, group: Group) -> dict[TP, int]:
    if mark is not None:
        world.disk.tables[LABELS][KEY] = encode_mark(mark)
    table = Table(LABELS, world.setup.topics.changelogs[LABELS], world.disk, Places())
    return await rewind(world.setup, table, NOW, group.consumer)


BEFORE = Mark(1, 1, {"transactions": "old", "feedback": "old"})


@pytest.mark.parametrize(
    ("mark", "committed", "begins"),
    [
        pytest.param(BEFORE, 3, 0, id="inside the new log"),
        pytest.param(BEFORE, 50, 0, id="beyond its end"),
        pytest.param(BEFORE, None, None, id="dropped with the topic"),
        pytest.param(Mark(1, 1, NOW), 3, 3, id="the same topic"),
        pytest.param(Mark(1, 1, {}), 3, 3, id="nobody knows"),
        pytest.param(Mark(1, 1, NOW), 50, 0, id="cut off at its end"),
        pytest.param(Mark(2, 1, NOW), 50, 50, id="the epoch was not raised"),
        pytest.param(None, 50, 50, id="nothing is kept"),
    ],
)
async def test_only_what_is_of_an_earlier_epoch_is_set_back(
    world: World, mark: Mark | None, committed: int | None, begins: int | None
):
    group = Group({EVENTS: committed, FEEDBACK: 0})
    assert await rewound(world, mark, group) == {}
    assert group.committed == {EVENTS: begins, FEEDBACK: 0}


async def test_what_the_group_does_not_accept_is_returned(world: World):
    group = Group({EVENTS: 3, FEEDBACK: 0}, accepts=False)
    assert await rewound(world, BEFORE, group) == {EVENTS: 0}
