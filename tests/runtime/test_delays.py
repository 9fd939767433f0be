"""What takes too long is told when it begins and when it ends."""

from types import SimpleNamespace as Thing

import pytest

from app.runtime.delays import Delays
from app.runtime.lease import Lease

SESSION = 10.0


class World:
    """A lease, writes and a disk, with a clock to turn."""

    def __init__(self, session: float = SESSION) -> None:
        self.now, self.write, self.disk = 0.0, 0.0, 0.0
        self.begun: list[str] = []
        self.lease = Lease(session, lambda: self.now)
        world = self

        class Disk:
            @property
            def seconds(self) -> float:
                return world.disk

        writes = Thing(oldest=lambda: self.write)
        self.delays = Delays(self.lease, writes, Disk(), session, self.begun.append)


@pytest.mark.parametrize(
    ("write", "disk", "silent", "words"),
    [
        (0.0, 0.0, 0.0, None),
        (3.9, 3.9, 5.9, None),
        (0.0, 0.0, 7.0, "has not acknowledged a heartbeat for 7 s, so this worker holds"),
        (6.0, 0.0, 0.0, "the broker has not acknowledged a write for 6 s"),
        (0.0, 61.0, 0.0, "a write to the disk of WEIR_DATA_DIR has taken 61 s"),
        (8.0, 8.0, 8.0, "a heartbeat for 8 s"),
    ],
)
def test_the_sentence_names_what_takes_too_long(
    write: float, disk: float, silent: float, words: str | None
) -> None:
    world = World()
    world.lease.renew(0.0)
    world.now, world.write, world.disk = silent, write, disk
    why = world.delays.why()
    assert why is None if words is None else words in (why or "")


def test_it_is_told_before_a_stall_would_end_the_process() -> None:
    for session, slow in ((6.0, 2.4), (10.0, 4.0), (45.0, 5.0)):
        world = World(session)
        world.disk = slow + 0.1
        assert world.delays.why() is not None
        assert slow < 0.6 * session
        world.disk = slow - 0.1
        assert world.delays.why() is None


def test_beginning_and_end_are_one_line_each(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.lease.renew(0.0)
    for world.now in (1.0, 6.5, 7.0, 12.0):
        world.delays.look()
    assert [record.message for record in caplog.records] == [
        "Delayed: the group has not acknowledged a heartbeat for 6 s, so this worker holds"
    ]
    assert world.begun == ["heartbeat"]
    caplog.clear()
    world.lease.renew(12.0)
    for _ in range(3):
        world.delays.look()
    assert [record.message for record in caplog.records] == [
        "Heartbeats are acknowledged again, after 12.0 s"
    ]
    world.now = 30.0
    world.delays.look()
    assert world.begun == ["heartbeat", "heartbeat"]


def test_a_worker_that_never_joined_does_not_hold() -> None:
    world = World()
    world.now = 1000.0
    assert world.delays.why() is None
