"""The watchdog: who lives and does not get on leaves, and nobody else."""

import asyncio
import os
import traceback
from types import SimpleNamespace as Thing

import pytest
from faust.types.tuples import TP

from app.runtime.guard import Exit, leave
from app.runtime.watchdog import PATIENCE, REBALANCE, Watchdog

SESSION = 10.0
LONG = PATIENCE * SESSION + 1
T = TP("transactions", 0)


class Story:
    """A worker of plain values, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.completed = asyncio.Event()
        self.completed.set()
        self.consumer = Thing(_committed_offset={T: 0})
        self.recovery = Thing(completed=self.completed, active_offsets={})
        self.flow = Thing(
            open=True,
            assignment=1,
            sources=dict.fromkeys(("transactions", "feedback")),
            positions={T: 0},
            lanes={T: Thing(pending=0)},
        )
        assigned = Thing(assignment=None)
        subscribed = Thing(_subscription=Thing(subscription=assigned))
        thread = Thing(_consumer=subscribed, thread_loop=Thing())
        self.consumer._thread = thread
        self.moved, self.unfinished = 0, ""
        self.worker = Thing(
            guard=Thing(session_timeout=SESSION, lease=Thing(valid=True), leave=leave),
            flow=self.flow,
            app=Thing(tables=Thing(recovery=self.recovery), consumer=self.consumer, loop=Thing()),
            assigned=lambda: [0],
            progress=lambda: self.moved,
            unfinished=lambda: self.unfinished,
        )
        self.dog = Watchdog(self.worker, clock=lambda: self.now)

    def look(self, seconds: float) -> None:
        self.dog.look()
        self.now += seconds
        self.dog.look()


def never_assigned(story: Story) -> None:
    story.flow.open = False
    story.look(REBALANCE + 3 * SESSION + 1)


def a_slow_rebalance(story: Story) -> None:
    story.flow.open = False
    story.look(REBALANCE)


def nothing_to_do(story: Story) -> None:
    story.look(LONG)


def nothing_held(story: Story) -> None:
    story.worker.assigned = lambda: []
    story.flow.lanes.clear()
    story.look(LONG)


def a_step_that_hangs(story: Story) -> None:
    story.flow.lanes[T].pending = 1
    story.look(LONG)


def steps_that_end(story: Story) -> None:
    story.flow.lanes[T].pending = 1
    story.look(LONG / 2)
    story.flow.positions[T] = story.consumer._committed_offset[T] = 5
    story.look(LONG / 2)


def a_recovery_that_hangs(story: Story) -> None:
    story.completed.clear()
    story.look(LONG)


def a_long_recovery(story: Story) -> None:
    story.completed.clear()
    for offset in range(5):
        story.recovery.active_offsets[T] = offset
        story.look(LONG / 2)


def examples_that_nobody_learns(story: Story) -> None:
    story.unfinished = "7 examples are not learned"
    story.look(LONG)


def examples_that_are_learned(story: Story) -> None:
    story.unfinished = "7 examples are not learned"
    for version in range(5):
        story.moved = version
        story.look(LONG / 2)


def no_commit(story: Story) -> None:
    for position in range(1, 5):
        story.flow.positions[T] = position
        story.look(LONG / 2)


def a_broker_that_was_away(story: Story) -> None:
    story.flow.lanes[T].pending = 1
    story.look(LONG / 2)
    story.dog.begin_anew()
    story.look(LONG / 2)


def reading(story: Story, **state: object) -> None:
    """Let the consumer have read up to its position."""
    read = Thing(has_valid_position=True, **state)
    assigned = Thing(tps={T}, state_value=lambda tp: read)
    story.consumer._thread._consumer._subscription.subscription.assignment = assigned


def records_that_nobody_reads(story: Story) -> None:
    reading(story, position=5, highwater=9, lso=9)
    story.look(LONG)


def an_open_transaction_upstream(story: Story) -> None:
    reading(story, position=5, highwater=9, lso=5)
    story.look(LONG)


def play(tell) -> int:
    """The exit code of a process that looks on."""
    if not (child := os.fork()):
        try:
            tell(Story())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize(
    ("tell", "code"),
    [
        (never_assigned, Exit.UNASSIGNED),
        (a_slow_rebalance, 0),
        (nothing_to_do, 0),
        (nothing_held, 0),
        (a_step_that_hangs, Exit.STUCK),
        (steps_that_end, 0),
        (a_recovery_that_hangs, Exit.STUCK),
        (a_long_recovery, 0),
        (examples_that_nobody_learns, Exit.STUCK),
        (examples_that_are_learned, 0),
        (no_commit, Exit.STUCK),
        (a_broker_that_was_away, 0),
        (records_that_nobody_reads, Exit.STUCK),
        (an_open_transaction_upstream, 0),
    ],
)
def test_the_watchdog(tell, code: int):
    assert play(tell) == code
