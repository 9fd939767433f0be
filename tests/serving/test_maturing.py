"""The reader that matures: what it publishes and when, and what is left of it after a crash."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest

from app.core.label_keys import GROWING, GROWTH, MATURED, POSITION
from app.core.maturity import sampled
from app.runtime.reading import reader
from app.runtime.topics.shapes import LABELS
from app.serving.maturing import BATCH, Maturing
from app.serving.ripeness import Ripeness
from app.streams.fraud.messages import Feedback, read_feedback, read_prediction
from app.units import DAY_MS, HOUR_MS
from app.wire import encode
from tests.serving import memory
from tests.serving.memory import NOW, Aborted, Worker, World, payment, said

Decided = Mapping[int, tuple[float, str]]  # by number: days since NOW, decision


def daily(first: int, last: int) -> Decided:
    """One approved transaction a day."""
    return {n: (float(n), "approve") for n in range(first, last + 1)}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    async def wait(self: Maturing) -> None:
        await asyncio.Event().wait()  # tests say when it looks

    monkeypatch.setattr(Maturing, "_run", wait)
    with memory.world(maturity="30d", maturity_share=1.0) as world:
        yield world


async def decide(world: World, decided: Decided) -> None:
    """Predictions of so many transactions, with the decisions and times that a test needs."""
    off = world.setup.settings.model_copy(update={"maturity": 0.0})
    world.pay(*(payment(n) for n in decided))
    usual, world.setup = world.setup, dataclasses.replace(world.setup, settings=off)
    async with world.life() as worker:
        await worker.score()
        await worker.commit()
    world.setup = usual
    log = world.log("predictions")
    for place, (days, decision) in enumerate(decided.values(), len(log) - len(decided)):
        record = log[place]
        prediction = read_prediction(record.value)
        prediction.decision = decision
        value = encode(prediction)
        written = NOW + round(days * DAY_MS)
        log[place] = dataclasses.replace(record, value=value, timestamp=written)
        entry = world.disk.decisions[prediction.id]
        world.disk.decisions[prediction.id] = msgspec.structs.replace(entry, raw=value)


async def look(worker: Worker) -> None:
    """Publish what is due, and let learn settle it as it comes."""
    maturing = worker.partition.maturing
    assert maturing is not None
    async with reader("", maturing.tp) as consumer:
        looking = asyncio.ensure_future(maturing._look(consumer))
        while not looking.done():
            if worker.unread(worker.topics.feedback):
                await worker.learn()
            await asyncio.sleep(0)
        await looking


async def live(world: World, then: Callable[[Worker], Awaitable[None]] = look) -> Ripeness:
    """A life of a worker that matures; how far it has come at the end."""
    async with world.life() as worker:
        await then(worker)
        await worker.commit()
        assert worker.partition.maturing is not None
        return worker.partition.maturing.ripeness


def matured(world: World) -> list[Feedback]:
    labels = [read_feedback(raw) for raw in world.values("feedback")]
    return [one for one in labels if one.source == "maturity"]


def numbers(world: World) -> list[int]:
    """Which transactions it spoke of; a decision that a fence repeats it may meet twice."""
    return list(dict.fromkeys(int(one.id[1:]) for one in matured(world)))


def waits(world: World, offset: int) -> int:
    """Which transaction lies at a position."""
    return int(read_prediction(world.values("predictions")[offset]).id[1:])


async def test_the_first_weeks_mature_at_the_age_that_the_partition_had(world):
    await decide(world, daily(0, 20))
    await live(world)
    await decide(world, daily(21, 70))
    ripe = await live(world)
    assert numbers(world) == list(range(41)), "up to 30 d before the newest"
    due = {one.id: one.at for one in matured(world)}
    ages = [due[f"t{n}"] - NOW - n * DAY_MS for n in range(41)]
    assert ages == [min(max(n * DAY_MS, 8 * HOUR_MS), 30 * DAY_MS) for n in range(41)]
    assert ripe.start == NOW
    assert [(one.y, one.w) for one in memory.examples(world)] == [(0, 1.0)] * 41


@pytest.mark.parametrize(
    ("newest", "due"),
    [(0.33, []), (0.34, [0]), (1.0, [0, 1]), (2.0, [0, 1, 2]), (30.0, [0, 1, 2, 3])],
)
async def test_what_is_due_is_measured_up_to_the_newest_prediction(world, newest, due):
    times = [time for time in (0.0, 0.1, 0.9, 15.0, 16.0) if time < newest]
    await decide(world, {n: (days, "approve") for n, days in enumerate([*times, newest])})
    await live(world)
    assert numbers(world) == due


async def test_what_was_blocked_never_matures_and_what_was_sent_to_review_at_the_full_age(world):
    rows = {
        0: (0.0, "approve"),
        1: (1.0, "review"),
        2: (2.0, "block"),
        3: (3.0, "review"),
        4: (4.0, "approve"),
        5: (29.9, "approve"),
    }
    await decide(world, rows)
    ripe = await live(world)
    assert numbers(world) == [0, 4]
    assert (waits(world, ripe.through), waits(world, ripe.reviewed)) == (5, 0)
    await decide(world, {6: (40.0, "review"), 7: (41.0, "block"), 8: (71.0, "approve")})
    ripe = await live(world)
    assert numbers(world) == [0, 4, 5, 6, 1, 3], "young ones of review in a walk of their own"
    assert (waits(world, ripe.through), waits(world, ripe.reviewed)) == (8, 6)
    assert matured(world)[-1].at == NOW + 33 * DAY_MS


@pytest.mark.parametrize("label", ["fraud", "legit"])
async def test_what_was_answered_does_not_mature(world, label):
    await decide(world, {0: (0.0, "review"), 1: (1.0, "approve"), 2: (30.0, "approve")})
    world.say(said(0, label))

    async def answered_first(worker: Worker) -> None:
        await worker.learn()
        await look(worker)

    await live(world, answered_first)
    assert numbers(world) == [1]


async def test_the_label_says_the_share_and_the_example_counts_for_it(world):
    rows = {n: (n / 1000, "approve") for n in range(400)} | {400: (20.0, "approve")}
    world.setup, _ = memory.set_up(maturity="30d", maturity_share=0.25)
    await decide(world, rows)
    await live(world)
    assert numbers(world) == [n for n in range(400) if sampled(f"t{n}", 0.25)]
    assert {one.share for one in matured(world)} == {0.25}
    assert {example.w for example in memory.examples(world)} == {4.0}


@pytest.mark.parametrize(
    ("rate", "share"),
    [(20.0, 0.5), (0.0, 0.5), (0.022, 0.125), (0.000001, 1 / 64)],
)
async def test_the_share_follows_the_load_of_the_hour(world, rate, share):
    """300 in an hour are .083 a second; this is one of two partitions."""
    rows = {n: (n / 12_000, "approve") for n in range(300)} | {300: (1.0, "approve")}
    world.setup, _ = memory.set_up(maturity="30d", maturity_share=0.5, maturity_rate=rate)
    await decide(world, rows)
    await live(world)
    assert numbers(world) == [n for n in range(300) if sampled(f"t{n}", share)]
    assert {one.share for one in matured(world)} <= {share}


async def test_the_start_is_in_the_log_before_anything_is_published(world):
    await decide(world, {0: (0.0, "approve"), 1: (1.0, "approve")})
    await live(world)
    topics = [record.topic for record in world.logs.journal]
    changelog = world.setup.topics.changelogs[LABELS]
    keys = [r.key for r in world.logs.journal if r.topic == changelog]
    assert GROWING in keys
    place = next(n for n, r in enumerate(world.logs.journal) if r.key == GROWING)
    assert place < topics.index(world.setup.topics.feedback)
    assert GROWTH.unpack(world.changes(LABELS)[GROWING]) == (1, 0, NOW)


async def test_an_abort_anywhere_publishes_again_at_most_and_teaches_once(world):
    rows = {n: (n / 100, "approve") for n in range(BATCH + 9)} | {99: (20.0, "approve")}
    await decide(world, rows)
    for end in range(99):
        ended = True
        try:
            async with world.life(end) as worker:
                await look(worker)
                await worker.commit()
                ended = False
        except Aborted:
            pass
        if end % 3 == 0:
            world.disk = memory.Disk()
        if not ended:
            break
    else:
        pytest.fail("it never came to an end")
    await live(world)
    world.learning.fold()
    assert {one.id for one in memory.examples(world)} == {f"t{n}" for n in range(BATCH + 9)}
    assert world.learning.state.counts.examples == BATCH + 9
    assert GROWTH.unpack(world.changes(LABELS)[GROWING])[2] == NOW


async def test_a_fleet_that_never_matured_begins_one_age_before_its_newest_prediction(world):
    await decide(world, daily(0, 100))
    ripe = await live(world)
    assert ripe.start == NOW + 70 * DAY_MS
    assert numbers(world) == list(range(70, 86)), "half of that time, and nothing before it"


async def test_one_that_was_turned_off_for_long_begins_anew(world):
    await decide(world, {0: (0.0, "approve"), 1: (1.0, "approve")})
    await live(world)
    await decide(world, daily(2, 100))
    ripe = await live(world)
    assert ripe.start == NOW + 70 * DAY_MS
    assert numbers(world) == [0, *range(70, 86)]


@pytest.mark.parametrize("timestamp", [-1, 0, NOW // 1000])
async def test_a_record_of_somebody_elses_clock_makes_no_partition_begin_anew(world, timestamp):
    await decide(world, {0: (0.0, "approve"), 1: (3.0, "approve")})
    await live(world)
    world.send("predictions", "ann", b"not a decision", timestamp)
    await decide(world, {2: (3.1, "approve"), 3: (6.4, "approve")})
    place = world.values("predictions").index(b"not a decision")
    # As after a crash behind a batch that ended there, with the one before it.
    world.disk.tables[LABELS][MATURED] = POSITION.pack(1, place)
    assert (await live(world)).start == NOW
    assert numbers(world) == [0, 2]


async def test_what_waited_for_a_worker_is_made_up_for(world):
    await decide(world, daily(0, 29))
    await live(world)
    before = numbers(world)
    await decide(world, {30: (70.0, "approve")})
    ripe = await live(world)
    assert before == list(range(15))
    assert numbers(world) == list(range(30))
    assert ripe.start == NOW


async def test_a_position_of_an_earlier_release_goes_on_at_the_full_age(world):
    await decide(world, daily(0, 100))
    world.disk.tables[LABELS][MATURED] = POSITION.pack(1, 68)
    ripe = await live(world)
    assert numbers(world) == [68, 69, 70]
    assert waits(world, ripe.through) == 71
    assert ripe.start == NOW + 38 * DAY_MS


@pytest.mark.parametrize("recreated", [("predictions",), ()], ids=["recreated", "kept"])
async def test_in_a_new_epoch_the_log_is_read_from_its_start_and_the_partition_is_no_younger(
    world, recreated
):
    await decide(world, daily(0, 29))
    await live(world)
    world.learning.fold()
    world.begin_epoch(2, "events", *recreated)
    rows = {100: (41.0, "approve"), 101: (42.0, "review"), 102: (72.0, "approve")}
    await decide(world, rows)
    ripe = await live(world)
    assert ripe.start == NOW
    assert numbers(world) == [*range(15), *([] if recreated else range(15, 30)), 100, 101]
    epoch, through = POSITION.unpack(world.changes(LABELS)[MATURED])
    assert (epoch, waits(world, through)) == (2, 102)


async def test_in_a_new_epoch_too_one_that_was_turned_off_for_long_begins_anew(world):
    await decide(world, daily(0, 29))
    await live(world)
    world.learning.fold()
    world.begin_epoch(2, "events", "predictions")
    await decide(world, daily(40, 80))
    assert (await live(world)).start == NOW
    await decide(world, daily(81, 180))
    ripe = await live(world)
    assert ripe.start == NOW + 150 * DAY_MS
    assert numbers(world) == [*range(15), *range(40, 51), *range(150, 166)]


async def test_a_new_epoch_reads_again_what_is_not_too_old_and_the_start_outlasts_a_crash(world):
    await decide(world, daily(0, 100))
    world.disk.tables[LABELS][MATURED] = POSITION.pack(1, 71)
    world.disk.tables[LABELS][GROWING] = GROWTH.pack(1, 71, NOW)
    world.begin_epoch(2, "events")
    await decide(world, {101: (101.0, "approve")})
    async with world.life(3) as worker:
        with pytest.raises(Aborted):
            await look(worker)
    assert not numbers(world)
    await decide(world, {102: (101.02, "approve")})
    ripe = await live(world)
    assert (ripe.start, numbers(world)) == (NOW, list(range(42, 72)))


async def test_without_maturity_nothing_is_read(world):
    world.setup, _ = memory.set_up(maturity=0.0)
    await decide(world, daily(0, 9))
    async with world.life() as worker:
        assert worker.partition.maturing is None


async def test_a_chargeback_takes_back_exactly_what_maturity_taught(world):
    world.setup, _ = memory.set_up(maturity="30d", maturity_share=0.25)
    await decide(world, {n: (n / 1000, "approve") for n in range(40)} | {40: (25.0, "approve")})
    await live(world)
    told = numbers(world)
    for n in told:
        world.say(said(n, "fraud", "chargeback", later=20 * HOUR_MS))
    async with world.life() as worker:
        await worker.learn()
    world.learning.fold()
    merchants: Any = world.learning.state.statistics.merchants
    assert (merchants._labels, merchants._frauds) == (len(told), len(told))
    assert {one.previous.weight for one in memory.examples(world)[len(told) :]} == {4.0}
