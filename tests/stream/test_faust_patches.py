"""The mends: only for the versions they were made for, and on Faust's own classes."""

import subprocess
import sys

import pytest

from app.errors import StateError
from app.stream.faust_patches import VERSIONS, check_versions


def test_the_installed_versions_are_those_of_the_mends():
    check_versions()


@pytest.mark.parametrize("name", VERSIONS)
def test_another_version_is_refused(monkeypatch, name):
    monkeypatch.setitem(VERSIONS, name, "0.0.1")
    with pytest.raises(StateError, match=rf"{name} \S+ is installed; .* need 0\.0\.1"):
        check_versions()


@pytest.fixture
def scene():
    """Run a program against Faust's own classes, mended, in a process of its own."""

    def run(program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCENE + program],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


SCENE = """
import asyncio, sys, tempfile
from pathlib import Path
from faust.types.tuples import TP
from app.settings import Settings
from app.stream.application import create_app

T, F, C = (TP(topic, 0) for topic in ("transactions", "feedback", "weir-customers-changelog"))

def made():
    app = create_app(Settings(data_dir=Path(tempfile.mkdtemp()) / "data"))
    app.finalize()
    return app, app.weir.flow, app.consumer

"""

REVOKED = """
async def main():
    app, flow, consumer = made()
    said = []

    async def force_commit(topics=None, start_new_transaction=True):
        said.append(("commit", dict(flow.positions), consumer._committed_offset[T]))
        consumer._committed_offset.update(flow.positions)
        return True

    async def flush():
        said.append("flush")

    async def handler(tps):
        said.append("faust's own handler")

    consumer.force_commit, consumer._on_partitions_revoked = force_commit, handler
    flow.owner.flush = flush
    flow.open, flow.positions[T], consumer._committed_offset[T] = True, 7, 5
    consumer._acked[T]
    flow.sources["transactions"].outstanding = 1
    revoking = asyncio.ensure_future(consumer.on_partitions_revoked({T}))
    await asyncio.sleep(0)
    assert not flow.open and not said, "the gate is shut; it waits for the step"
    flow.sources["transactions"].outstanding = 0
    await revoking
    assert said == [("commit", {T: 7}, 5), "flush", "faust's own handler"], said
    assert (flow.epoch, flow.positions, flow.lanes) == (1, {}, {})

asyncio.run(main())
print("done")
"""

POSITIONS = """
async def main():
    app, flow, consumer = made()
    for tp in (T, C):
        consumer._committed_offset[tp] = None
        consumer._acked[tp].extend([0, 1, 2])
        consumer._acked_index[tp].update([0, 1, 2])
    assert consumer._new_offset(T) is None, "what streams acknowledge does not count"
    flow.positions[T] = 2
    assert consumer._new_offset(T) == 2
    assert consumer._acked[T] == []
    assert consumer._new_offset(C) == 3, "Faust's own rule for the others"

asyncio.run(main())
print("done")
"""

RECOVERED = """
async def main():
    app, flow, consumer = made()
    recovery = app.tables.recovery
    app._consumer, said = consumer, []

    class Fetcher:
        async def maybe_start(self):
            said.append("fetch")

    class Thread:
        # Takes calls for the consumer that would be connected.

        def _ensure_consumer(self):
            return self

        def pause(self, *tps):
            assert {TP(*tp) for tp in tps} == {C}, "sources stay awake"

        async def call_thread(self, call, *arguments):
            call(*arguments)

    async def perform_seek():
        said.append("seek")

    consumer._thread = Thread()
    consumer.assignment = lambda: {T, F, C}
    consumer.perform_seek = perform_seek
    consumer.resume_flow = lambda: None
    type(consumer).resume_partitions = lambda self, tps: said.append(("resume", tps))
    consumer._is_changelog_tp = recovery._is_changelog_tp = lambda tp: tp == C
    app._fetcher = Fetcher()
    app.tables._changelogs.clear()
    app.tables.clear()
    app.tables.on_actives_ready = app.tables.on_standbys_ready = lambda: None
    app.on_rebalance_end = lambda: None
    flow.owner.recovered = lambda: said.append("recovered")
    app.consumer_generation_id = 3
    await recovery.on_recovery_completed(3)
    assert said == ["seek", "fetch", ("resume", {T, F}), "recovered"], said
    said.clear()
    app.consumer_generation_id = 4
    await recovery.on_recovery_completed(3)
    assert said == [], "another rebalance has begun"
    assert "resume_partitions" not in vars(consumer)

asyncio.run(main())
print("done")
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(REVOKED, id="a revoke waits for steps, commits, flushes, then goes on"),
        pytest.param(POSITIONS, id="only finished steps move a source's commit"),
        pytest.param(RECOVERED, id="sources are sought before they are resumed"),
    ],
)
def test_the_mends_hold_on_fausts_own_classes(scene, program):
    assert scene(program) == "done\n"
