"""From fetches into steps: whatever a log holds, each record once and in order, up to its end."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace as Thing
from typing import NoReturn

import pytest
from faust.types.tuples import TP
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.fetching.batches import UnreadableBatch
from app.runtime.flow import Flow
from app.runtime.guard import Exit
from app.runtime.lanes import Source

T = TP("transactions", 0)
RECORD, ABORTED = "record", "aborted"


@dataclass
class Log:
    """What a partition holds: records, aborted ones, and batches of so many that are unreadable.

    `cures` says of how many of these a second fetch brings the records.
    """

    kinds: list[str | int]
    cures: int = 0
    entries: list = field(default_factory=list)

    def __post_init__(self) -> None:
        end = 0
        for kind in self.kinds:
            count = kind if isinstance(kind, int) else 1
            self.entries.append((kind, end, end + count))
            end += count
        self.end = end
        self.seen: set[int] = set()

    def fetch(self, begin: int, most: int) -> tuple[list, int, int]:
        """So many entries from an offset on, where the empty tail of them begins, and its end."""
        found, tail, end = [], begin, begin
        for kind, first, behind in [one for one in self.entries if one[2] > begin][:most]:
            end = behind
            if kind == ABORTED:
                continue
            cured = first in self.seen and len(self.seen) <= self.cures
            if isinstance(kind, int) and not cured:
                self.seen.add(first)
                place = *T, behind - 1, -1, 0, None, b"raw", None, -1, 3, ()
                found.append(UnreadableBatch(*place, first, "spoilt"))
            else:
                offsets = range(max(first, begin), behind)
                found += [Thing(offset=n, serialized_value_size=1, headers=()) for n in offsets]
            tail = behind
        return found, tail, end


class Story:
    """A flow that reads a log, in fetches and steps as a test says."""

    def __init__(self, log: Log, committed: int | None = 0, chunk: int = 3) -> None:
        async def at_once(*_: object) -> None:
            pass

        self.log, self.position, self.begin = log, committed or 0, 0
        self.done = [*range(committed or 0)]
        self.go = asyncio.Event()
        self.go.set()
        self.consumer = Thing(
            assignment=lambda: {T},
            flow_active=True,
            should_stop=False,
            seek_wait=self.seek,
            earliest_offsets=self.earliest,
            _to_message=lambda tp, one: Thing(
                tp=tp, offset=one.offset, assignment=0, incref=lambda n: None
            ),
            _committed_offset=defaultdict(lambda: committed),
            _read_offset=defaultdict(lambda: committed or None),
            _acked=defaultdict(list),
            _unacked_messages=Thing(discard=lambda message: None),
        )
        guard = Thing(
            session_timeout=6.0, check=lambda: None, lease=Thing(wait=at_once), leave=self.leave
        )
        owner = Thing(new_step=lambda tp, assignment: None, ready=at_once)
        queue = Thing(force_put_nowait=lambda event: self.flow.take(event))
        app = Thing(consumer=self.consumer, topics=Thing(_tp_index={T: [Thing(queue=queue)]}))
        self.flow = Flow(app, guard, chunk, 1.0, owner)
        self.flow.open = True
        self.flow.add(Source(T.topic, self.step))

    def leave(self, code: Exit, why: str) -> NoReturn:
        raise AssertionError(f"{code.name}: {why}")

    async def seek(self, where: dict[TP, int]) -> None:
        self.position = where[T]
        self.consumer._read_offset[T] = where[T] or None  # as Faust has it

    async def earliest(self, tp: TP) -> dict[TP, int]:
        return {tp: self.begin}

    async def step(self, step: object, records: Sequence) -> bool:
        await self.go.wait()
        for one in records:
            first = one.first if isinstance(one, UnreadableBatch) else one.offset
            self.done += range(max(first, len(self.done)), one.offset + 1)
        return True

    async def fetch(self, most: int) -> None:
        """One turn of the consumer: fetch, deliver, pass what is empty."""
        found, tail, end = self.log.fetch(self.position, most)
        self.position = end
        if tail < end:
            self.flow.delivery.empty.note(T, tail, end)
        await self.flow.delivery.deliver(self.consumer, {T: found} if found else {}, {T})
        await self.flow.delivery.pass_empty(self.consumer)
        self.sound()

    def sound(self) -> None:
        """The position covers what steps have done and what is empty, and nothing else."""
        position = self.flow.position(T)
        covered = {n for kind, a, b in self.log.entries if kind == ABORTED for n in range(a, b)}
        assert set(range(position)) <= covered | set(self.done), position

    async def rest(self) -> None:
        """Until nothing is under way."""
        while any(lane.task for lane in self.flow.lanes.values()):
            await asyncio.sleep(0)

    def records(self) -> list[int]:
        return [n for kind, a, b in self.log.entries if kind != ABORTED for n in range(a, b)]


KINDS = st.lists(st.one_of(st.just(RECORD), st.just(ABORTED), st.integers(1, 3)), max_size=14)


@given(KINDS, st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=8), st.integers(0, 3))
def test_every_record_is_worked_on_once_in_order_and_the_end_is_reached(kinds, turns, cures):
    async def play() -> None:
        story = Story(Log(kinds, cures))
        for most, stepping in turns:
            story.go.set() if stepping else story.go.clear()
            await story.fetch(most)
            if stepping:
                await story.rest()
            story.sound()
        story.go.set()
        for _ in range(4 * len(kinds) + 4):
            await story.rest()
            await story.fetch(5)
        await story.rest()
        await story.fetch(5)
        assert [n for n in story.done if n in set(story.records())] == story.records()
        assert story.flow.position(T) == story.log.end

    asyncio.run(play())


async def test_a_batch_that_cannot_be_read_is_fetched_once_more_and_then_taken(caplog):
    story = Story(Log([RECORD, 3, RECORD]))
    await story.fetch(9)
    await story.rest()
    assert (story.done, story.position) == ([0], 1), "it stands in front of the batch again"
    await story.fetch(9)
    await story.rest()
    assert story.done == [0, 1, 2, 3, 4]
    assert "offsets 1 to 3 cannot be read and become a dead letter: spoilt" in caplog.text


async def test_what_the_second_fetch_can_read_is_no_dead_letter(caplog):
    story = Story(Log([RECORD, 3, RECORD], cures=1))
    for _ in range(2):
        await story.fetch(9)
        await story.rest()
    assert story.done == [0, 1, 2, 3, 4]
    assert "dead letter" not in caplog.text


@pytest.mark.parametrize("committed", [None, 0, 2])
async def test_what_is_empty_is_passed_only_once_the_lane_is(committed):
    log = Log([ABORTED, ABORTED] if committed is None else [RECORD, RECORD, ABORTED, ABORTED])
    story = Story(log, committed)
    story.go.clear()
    await story.fetch(2)
    await story.fetch(2)
    if committed == 0:
        assert story.flow.position(T) == 0
    story.go.set()
    await story.rest()
    await story.fetch(2)
    assert story.flow.position(T) == log.end
    assert T in story.consumer._acked, "so Faust commits it"


async def test_a_new_group_reaches_the_end_of_a_log_that_begins_later_and_is_empty():
    story = Story(Log([ABORTED] * 4), committed=None)
    story.position = story.begin = 2
    await story.fetch(9)
    assert story.flow.position(T) == 4


async def test_a_new_group_does_not_pass_records_in_front_of_what_is_empty():
    story = Story(Log([RECORD, ABORTED]), committed=None)
    story.flow.delivery.empty.note(T, 1, 2)
    await story.flow.delivery.pass_empty(story.consumer)
    assert story.flow.position(T) == 0


async def test_a_position_is_not_moved_while_the_partition_is_somebody_elses():
    story = Story(Log([ABORTED]))
    story.flow.open = False
    await story.fetch(1)
    assert story.flow.position(T) == 0


async def test_a_lane_is_full_when_its_records_are_large():
    story = Story(Log([RECORD]))
    story.go.clear()
    await story.fetch(1)
    assert not story.flow.full(T)
    story.flow.lanes[T].size += 32 << 20
    assert story.flow.full(T)
