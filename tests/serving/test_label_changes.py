"""What others write into the labels changelog under Weir's own keys, and damage that Weir meets."""

from collections.abc import Iterator

import pytest

from app.core.label_keys import EVICTED, GROWING, MATURED, ORIGIN, TIME, TOPICS, WAITING
from app.core.labels import LabelEntry, decode_entry, encode_entry
from app.core.threshold import KEY as THRESHOLD
from app.core.threshold import Budget, Threshold
from app.errors import StateError
from app.runtime.topics.shapes import LABELS
from app.runtime.writer import Out
from app.serving.audit import Audit
from app.serving.evicted import decode_evicted
from app.serving.generation import read_mark
from app.serving.setup import Setup
from app.serving.sweep import Sweep
from app.serving.waiting import Waiting
from tests.serving import memory
from tests.serving.memory import NOW, PARTITION, Disk, Store, World, payment, said
from tests.stored import STORED

LEFT = EVICTED + ORIGIN.pack(1, 0, 5) + b"t1"
(REVISION,) = STORED["label that had to leave"]
FORGED = {
    "a waiting label without a time": (WAITING + b"x", b"1"),
    "a waiting label without an event": (WAITING + TIME.pack(5) + b"l1", b"1"),
    "a waiting label that is no text": (WAITING + TIME.pack(5) + b"l1\0\xff", b"1"),
    "garbage that had to leave": (LEFT, b"garbage"),
    "garbage as a mark": (TOPICS, b"garbage"),
    "garbage as a position": (MATURED, b"garbage"),
    "garbage as a start": (GROWING, b"garbage"),
    "a key of no kind": (b"\0of old", b"garbage"),
}


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world(horizon="1h", label_wait="10m", maturity="30m") as world:
        world.ids = {name: "first" for name in world.setup.topics.inputs}
        yield world


def write(world: World, key: bytes, value: bytes | None) -> int:
    changelog = world.setup.topics.changelogs[LABELS]
    return world.logs.append(changelog, PARTITION, Out(key, value))


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_key_that_is_no_id_ends_no_worker(world, name: str):
    write(world, *FORGED[name])
    world.pay(payment(0))
    world.say(said(0, "fraud"))
    async with world.life() as worker:
        await worker.score()
        await worker.learn()
        await worker.commit()
        await memory.turns()
    assert len(world.log("examples")) == 1


async def test_among_records_damage_and_unknown_keys_are_listed_too(world, monkeypatch):
    async def as_they_should_be(self: Setup) -> dict[str, str]:
        return {}

    records = world.setup.application.records
    threshold = Threshold(Budget(2.0, 0.5, 0.05, 0.9), epoch=1).encode()
    changes = [
        (b"\0fence", None),
        (THRESHOLD, threshold),
        (THRESHOLD, threshold[:20]),
        (b"\0of old", b"\2"),
    ]
    changelog = world.setup.topics.changelogs[records]
    for one in changes:
        world.logs.append(changelog, PARTITION, Out(*one))
    monkeypatch.setattr(Setup, "check_topics", as_they_should_be)
    found = [one async for one in Audit(world.setup).strangers()]
    assert [(one.topic, one.offset) for one in found] == [(changelog, 2), (changelog, 3)]
    assert "a review threshold is damaged" in found[0].why


async def test_each_forged_key_and_each_damaged_value_is_listed(world, monkeypatch):
    async def as_they_should_be(self: Setup) -> dict[str, str]:
        return {}

    world.pay(payment(0))
    world.say(said(0, "fraud"), said(9, "fraud"))
    async with world.life() as worker:
        await worker.score()
        await worker.learn()
        await worker.commit()
    damaged = (LEFT, REVISION[:20]), (TOPICS, b"\x83\xa5epoch"), (b"t1", b"\x82\xa8customer")
    offsets = [write(world, *one) for one in (*FORGED.values(), *damaged)]
    write(world, LEFT, REVISION)
    write(world, WAITING + b"x", None)
    monkeypatch.setattr(Setup, "check_topics", as_they_should_be)
    found = [one async for one in Audit(world.setup).strangers()]
    changelog = world.setup.topics.changelogs[LABELS]
    assert [(one.topic, one.offset) for one in found] == [(changelog, n) for n in offsets]
    words = [one.why for one in found]
    assert "this release writes none like it" in words[len(FORGED) - 1]
    assert all("a worker that opens it stops" in why for why in words[len(FORGED) :])


ENTRY = encode_entry(LabelEntry("c1", []))
DAMAGED = {
    "what was said, cut": lambda: decode_entry(ENTRY[:-2], ""),
    "what was said, in no text": lambda: decode_entry(ENTRY.replace(b"c1", b"\xff\xff"), ""),
    "a label that had to leave": lambda: decode_evicted(REVISION[:20]),
    "a mark": lambda: read_mark(b"\x83\xa5epoch"),
    "a key that waits, from an earlier release": lambda: Waiting.read(WAITING + b"x"),
    "one without a NUL": lambda: Waiting.read(WAITING + TIME.pack(5) + b"l1"),
    "one that is no text": lambda: Waiting.read(WAITING + TIME.pack(5) + b"\xff\0t"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_says_so_and_what_helps(name: str):
    with pytest.raises(StateError, match=r"damaged: .*; (`weir topics verify`|remove)"):
        DAMAGED[name]()


@pytest.mark.parametrize(("key", "value"), [(b"t1", ENTRY[:-2]), (LEFT, REVISION[:20])])
def test_the_sweep_stops_at_damage_with_a_sentence(key: bytes, value: bytes):
    store = Store({key: value}, lambda: None)
    with pytest.raises(StateError, match="damaged"):
        Sweep().expired(store, before=NOW, looks=9)


async def test_a_position_of_no_length_is_begun_anew(world):
    world.disk = Disk()
    world.disk.tables[LABELS][MATURED] = b"garbage"
    async with world.life() as worker:
        assert worker.partition.maturing is not None
        assert worker.partition.maturing.ripeness.through == 0
