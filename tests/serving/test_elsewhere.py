"""Events on a wrong partition: entered again on the right one as they came, once, counted once."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaConnectionError

from app.core.messages import Source
from app.errors import Refused
from app.runtime.topics.shapes import INPUT_BYTES
from app.serving import elsewhere
from app.serving.elsewhere import HEADER, claimed, entered_again, is_copy
from app.streams.fraud.messages import read_prediction
from app.wire import encode
from tests.serving import memory
from tests.serving.memory import MINUTE, NOW, PARTITION, THEIRS, Worker, World, payment


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world(history_events=2, history_replay=5) as world:
        yield world


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Worker]:
    async with world.life() as worker:
        yield worker


def placed(*places: bytes | None, partition: int = 0) -> ConsumerRecord:
    headers = (("trace", b"1"), *((HEADER, place) for place in places))
    return ConsumerRecord("transactions", partition, 9, NOW, 0, b"k", b"{}", None, 1, 2, headers)


def reasons(world: World) -> list[str]:
    return [dict(letter.headers)["reason"].decode() for letter in world.log("dead_letters")]


def counted(world: World, customer: str = "ann") -> int:
    """How many transactions a customer's record has counted."""
    raw = world.disk.tables["customers"].get(customer.encode())
    return world.setup.application.open(raw).before(1 << 62).count


# -- the copy


async def test_an_event_of_another_partition_is_entered_again_as_it_came(world, worker):
    headers = (("trace", b"1"), ("empty", None), (HEADER, b"nonsense"), ("trace", b"2"))
    raw = encode(payment(0, THEIRS))[:-1] + b', "theirs": 1}'
    world.send("events", None, raw, NOW + 5, headers=headers)
    world.pay(payment(1))
    assert await worker.score()
    (copy,) = world.log("events", partition=1)
    assert (copy.key, copy.value, copy.timestamp) == (None, raw, NOW + 5)
    assert copy.headers == (("trace", b"1"), ("empty", None), ("trace", b"2"), (HEADER, b"1:0:0"))
    assert [read_prediction(value).id for value in world.values("predictions")] == ["t1"]
    assert (reasons(world), worker.partition.sensors.astray._value.get()) == ([], 1)


async def test_the_position_moves_once_the_copy_is_handed_over_and_commits_once_it_is_there(world):
    world.pay(payment(0, THEIRS))
    async with world.life("land transactions") as worker:
        with pytest.raises(memory.Aborted):
            await worker.score()
        assert worker.position(worker.topics.events) == 0
    async with world.life() as worker:
        assert await worker.score()
        await worker.commit()
    assert len(world.log("events", partition=1)) == 1


async def test_a_copy_that_lies_wrong_goes_no_further(world, worker):
    """As where workers have unequal WEIR_PARTITIONS: they would send it back and forth."""
    for place in (b"1:1:7", b"1:0:0", b"8:99:0"):
        world.send("events", "dan", encode(payment(0, THEIRS)), headers=((HEADER, place),))
    assert await worker.score()
    assert world.log("events", partition=1) == []
    assert [letter.value for letter in world.log("dead_letters")] == [
        encode(payment(0, THEIRS))
    ] * 3
    assert len(set(reasons(world))) == 1
    assert reasons(world)[0] == (
        "`customer` belongs to partition 1 of 2, and this copy lies on 0: do all workers have "
        "the same WEIR_PARTITIONS? Producers need murmur2 of the key, librdkafka's "
        "partitioner=murmur2_random"
    )


async def test_a_copy_that_would_not_fit_becomes_a_dead_letter(world, worker):
    room = INPUT_BYTES - elsewhere.FRAMING - 2 * elsewhere.HEADER_FRAMING - len(HEADER + "1:0:0")
    room -= len(b"dan" + b"trace")
    for size in (room, room + 1):
        raw = encode(payment(0, THEIRS)).ljust(size)
        world.send("events", "dan", raw, headers=(("trace", b""),))
    await worker.score(1)
    assert [len(copy.value) for copy in world.log("events", partition=1)] == [room]
    await worker.score()
    assert len(world.log("events", partition=1)) == 1
    assert ["too large" in reason for reason in reasons(world)] == [True]


def test_a_copy_of_the_largest_record_is_refused():
    with pytest.raises(Refused, match="too large"):
        entered_again(replace(placed(), value=bytes(INPUT_BYTES)), epoch=1)


# -- the place that a copy names


@pytest.mark.parametrize(
    ("record", "copy", "believed"),
    [
        pytest.param(placed(), False, None, id="no place"),
        pytest.param(placed(b"1:3:70"), True, Source(3, 70), id="a place"),
        pytest.param(placed(b"2:3:70"), True, None, id="of another epoch"),
        pytest.param(placed(b"1:4:70"), True, None, id="a partition that there is not"),
        pytest.param(placed(b"1:2:70", partition=2), True, None, id="its own partition"),
        pytest.param(placed(b"1:3:70", b"1:3:71"), True, None, id="two places"),
        pytest.param(placed(b"", b"1:3:71"), True, None, id="a place and nonsense"),
        pytest.param(placed(None), False, None, id="null"),
        pytest.param(placed(b"1:3"), False, None, id="cut"),
        pytest.param(placed(b"1:3:-1"), False, None, id="below 0"),
        pytest.param(placed(b"1:3:" + b"9" * 19), False, None, id="beyond 63 bits"),
        pytest.param(placed("1:3:\u0667".encode()), False, None, id="digits of another script"),
        pytest.param(placed(b"\xff" * 99_000), False, None, id="long"),
    ],
)
def test_a_place_is_believed_where_a_worker_may_have_named_it(record, copy, believed):
    assert is_copy(record) is copy
    assert claimed(record, epoch=1, partitions=4) == believed


async def test_a_copy_counts_once_however_far_apart_it_comes_twice(world, worker):
    once = [world.pay_elsewhere(payment(n)) for n in range(3)]
    for record in once:
        world.enter_again(record)
    world.pay(*(payment(n) for n in range(10, 20)))  # more than a record holds
    for record in once:
        world.enter_again(record)
    while worker.unread(worker.topics.events):
        assert await worker.score(4)
    assert counted(world) == 13
    first = [raw for raw in world.values("predictions") if read_prediction(raw).id == "t0"]
    assert len(first) == 2 and first[0] == first[1]


FORGED = {
    "far beyond the log": b"1:1:4000000000000",
    "at its end": b"1:1:2",
    "its own partition": b"1:0:4000000000000",
    "another epoch": b"2:1:4000000000000",
    "nonsense": b"one, one, all",
}


@pytest.mark.parametrize("place", FORGED.values(), ids=FORGED)
async def test_a_forged_place_keeps_no_true_copy_from_being_counted(world, worker, place):
    once = [world.pay_elsewhere(payment(n)) for n in range(2)]
    world.send("events", "ann", encode(payment(9)), headers=((HEADER, place),))
    await worker.score()
    assert counted(world) == 1, "the forged one counts, as if it said nothing"
    for record in once:
        world.enter_again(record)
    await worker.score()
    assert counted(world) == 3


async def test_a_copy_of_an_id_that_is_known_does_not_count(world, worker):
    world.pay(payment(0))
    world.enter_again(world.pay_elsewhere(payment(0, at=NOW + MINUTE)))
    world.enter_again(world.pay_elsewhere(payment(1)))
    await worker.score()
    assert counted(world) == 2


async def test_the_end_of_a_log_is_asked_for_until_the_brokers_answer(world, worker, monkeypatch):
    monkeypatch.setattr(elsewhere, "AGAIN", 0.0)
    ask, fail = memory.broker.Consumer.end_offsets, [KafkaConnectionError(), KafkaConnectionError()]

    async def end_offsets(consumer, tps):
        if fail:
            raise fail.pop()
        return await ask(consumer, tps)

    monkeypatch.setattr(memory.broker.Consumer, "end_offsets", end_offsets)
    record = world.pay_elsewhere(payment(0))
    for _ in range(2):
        world.enter_again(record)
    assert await worker.score()
    assert worker.shared.origins.ends == {1: 1}
    assert (counted(world), fail) == (1, [])


async def test_nothing_is_decided_for_a_partition_that_is_lost_meanwhile(world, worker):
    world.enter_again(world.pay_elsewhere(payment(0)))
    worker.owns = False
    assert not await worker.score()
    assert world.log("predictions", PARTITION) == []
