"""What others write into Weir's own topics ends no worker, and moves nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.entries import Skipped, Unknown
from app.core.fold import FAR
from app.core.messages import Skip, Source
from app.errors import StateError
from app.runtime.foreign import QUIET, PassedOver
from app.runtime.writer import Out
from app.serving.answers import EPOCH_HEADER, REACH_HEADER, SOURCE_HEADER
from app.serving.learn import Learn
from app.serving.learning.skips import Skips
from app.streams.fraud.messages import read_example
from app.wire import encode
from tests.core import sayings
from tests.serving import memory
from tests.serving.memory import THEIRS, Disk, World, payment, said


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world() as world:
        yield world


def decision(id: str = "zz", key: str = "ann", **fields: Any) -> bytes:
    return encode(msgspec.structs.replace(sayings.decision(id, key), **fields))


def headed(source: bytes | None = b"1", **more: bytes) -> tuple[tuple[str, bytes | None], ...]:
    others = {"reach": REACH_HEADER, "epoch": EPOCH_HEADER}
    return (SOURCE_HEADER, source), *((others[name], value) for name, value in more.items())


OURS = decision(source=Source(0, 1))
STRANGERS = {  # value and headers
    "only an id": (b'{"id":"zz"}', headed(b"abc")),
    "only an id, and an offset": (b'{"id":"zz"}', headed()),
    "no header": (OURS, ()),
    "a header that is empty": (OURS, headed(b"")),
    "a header that is null": (OURS, headed(None)),
    "a negative offset": (OURS, headed(b"-1")),
    "an offset beyond 64 bits": (OURS, headed(b"9" * 30)),
    "an offset beyond the log": (OURS, headed(b"999999")),
    "an offset far beyond the log": (decision(source=Source(0, 10**12)), headed(b"1000000000000")),
    "a reach that is none": (OURS, headed(reach=b"x")),
    "a reach beyond the log": (OURS, headed(reach=b"999999")),
    "an epoch that is none": (OURS, headed(epoch=b"one")),
    "no value": (None, headed()),
    "not JSON": (b"\xff\xfe", headed()),
    "bytes that are no text in a field of its own": (OURS[:-1] + b',"x":"\xff"}', headed()),
    "a list": (b"[]", headed()),
    "a decision that there is none of": (decision(decision="perhaps"), headed()),
    "a score above 1": (decision(score=7.0), headed()),
    "a key of another partition": (decision(key=THEIRS), headed()),
    "an id that names Weir's mark": (decision("\0reached"), headed()),
    "no id": (decision(""), headed()),
    "a version below 0": (
        decision(model=msgspec.structs.replace(sayings.decision().model, version=-4)),
        headed(),
    ),
}


@pytest.mark.parametrize("wiped", [False, True], ids=["disk kept", "disk wiped"])
@pytest.mark.parametrize("name", STRANGERS)
async def test_a_record_that_is_no_decision_is_passed_over(world, name: str, wiped: bool):
    world.pay(*(payment(n) for n in range(3)))
    async with world.life() as worker:
        await worker.score()
        await worker.commit()
    value, headers = STRANGERS[name]
    world.send("predictions", "ann", value, headers=headers)
    if wiped:
        world.disk = Disk()
    async with world.life() as worker:
        decisions = worker.partition.decisions
        assert (decisions.confirmed, decisions.highest) == (2, 2)
        assert decisions.get("zz") is None
        world.pay(payment(3))
        await worker.score()
        await memory.turns()
        assert decisions.decision("t3") is not None
        world.say(said(3, "fraud"), said(0, "legit", id="zz"))
        await worker.learn()
    assert [read_example(raw).id for raw in world.values("examples")] == ["t3"]


async def test_while_a_worker_runs_they_are_passed_over_as_well(world):
    async with world.life() as worker:
        for value, headers in STRANGERS.values():
            world.send("predictions", "ann", value, headers=headers)
        world.pay(payment(0), payment(1))
        await worker.score()
        await memory.turns()
        decisions = worker.partition.decisions
        assert decisions.decision("t1") is not None
        assert (decisions.confirmed, decisions.highest) == (1, 1)


async def test_a_recreated_log_of_events_is_noticed_however_far_its_decisions_are(world):
    for offset in (5 * FAR, 5 * FAR + 1):
        value = decision(f"t{offset}", source=Source(0, offset))
        world.send("predictions", "ann", value, headers=headed(str(offset).encode()))
    with pytest.raises(StateError, match="raise WEIR_EPOCH"):
        async with world.life():
            pass


# -- examples


async def taught(world: World, count: int = 4) -> None:
    world.pay(*(payment(n) for n in range(count)))
    world.say(*(said(n, "fraud" if n % 2 else "legit") for n in range(count)))
    async with world.life() as worker:
        await worker.score()
        await worker.learn()
        await worker.commit()


def append(world: World, value: bytes | None) -> int:
    return world.logs.append(world.setup.topics.examples, 0, Out(None, value))


@settings(deadline=None, max_examples=10)
@given(values=st.lists(st.one_of(st.none(), st.binary(max_size=30)), max_size=6))
async def test_workers_learn_on_behind_foreign_examples(values: list[bytes | None]):
    with memory.world() as world:
        await taught(world)
        for value in values:
            append(world, value)
        async with world.life() as worker:
            world.pay(payment(9))
            world.say(said(9, "fraud"))
            await worker.score()
            await worker.learn()
        world.learning.fold()
        state = world.learning.state
        assert (state.version, state.counts.examples) == (len(world.log("examples")), 5)


async def test_labels_far_ahead_of_the_last_one_that_taught_are_learned_all(world):
    """As after a million labels of one partition that taught nothing."""
    await taught(world)
    world.learning.fold()
    world.pay(*(payment(n) for n in range(10, 13)))
    world.say(*(said(n, "fraud") for n in range(10, 13)))
    async with world.life() as worker:
        await worker.score()
        feedback = worker.topics.feedback
        far = [replace(one, offset=one.offset + 3 * FAR) for one in worker.unread(feedback)]
        await Learn(worker.partition, worker.new_step(feedback)).run(far)
    world.learning.fold()
    state = world.learning.state
    assert state.counts.examples == 7
    assert state.highest(0).offset == far[-1].offset


async def test_an_unknown_kind_is_left_out_where_a_skip_is_further_on(world):
    await taught(world, 1)
    unknown = append(world, b'{"kind":"lesson"}')
    append(world, b'{"kind":"skip"}')
    with pytest.raises(StateError, match=f"'lesson', .* weir model skip {unknown}"):
        await Skips(world.setup).settle(Unknown("lesson"), unknown)
    skips = Skips(world.setup)
    append(world, encode(Skip(offset=unknown, at=0)))
    assert await skips.settle(Unknown("lesson"), unknown) == Skipped("lesson")
    with pytest.raises(StateError):
        await skips.settle(Unknown("lesson"), unknown + 1)


def test_foreign_records_are_counted_and_said_once_in_a_while(caplog):
    counted, now = [], [0.0]
    passed_over = PassedOver(counted.append, lambda: now[0])
    for offset in range(3):
        passed_over("examples", 0, offset, "it has no value")
    passed_over("predictions", 1, 7, "it has no header")
    now[0] = QUIET
    passed_over("examples", 0, 9, "it has no value")
    assert counted == ["examples"] * 3 + ["predictions", "examples"]
    assert [record.getMessage() for record in caplog.records] == [
        "examples[0] @ 0 is foreign and passed over: it has no value",
        "predictions[1] @ 7 is foreign and passed over: it has no header",
        "examples[0] @ 9 is foreign and passed over: it has no value; "
        "so were 2 more since the last such line",
    ]
