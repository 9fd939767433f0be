"""A step sees its own writes, and nothing of them is stored before it says so."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types.tuples import TP
from rocksdict import Options, Rdict

from app.runtime.held import SLICE, Held
from app.runtime.step import Changes, Overlay, Step
from app.runtime.tables import RocksStore
from app.runtime.writer import OnAck, Out, Receipt


class Files:
    """A table of one partition in RocksDB, without Faust."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.changelog = name, f"{name}-changelog"
        self.db = Rdict(str(path / name), Options(raw_mode=True))
        self.offsets: dict[int, int] = {}  # of the changelog, by partition

    def store(self, partition: int) -> RocksStore:
        return RocksStore(self.db)

    def persisted(self, partition: int, offset: int) -> None:
        self.offsets[partition] = offset


class Outbox:
    """Writers that keep what is put, and acknowledge when they are told to."""

    def __init__(self) -> None:
        self.written: dict[tuple[str, int], list[Out]] = {}
        self.open: list[tuple[Receipt, OnAck | None, int]] = []

    def __call__(self, topic: str, partition: int) -> SimpleNamespace:
        def put(records: Iterable[Out], on_ack: OnAck | None = None) -> Receipt:
            records = list(records)
            self.written.setdefault((topic, partition), []).extend(records)
            receipt = Receipt(1 if records else 0)
            if records:
                self.open.append((receipt, on_ack, len(records)))
            return receipt

        return SimpleNamespace(put=put)

    def acknowledge(self, base: int) -> None:
        receipt, on_ack, count = self.open.pop(0)
        if on_ack is not None:
            on_ack(base, count)
        receipt.one_acked()


@pytest.fixture
def customers(tmp_path: Path):
    store = Files("customers", tmp_path)
    store.db[b"old"] = b"1"
    yield store
    store.db.close()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def step(outbox: Outbox, mine: bool = True, held: Changes | None = None) -> Step:
    back = None if held is None else {"customers": held}
    return Step(TP("transactions", 3), outbox, lambda: mine, back)


class Purse:
    """A value that is changed in place; `packs` counts how often it was packed."""

    def __init__(self, raw: bytes | None) -> None:
        self.coins = int(raw or b"0")
        self.packs = 0

    def encode(self) -> bytes:
        self.packs += 1
        return b"%d" % self.coins


def test_an_overlay_shows_the_last_write(customers):
    overlay = Overlay(customers, 3)
    assert (overlay.get(b"old"), overlay.get(b"new")) == (b"1", None)
    overlay[b"old"], overlay[b"new"] = b"2", b"3"
    assert (overlay.get(b"old"), overlay.get(b"new")) == (b"2", b"3")
    overlay[b"old"] = None
    assert overlay.get(b"old") is None


def test_an_overlay_writes_all_or_nothing(customers):
    overlay = Overlay(customers, 3)
    overlay[b"old"], overlay[b"new"] = None, b"3"
    assert dict(customers.db.items()) == {b"old": b"1"}
    overlay.write()
    assert dict(customers.db.items()) == {b"new": b"3"}


async def test_two_users_of_a_table_share_its_overlay(customers, outbox):
    one = step(outbox)
    one.table(customers)[b"new"] = b"2"
    assert one.table(customers).get(b"new") == b"2"


async def test_storing_writes_the_table_and_then_its_changelog(customers, outbox):
    one = step(outbox)
    one.table(customers)[b"old"] = None
    one.table(customers)[b"new"] = b"2"
    assert outbox.written == {}
    receipts = one.store()
    assert dict(customers.db.items()) == {b"new": b"2"}
    assert outbox.written == {("customers-changelog", 3): [Out(b"old", None), Out(b"new", b"2")]}
    assert not receipts["customers"].acked.done()


async def test_a_table_that_did_not_change_needs_no_acknowledgement(customers, outbox):
    one = step(outbox)
    one.table(customers)
    await asyncio.wait_for(one.store()["customers"].acked, 1)
    assert outbox.open == []


@pytest.mark.parametrize(("mine", "persisted"), [(True, 101), (False, None)])
async def test_the_changelogs_offset_is_kept_while_the_partition_is_ours(
    customers, outbox, mine, persisted
):
    one = step(outbox, mine)
    one.table(customers)[b"a"] = one.table(customers)[b"b"] = b"1"
    one.store()
    assert customers.offsets == {}
    outbox.acknowledge(100)
    assert customers.offsets.get(3) == persisted


async def test_records_go_to_the_partition_of_the_step_unless_told_otherwise(outbox):
    one = step(outbox)
    one.send("predictions", [Out(b"k", b"v")])
    one.send("examples", [Out(None, b"e")], partition=0)
    assert set(outbox.written) == {("predictions", 3), ("examples", 0)}


async def test_an_opened_value_is_packed_once_a_step(customers, outbox):
    one = step(outbox)
    purse = one.table(customers).open(b"old", Purse)
    purse.coins += 1
    again = one.table(customers).open(b"old", Purse)
    again.coins += 1
    assert again is purse and purse.packs == 0
    one.store()
    assert purse.packs == 1
    assert dict(customers.db.items()) == {b"old": b"3"}
    assert outbox.written == {("customers-changelog", 3): [Out(b"old", b"3")]}


def test_an_opened_value_is_seen_by_those_who_read_bytes(customers):
    overlay = Overlay(customers, 3)
    overlay.open(b"new", Purse).coins = 7
    assert overlay.get(b"new") == b"7"


async def test_what_is_held_back_is_seen_by_later_steps_and_written_once(customers, outbox):
    held = Held(customers)
    for _ in range(3):
        one = step(outbox, held=held.of(3))
        one.table(customers).open(b"old", Purse).coins += 1
        assert one.store() == {}
    assert (held.get(3, b"old"), customers.db[b"old"], outbox.written) == (b"4", b"1", {})
    await held.write(lambda partition: step(outbox))
    assert (held.get(3, b"old"), customers.db[b"old"]) == (b"4", b"4")
    assert outbox.written == {("customers-changelog", 3): [Out(b"old", b"4")]}
    await held.write(lambda partition: step(outbox))
    assert len(outbox.open) == 1, "there was nothing left to write"


async def test_a_deletion_is_held_back_too(customers, outbox):
    held = Held(customers)
    one = step(outbox, held=held.of(3))
    one.table(customers)[b"old"] = None
    one.store()
    assert held.get(3, b"old") is None and customers.db[b"old"] == b"1"
    assert step(outbox, held=held.of(3)).table(customers).open(b"old", Purse).coins == 0
    await held.write(lambda partition: step(outbox))
    assert dict(customers.db.items()) == {}


async def test_other_tables_are_written_with_their_step(customers, outbox, tmp_path):
    labels = Files("labels", tmp_path)
    one = step(outbox, held={})
    one.table(customers)[b"old"] = one.table(labels)[b"t1"] = b"2"
    assert set(one.store()) == {"labels"}
    assert (customers.db[b"old"], labels.db[b"t1"]) == (b"1", b"2")
    labels.db.close()


async def test_steps_between_two_slices_lose_nothing(customers, outbox):
    """A change made while others are written comes with them, or is left for the next time."""
    held, keys = Held(customers), [b"%04d" % n for n in range(2 * SLICE)]
    one = step(outbox, held=held.of(3))
    for key in keys:
        one.table(customers).open(key, Purse).coins = 1
    one.store()

    writing = asyncio.ensure_future(held.write(lambda partition: step(outbox)))
    await asyncio.sleep(0)
    later = step(outbox, held=held.of(3))
    for key in (keys[0], keys[-1]):
        later.table(customers).open(key, Purse).coins = 2
    later.store()
    await writing
    assert (customers.db[keys[0]], customers.db[keys[-1]]) == (b"1", b"2")
    assert held.get(3, keys[0]) == b"2"
    await held.write(lambda partition: step(outbox))
    assert customers.db[keys[0]] == b"2"
    last = {out.key: out.value for out in outbox.written["customers-changelog", 3]}
    assert last == {**dict.fromkeys(keys, b"1"), keys[0]: b"2", keys[-1]: b"2"}
