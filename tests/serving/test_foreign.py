"""What others write into Weir's own topics ends no worker, and moves nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.bundle import pack, pin, short_digest
from app.core.entries import Skipped, Unknown
from app.core.manifest import seal
from app.core.messages import Restore, Skip, Source
from app.core.origins import FAR
from app.errors import Refused, StateError
from app.runtime.foreign import QUIET, PassedOver
from app.runtime.topics.shapes import MODELS
from app.runtime.writer import Out
from app.serving.answers import EPOCH_HEADER, REACH_HEADER, SOURCE_HEADER
from app.serving.learn import Learn
from app.serving.learning.pinned import Pinned
from app.serving.learning.repair import restore_of, stuck_at
from app.serving.learning.skips import Skips
from app.streams.fraud.messages import read_example
from app.wire import encode
from tests.core import sayings
from tests.serving import memory
from tests.serving.memory import NOW, THEIRS, Disk, World, payment, said


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world() as world:
        world.ids = {name: "first" for name in world.setup.topics.inputs}
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
    "a later epoch": (OURS, headed(epoch=b"2")),
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


async def test_a_group_that_is_new_to_an_epoch_is_told_which_one_it_is(world):
    world.send("predictions", "ann", OURS, headers=headed(epoch=b"2"))
    with pytest.raises(StateError, match="set WEIR_EPOCH=2"):
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


async def test_skips_are_looked_for_again_for_an_entry_further_up(world):
    await taught(world, 1)
    entries = []
    for _ in range(2):
        entries.append(append(world, b'{"kind":"lesson"}'))
        append(world, encode(Skip(offset=entries[-1], at=0)))
    skips = Skips(world.setup)
    assert [await skips.name(offset) for offset in reversed(entries)] == [True, True]


DAMAGE = {  # done to the records of a pinned snapshot, the manifest last
    "none of it": lambda records: [],
    "no chunk": lambda records: records[-1:],
    "another chunk": lambda records: [(records[0][0], b"spoilt"), *records[1:]],
    "no manifest": lambda records: records[:-1],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_restore_may_be_skipped_where_no_worker_can_use_its_snapshot(world, damage):
    await taught(world)
    offset = restored(world, damage)
    assert isinstance(await stuck_at(world.setup, offset), Restore)


FOLLOWED = {  # a restore that is not to be skipped, by what is stored and of which model it is
    "its snapshot is stored": (list, {}),
    "it is of another model, whose workers may follow it": (DAMAGE["no chunk"], {"model": "bayes"}),
}


@pytest.mark.parametrize(("damage", "fields"), FOLLOWED.values(), ids=FOLLOWED)
async def test_a_restore_that_no_worker_waits_for_is_not_skipped(world, damage, fields):
    await taught(world)
    offset = restored(world, damage, **fields)
    with pytest.raises(Refused, match="all workers fold it"):
        await stuck_at(world.setup, offset)


async def test_a_snapshot_that_is_not_what_its_digest_says_is_waited_for(world):
    """It fits its own manifest, so that only unpacking it shows the forgery."""
    await taught(world)
    offset = restored(world, forged)
    append(world, encode(Skip(offset=offset, at=0)))
    setup, missing, skips = world.setup, list[str](), Skips(world.setup)
    models = TopicPartition(setup.topics.changelogs[MODELS], 0)
    entry = setup.application.sift(world.values("examples", 0)[offset], offset, NOW)
    pinned = Pinned(setup.settings.brokers, models, setup.application.identity)
    assert await pinned.wait_for(entry, missing.append, partial(skips.name, offset)) is None
    assert missing[0].endswith("ends within a part")


def restored(world: World, damage: Callable[[list], list], **fields: str) -> int:
    """A restore of the state as it is now, by a snapshot that somebody has damaged."""
    world.learning.fold()
    state, setup = world.learning.state, world.setup
    records = list(pack(state, setup.application.identity.features, "engine"))
    for key, value in damage(list(pin(records))):
        world.logs.append(setup.topics.changelogs[MODELS], 0, Out(key, value))
    digest = records[-1][0].decode().split(".")[1]
    entry = restore_of(setup, state.version, digest, "r1", 0, "ann", "")
    return append(world, encode(msgspec.structs.replace(entry, **fields)))


def forged(records: list) -> list:
    """The same manifest, but for the digests of other chunks."""
    *chunks, (key, sealed) = records
    manifest = msgspec.json.decode(sealed)["manifest"]
    manifest["chunks"] = [short_digest(b"other") for _ in chunks]
    again = seal(msgspec.json.encode(manifest), ())
    return [*((name, b"other") for name, _ in chunks), (key, again)]


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
