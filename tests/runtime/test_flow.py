"""Lanes: what one step takes, and when it begins."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace as Thing
from typing import NoReturn

import pytest
from faust.types.tuples import TP

from app.runtime.flow import Flow
from app.runtime.guard import Exit
from app.runtime.lanes import ROOM, Lane, Source

T = TP("transactions", 0)
CHUNK = 5


class Owner:
    """Always ready."""

    def new_step(self, tp: TP, assignment: int) -> Thing:
        return Thing(tp=tp)

    async def ready(self, partition: int, assignment: int) -> None:
        pass


class Story:
    """A flow with one lane. Steps note their records; each waits for `go`, when that is shut."""

    def __init__(self, gap: float = 0.0) -> None:
        async def at_once() -> None:
            pass

        self.consumer = Thing(
            assignment=lambda: {T},
            _committed_offset={T: 0},
            _acked=defaultdict(list),
            _unacked_messages=Thing(discard=lambda message: None),
        )
        guard = Thing(
            session_timeout=6.0, check=lambda: None, lease=Thing(wait=at_once), leave=self.leave
        )
        self.flow = Flow(Thing(consumer=self.consumer), guard, CHUNK, 1.0, Owner())
        self.flow.open = True
        self.flow.add(Source(T.topic, self.run, gap))
        self.lane = self.flow.lanes[T] = Lane(self.flow.sources[T.topic])
        self.steps: list[list[int]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.end = 0

    def leave(self, code: Exit, why: str) -> NoReturn:
        raise AssertionError(f"{code.name}: {why}")

    async def run(self, step: Thing, records: list) -> bool:
        self.steps.append([record.offset for record in records])
        await self.go.wait()
        return True

    def take(self, count: int) -> None:
        """A chunk of so many records comes."""
        records = [Thing(offset=self.end + n) for n in range(count)]
        message = Thing(
            tp=T,
            assignment=0,
            base=self.end,
            offset=self.end + count - 1,
            records=records,
            size=0,
            lane=self.lane,
            acked=False,
        )
        self.end += count
        self.lane.pending += count
        self.flow.take(Thing(message=message))

    async def has_done(self, steps: int) -> None:
        async with asyncio.timeout(10):
            while len(self.steps) < steps or self.lane.task is not None:
                await asyncio.sleep(0)


async def test_what_comes_while_a_step_runs_goes_into_one_as_far_as_it_holds_that():
    story = Story()
    story.go.clear()
    story.take(1)
    await asyncio.sleep(0)
    for count in (2, 2, 2, CHUNK, 1):
        story.take(count)
    story.go.set()
    await story.has_done(5)
    assert [len(step) for step in story.steps] == [1, 4, 2, CHUNK, 1]
    assert [offset for step in story.steps for offset in step] == list(range(story.end))
    assert story.flow.positions == {T: story.end}
    assert story.lane.pending == 0


async def test_records_from_ahead_of_the_position_are_called_a_bug():
    story = Story()
    story.flow.positions[T] = 3
    story.end = 7
    left = []

    def leave(code: Exit, why: str) -> NoReturn:
        left.append((code, why))
        raise asyncio.CancelledError

    story.flow.guard.leave = leave
    story.take(1)
    async with asyncio.timeout(10):
        while not left:
            await asyncio.sleep(0)
    ((code, why),) = left
    assert code == Exit.ORDER
    assert why.startswith("a bug: a step over transactions[0] was to begin at offset 7")
    assert "3" in why
    assert story.steps == []


async def test_what_a_position_covers_already_is_left_out_of_a_step():
    story = Story()
    story.consumer._committed_offset[T] = 3
    story.go.clear()
    story.take(2)
    story.take(2)
    story.go.set()
    await story.has_done(1)
    assert story.steps == [[3]]
    assert story.flow.positions == {T: 4}


async def test_steps_keep_their_distance_unless_there_is_a_full_one_to_do():
    story = Story(gap=3600.0)
    story.take(1)
    await story.has_done(1)  # the first one comes at once
    story.take(1)
    task = story.lane.task
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), 0.05)
    assert story.steps == [[0]]
    task.cancel()


async def test_a_full_step_does_not_wait():
    story = Story(gap=3600.0)
    story.take(1)
    await story.has_done(1)
    story.take(CHUNK)
    await story.has_done(2)
    assert [len(step) for step in story.steps] == [1, CHUNK]


async def test_small_chunks_do_not_fill_a_lane():
    story = Story()
    story.go.clear()
    for _ in range(ROOM + 1):
        story.take(1)
    assert not story.flow.full(T)
    for _ in range(ROOM):
        story.take(CHUNK)
    assert story.flow.full(T)
    story.go.set()
    await story.has_done(2)
    assert not story.flow.full(T)


async def test_a_partition_is_held_until_the_next_assignment():
    story = Story()
    holding = story.flow.holding(T.partition)
    assert holding.mine()
    assert (holding.committed(T.topic), holding.position(T.topic)) == (0, 0)
    story.take(2)
    await story.has_done(1)
    assert (holding.committed(T.topic), holding.position(T.topic)) == (0, 2)
    story.flow.open = False
    assert not holding.mine(), "the gate is shut"
    story.flow.open, story.flow.assignment = True, 1
    assert not holding.mine(), "it has come back, and is another holding"
    assert story.flow.holding(T.partition).mine()
    assert not story.flow.holding(T.partition + 1).mine()


async def test_a_source_is_named_after_its_step():
    story = Story()
    assert story.flow.sources[T.topic].name == "run"
    assert [*story.flow.sources] == [T.topic]


# -- what retention took


class Cut(Story):
    """A log of which the beginning was deleted; records go into the lane and no further."""

    def __init__(self, read: int, begin: int) -> None:
        super().__init__()
        self.begin, self.seeks, self.expired = begin, list[int](), list[int]()
        self.consumer._read_offset = {T: read}
        self.consumer.flow_active, self.consumer.should_stop = True, False
        self.consumer.earliest_offsets, self.consumer.seek_wait = self.earliest, self.seek
        state = Thing(has_valid_position=True, position=max(read, begin))
        assigned = Thing(tps={T}, state_value=lambda tp: state)
        subscription = Thing(subscription=Thing(assignment=assigned))
        self.consumer._thread = Thing(_consumer=Thing(_subscription=subscription))
        self.asked = 0
        self.flow.owner.expired = lambda tp, count: self.expired.append(count)
        self.flow.delivery._enqueue = self.enqueue

    async def earliest(self, *tps: TP) -> dict[TP, int]:
        self.asked += 1
        return dict.fromkeys(tps, self.begin)

    async def seek(self, offsets: dict[TP, int]) -> None:
        self.seeks += offsets.values()

    def enqueue(self, consumer: Thing, tp: TP, records: list, base: int) -> None:
        consumer._read_offset[tp] = records[-1].offset + 1

    async def fetch(self, *offsets: int) -> None:
        fetched = {T: [Thing(offset=offset) for offset in offsets]}
        await self.flow.delivery.deliver(self.consumer, fetched, {T})


async def test_what_was_deleted_unread_is_told_once_it_was_fetched_again(caplog):
    story = Cut(read=50, begin=150)
    await story.fetch(150, 151)
    assert (story.seeks, story.expired) == ([50], [])
    await story.fetch(150, 151)
    assert (story.seeks, story.expired) == ([50], [100])
    assert "transactions[0]: offsets 50 to 149, 100 in all, were deleted" in caplog.text
    await story.fetch(152)
    assert story.expired == [100]


@pytest.mark.parametrize(
    ("begin", "first", "lost"),
    [
        pytest.param(0, 60, [], id="markers and aborted records"),
        pytest.param(55, 60, [5], id="deleted, then markers"),
        pytest.param(90, 60, [10], id="deleted meanwhile, and fetched before"),
    ],
)
async def test_only_what_the_log_no_longer_has_was_deleted(begin: int, first: int, lost: list[int]):
    story = Cut(read=50, begin=begin)
    for _ in range(2):
        await story.fetch(first)
    assert story.expired == lost


async def test_where_nothing_follows_what_was_deleted_the_position_moves_on():
    story = Cut(read=50, begin=150)
    for _ in range(2):
        await story.flow.expiry.pass_over()
    assert story.expired == [100]
    assert (story.flow.positions, story.consumer._read_offset) == ({T: 150}, {T: 150})


async def test_brokers_are_asked_once_where_only_markers_were_passed():
    story = Cut(read=50, begin=52)
    story.begin = 0
    for _ in range(3):
        await story.flow.expiry.pass_over()
    assert (story.asked, story.expired, story.flow.positions) == (1, [], {})


@pytest.mark.parametrize("open", [True, False])
async def test_before_anything_is_assigned_there_is_nothing_to_pass(open: bool):
    story = Cut(read=50, begin=150)
    story.flow.open = open
    story.consumer._thread._consumer._subscription.subscription = None
    if not open:
        story.consumer._thread._consumer = None
    await story.flow.expiry.pass_over()
    assert story.asked == 0


@pytest.mark.parametrize(
    ("read", "pending"), [(None, 0), (150, 0), (50, 3)], ids=["begins", "level", "has some to do"]
)
async def test_nothing_is_passed_where_nothing_was_lost(read: int | None, pending: int):
    story = Cut(read=50, begin=150)
    story.consumer._read_offset[T], story.lane.pending = read, pending
    await story.flow.expiry.pass_over()
    assert (story.asked, story.expired, story.flow.positions) == (0, [], {})
