"""A step sees its own writes, and nothing of them is stored before it says so."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types.tuples import TP
from rocksdict import Options, Rdict

from app.stream.step import Overlay, Step
from app.stream.writer import OnAck, Out, Receipt


class Store:
    """What a step uses of a Faust table: its RocksDB, its changelog's name and offset."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.db = Rdict(str(path / name), Options(raw_mode=True))
        self.persisted: dict[TP, int] = {}
        self.data = SimpleNamespace(
            _db_for_partition=lambda partition: self.db,
            set_persisted_offset=self.persisted.__setitem__,
        )
        self.changelog_topic = SimpleNamespace(get_topic_name=lambda: f"{name}-changelog")


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
    store = Store("customers", tmp_path)
    store.db[b"old"] = b"1"
    yield store
    store.db.close()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def step(outbox: Outbox, mine: bool = True) -> Step:
    return Step(TP("transactions", 3), outbox, lambda: mine)


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
    assert customers.persisted == {}
    outbox.acknowledge(100)
    assert customers.persisted.get(TP("customers-changelog", 3)) == persisted


async def test_records_go_to_the_partition_of_the_step_unless_told_otherwise(outbox):
    one = step(outbox)
    one.send("predictions", [Out(b"k", b"v")])
    one.send("examples", [Out(None, b"e")], partition=0)
    assert set(outbox.written) == {("predictions", 3), ("examples", 0)}
