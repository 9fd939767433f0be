"""Learn in memory: what a step over labels writes, and in which order."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest

from app.core.hashing import hash64
from app.core.labels import LabelEntry, decode_entry
from app.core.messages import Origin, Place, Previous, label_id
from app.serving.dead_letters.journey import Journey, Refusal, header
from app.serving.waiting import PREFIX, Waiting
from app.streams.fraud.messages import read_example, read_feedback
from app.units import DAY_MS
from app.wire import MAX_MS, encode
from tests.serving import memory
from tests.serving.memory import (
    MINUTE,
    NOW,
    THEIRS,
    Aborted,
    Worker,
    World,
    examples,
    payment,
    said,
)

DAY = NOW // DAY_MS
LABELS_LOG = "weir-labels-changelog"


@pytest.fixture
def world() -> Iterator[World]:
    with memory.world() as world:
        yield world


def entry(world: World, n: int = 0) -> LabelEntry:
    """What was said of a transaction."""
    return decode_entry(world.disk.tables["labels"].get(f"t{n}".encode()), "")


def outcomes(world: World, n: int = 0) -> list[str]:
    return [revision.outcome for revision in entry(world, n).revisions]


def waiting(world: World) -> list[Waiting]:
    return [Waiting.read(key) for key in world.disk.tables["labels"] if key.startswith(PREFIX)]


def letters(world: World) -> list[tuple[str, bytes]]:
    found = world.log("dead_letters")
    return [(dict(letter.headers)["reason"].decode(), letter.value) for letter in found]


def frauds(world: World) -> list[int]:
    """The transactions, by hash, that ann's record knows as frauds."""
    record = world.setup.application.open(world.disk.tables["customers"][b"ann"])
    return [tx for tx, _, _, fraud in record.labels() if fraud]


async def test_a_label_settles_and_gives_an_example(world, worker):
    world.say(said(0, "fraud", later=7))
    assert await worker.learn()
    (example,) = examples(world)
    decided = world.setup.application.read_prediction(world.values("predictions")[0])
    assert (example.id, example.y, example.w, example.previous) == ("t0", 1, 1.0, None)
    assert (example.x, example.score) == (decided.features, decided.score)
    assert (example.origin, example.known) == (Origin(1, 0, 0), NOW + 7)
    assert (entry(world).key, outcomes(world)) == ("ann", ["settled"])
    assert entry(world).taught == Previous(1, 1.0, DAY)
    assert frauds(world) == [hash64("t0")]
    assert world.changes("labels") == world.disk.tables["labels"]


SAYINGS = {
    "a correction": (
        [said(0, "fraud"), said(0, "legit", later=1)],
        ["settled", "settled"],
        [(1, None), (0, Previous(1, 1.0, DAY))],
    ),
    "a chargeback above an analyst": (
        [said(0, "legit"), said(0, "fraud", "chargeback")],
        ["settled", "settled"],
        [(0, None), (1, Previous(0, 1.0, DAY))],
    ),
    "a customer below an analyst": (
        [said(0, "legit"), said(0, "fraud", "customer", later=1)],
        ["settled", "noted"],
        [(0, None)],
    ),
    "a withdrawal": (
        [said(0, "fraud"), said(0, "none", later=1)],
        ["settled", "settled"],
        [(1, None), (None, Previous(1, 1.0, DAY))],
    ),
    "nothing to withdraw": ([said(0, "none")], ["noted"], []),
    "unsure": ([said(0, "unsure"), said(0, "fraud", later=1)], ["noted", "settled"], [(1, None)]),
    "the same again": ([said(0, "fraud"), said(0, "fraud")], ["settled"], [(1, None)]),
    "agreement": (
        [said(0, "fraud"), said(0, "fraud", "customer")],
        ["settled", "noted"],
        [(1, None)],
    ),
}


@pytest.mark.parametrize("most", [None, 1], ids=["in one step", "one by one"])
@pytest.mark.parametrize(("labels", "results", "taught"), SAYINGS.values(), ids=SAYINGS)
async def test_what_is_said_of_an_event_is_taught_as_it_changes(
    world, worker, labels, results, taught, most
):
    world.say(*labels)
    while worker.unread(worker.topics.feedback):
        assert await worker.learn(most)
    assert outcomes(world) == results
    assert [(example.y, example.previous) for example in examples(world)] == taught


async def test_only_the_last_example_ends_the_step(world, worker):
    world.say(*(said(n, "fraud") for n in range(3)), said(2, "unsure"))
    await worker.learn()
    world.say(said(0, "none", later=1))
    await worker.learn()
    assert [one.end_of_step for one in examples(world)] == [False, False, True, True]
    assert read_example(entry(world, 2).revisions[0].example).end_of_step


REFUSED = {
    "no JSON": (b"nonsense", NOW, "malformed"),
    "a word that nobody knows": (encode(said(0, "maybe")), NOW, "`label` must be one of"),
    "a source that nobody knows": (encode(said(0, "fraud", "mum")), NOW, "`source` must be one of"),
    "another customer's": (encode(said(0, "fraud", key="bob")), NOW, "`customer` is not that"),
    "a time in seconds": (encode(said(0, "fraud", at=NOW // 1000)), NOW, "seems to be seconds"),
    "a time in seconds, and no timestamp": (
        encode(said(0, "fraud", at=NOW // 1000)),
        -1,
        "seems to be seconds",
    ),
    "a number of a date": (encode(said(0, "fraud", at=20260131)), NOW, "a date written yyyymmdd"),
    "a timestamp that is none": (encode(said(0, "fraud")), MAX_MS + 1, "timestamp"),
}


@pytest.mark.parametrize(("value", "at", "reason"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_becomes_a_dead_letter_and_the_rest_goes_on(
    world, worker, value, at, reason
):
    world.say(said(1, "fraud"))
    world.send("feedback", "ann", value, at)
    world.say(said(2, "fraud"))
    assert await worker.learn()
    ((why, kept),) = letters(world)
    assert reason in why and kept == value
    assert [one.id for one in examples(world)] == ["t1", "t2"]
    assert b"t0" not in world.disk.tables["labels"], "nothing was said of it"


async def test_a_label_of_another_partition_is_passed_on_with_its_time_and_headers(world, worker):
    history = ("weir-history", b"{}")
    theirs = said(9, "fraud", key=THEIRS)
    world.send("feedback", "ann", encode(theirs), NOW + 5, headers=(history, ("other", b"x")))
    world.say(said(0, "fraud"))
    await worker.learn()
    (passed,) = world.log("feedback", partition=1)
    theirs.label_id = label_id(theirs)
    assert (passed.key, passed.value) == (THEIRS.encode(), encode(theirs))
    place = ("weir-origin", b"1:0:0")
    assert (passed.timestamp, passed.headers) == (NOW + 5, (history, ("other", b"x"), place))
    assert [one.id for one in examples(world)] == ["t0"]


async def test_a_copy_of_a_label_that_lies_wrong_goes_no_further(world, worker):
    """As where workers have unequal WEIR_PARTITIONS: they would send it back and forth."""
    theirs = encode(said(9, "fraud", key=THEIRS))
    world.send("feedback", "ann", theirs, headers=(("weir-origin", b"1:1:5"),))
    await worker.learn()
    assert world.log("feedback", partition=1) == []
    ((why, raw),) = letters(world)
    assert "this copy lies on 0: do all workers have the same WEIR_PARTITIONS?" in why
    assert raw == theirs


async def test_a_label_of_another_partition_stays_one_when_it_is_passed_on_twice(world):
    """It has no time and no id of its own: its place says which one it is, and goes with it."""
    vague = said(9, "fraud", key=THEIRS, at=None)
    world.say(vague, vague)
    for end in ("commit", None):  # the second worker reads them again
        with suppress(Aborted):
            async with world.life(end) as worker:
                await worker.learn()
                await worker.commit()
    passed = [read_feedback(raw) for raw in world.values("feedback", partition=1)]
    assert [one.at for one in passed] == [NOW] * 4
    first, second = label_id(vague, Place(1, 0, 0, NOW)), label_id(vague, Place(1, 0, 1, NOW))
    assert [one.label_id for one in passed] == [first, second] * 2


async def test_three_labels_by_one_analyst_without_time_and_id_are_three(world, worker):
    for n, label in enumerate(["fraud", "legit", "fraud"]):
        world.send("feedback", "ann", encode(said(0, label, at=None, actor="eve")), NOW + n)
    await worker.learn()
    assert [example.y for example in examples(world)] == [1, 0, 1]
    assert outcomes(world) == ["settled"] * 3


async def test_a_letter_that_is_replayed_twice_is_one_label(world, worker):
    refusal = Refusal("feedback", 0, 17, "a field that this release reads", 0, 3)
    history = header(Journey().after(refusal))
    for label in ("fraud", "legit", "fraud"):
        vague = encode(said(0, label, at=None))
        world.send("feedback", "ann", vague, headers=(history,) if label == "fraud" else ())
    await worker.learn()
    assert [example.y for example in examples(world)] == [1, 0]


async def test_labels_of_two_customers_that_wait_under_one_id_are_both_answered(world):
    world.say(said(5, "fraud", label_id="l1"), said(5, "legit", key="bob", label_id="l1"))
    async with world.life() as worker:
        await worker.learn()
        world.pay(payment(5))
        await worker.score()
        while worker.unread(worker.topics.feedback):
            await worker.learn()
    assert [(one.id, one.y) for one in examples(world)] == [("t5", 1)]
    ((why, raw),) = letters(world)
    assert "`customer` is not that of the event" in why and read_feedback(raw).key == "bob"


async def test_a_label_waits_for_its_event_and_is_learned_when_it_has_come(world, worker):
    world.say(said(5, "fraud", label_id="l1"))
    await worker.learn()
    assert (examples(world), outcomes(world, 5)) == ([], ["waiting"])
    assert waiting(world) == [Waiting(NOW + 5 * MINUTE, "l1", "t5")]
    world.pay(payment(5))
    await worker.score()
    assert await worker.learn()
    assert [(one.id, one.origin.offset) for one in examples(world)] == [("t5", 1)]
    assert (outcomes(world, 5), waiting(world)) == (["settled"], [])
    assert world.changes("labels") == world.disk.tables["labels"]


async def test_a_label_waits_for_a_prediction_that_is_on_its_way(world):
    async with world.life(late=["predictions"]) as worker:
        world.pay(payment(0))
        await worker.score()
        world.say(said(0, "fraud"))
        step = asyncio.ensure_future(worker.learn())
        await memory.turns()
        assert (step.done(), world.disk.tables["labels"]) == (False, {})
        worker.outbox.land("predictions")
        assert await step
        assert [one.id for one in examples(world)] == ["t0"]


@pytest.fixture
def impatient() -> Iterator[World]:
    with memory.world(label_wait="10m", horizon="1h") as world:
        yield world


async def test_a_label_whose_event_does_not_come_is_given_up(impatient):
    world = impatient
    world.say(said(0, "fraud"), said(0, "legit", "customer"), said(9, "fraud"))
    async with world.life() as worker:
        await worker.learn()
        world.say(said(11, "unsure"))
        await worker.learn()
    (reason, one), (_, other) = letters(world)
    assert "within WEIR_LABEL_WAIT" in reason
    assert {read_feedback(one).source, read_feedback(other).source} == {"analyst", "customer"}
    assert outcomes(world, 0) == ["expired", "expired"]
    assert [one.id for one in waiting(world)] == ["t9", "t11"]
    assert world.changes("labels") == world.disk.tables["labels"]


TIMES = {  # of the first label of a chunk, ms
    "none": (-1, "expired"),
    "none at all": (None, "waiting"),
    "microseconds": (1000 * NOW, "expired"),
    "microseconds, and nothing else": (1000 * NOW, "waiting"),
}


@pytest.mark.parametrize("name", TIMES)
async def test_a_chunk_is_as_old_as_its_first_label_with_a_time(impatient, name: str):
    world, (at, outcome) = impatient, TIMES[name]
    world.say(said(0, "fraud"))
    async with world.life() as worker:
        await worker.learn()
        world.send("feedback", "ann", encode(said(8, "unsure")), -1 if at is None else at)
        if outcome == "expired":
            world.say(said(11, "unsure"))
        await worker.learn()
    assert outcomes(world) == [outcome]
    assert len([reason for reason, _ in letters(world) if "LABEL_WAIT" in reason]) == (
        outcome == "expired"
    )


async def test_a_label_dated_in_microseconds_sweeps_nothing(impatient):
    world = impatient
    world.pay(payment(0))
    world.say(said(0, "fraud"))
    async with world.life() as worker:
        await worker.score()
        await worker.learn()
        world.send("feedback", "ann", encode(said(8, "unsure")), 1000 * NOW)
        await worker.learn()
    assert outcomes(world) == ["settled"]


async def test_a_label_whose_event_has_been_decided_meanwhile_is_not_given_up(impatient):
    """Record time runs fast in a backlog: the label comes again behind others that are later."""
    world = impatient
    world.say(said(0, "fraud"))
    async with world.life() as worker:
        await worker.learn()
        world.say(said(11, "unsure"), said(12, "unsure"))
        world.pay(payment(0))
        await worker.score()
        while worker.unread(worker.topics.feedback):
            await worker.learn(1)
    assert (letters(world), outcomes(world)) == ([], ["settled"])
    assert [one.id for one in examples(world)] == ["t0"]


async def test_a_label_is_forgotten_when_its_dead_letter_is_acknowledged(impatient):
    world = impatient
    world.say(said(0, "fraud"))
    async with world.life(late=["dead-letters"]) as worker:
        await worker.learn()
        world.say(said(11, "unsure"))
        step = asyncio.ensure_future(worker.learn())
        await memory.turns()
        assert outcomes(world) == ["waiting"]
        worker.outbox.land("dead-letters")
        assert await step
        assert outcomes(world) == ["expired"]


async def test_a_label_that_was_given_up_counts_when_it_is_sent_again(impatient):
    world = impatient
    world.say(said(0, "fraud"))
    async with world.life() as worker:
        await worker.learn()
        world.say(said(11, "unsure"))
        await worker.learn()
        world.pay(payment(0))
        await worker.score()
        world.send("feedback", "ann", letters(world)[0][1], NOW + 12 * MINUTE)
        await worker.learn()
    assert [(one.id, one.y) for one in examples(world)] == [("t0", 1)]
    assert outcomes(world) == ["settled"]


async def test_entries_beyond_the_horizon_are_swept_a_few_a_step(impatient):
    world = impatient
    world.pay(*(payment(n) for n in range(6)))
    world.say(*(said(n, "fraud") for n in range(6)))
    async with world.life() as worker:
        await worker.score()
        await worker.learn()
        left = []
        for n in (70, 71, 72):
            world.pay(payment(n))
            world.say(said(n, "legit"))
            await worker.score()
            await worker.learn()
            left.append(len(world.disk.tables["labels"]))
    assert left == [4 + 1, 2 + 2, 0 + 3], "two of the old ones at each step"
    assert world.changes("labels") == world.disk.tables["labels"]


async def test_nothing_is_sent_before_the_labels_are_acknowledged(world):
    async with world.life(late=[LABELS_LOG]) as worker:
        world.pay(payment(0))
        await worker.score()
        world.say(said(0, "fraud"), said(9, "fraud", key=THEIRS))
        world.send("feedback", "ann", b"nonsense")
        step = asyncio.ensure_future(worker.learn())
        await memory.turns()
        sent = [world.log("examples"), world.log("feedback", 1), world.log("dead_letters")]
        assert (step.done(), sent) == (False, [[], [], []])
        assert outcomes(world) == ["settled"], "on the disk alone"
        worker.outbox.land(LABELS_LOG)
        assert await step
        sent = [world.log("examples"), world.log("feedback", 1), world.log("dead_letters")]
        assert [len(log) for log in sent] == [1, 1, 1]


async def test_a_step_ends_when_its_examples_are_acknowledged(world):
    async with world.life(late=["examples"]) as worker:
        world.pay(payment(0))
        await worker.score()
        world.say(said(0, "fraud"))
        step = asyncio.ensure_future(worker.learn())
        await memory.turns()
        assert not step.done(), "the next ones would overtake them"
        worker.outbox.land("examples", 0)
        assert await step


async def test_nothing_comes_of_labels_whose_partition_is_lost_while_they_are_stored(world):
    async with world.life(late=[LABELS_LOG]) as worker:
        world.pay(payment(0))
        await worker.score()
        world.say(said(0, "fraud"))
        step = asyncio.ensure_future(worker.learn())
        await memory.turns()
        worker.owns = False
        worker.outbox.land(LABELS_LOG)
        assert not await step
        assert examples(world) == []
    async with world.life() as worker:
        assert await worker.learn()
        assert len(examples(world)) == 1


async def test_no_label_is_stored_whose_partition_is_lost_while_it_waits_for_a_prediction(world):
    async with world.life(late=["predictions"]) as worker:
        world.pay(payment(0))
        await worker.score()
        world.say(said(0, "fraud"))
        step = asyncio.ensure_future(worker.learn())
        await memory.turns()
        worker.owns = False
        worker.outbox.land("predictions")
        assert not await step
        assert world.disk.tables["labels"] == {}


@pytest.mark.parametrize("disk", ["kept", "wiped"])
async def test_a_replay_sends_the_same_bytes_again(world, disk):
    world.pay(payment(0), payment(1))
    world.say(said(0, "fraud"), said(1, "legit"), said(0, "none", later=1), said(0, "fraud"))
    async with world.life() as worker:
        await worker.score()
        await worker.learn()
        stored = dict(world.disk.tables)
    if disk == "wiped":
        world.disk = memory.Disk()
    async with world.life() as worker:
        assert await worker.learn()
    assert world.disk.tables == stored
    sent = world.values("examples")
    assert len(sent) == 6 and sent[3:] == sent[:3]


# -- known faults: the disk is ahead of the changelog, and a replay does not say it again


async def given_up(world: World, worker: Worker) -> None:
    """The step that gives a label up has to come."""
    world.say(said(0, "fraud"))
    await worker.learn()
    world.say(said(11, "unsure"))


async def swept(world: World, worker: Worker) -> None:
    """The step that sweeps the first label has to come."""
    world.pay(payment(0))
    world.say(said(0, "fraud"))
    await worker.score()
    await worker.learn()
    world.say(said(70, "unsure"))


@pytest.mark.parametrize("before", [given_up, swept])
async def test_what_leaves_the_labels_by_its_age_leaves_disk_and_changelog_alike(impatient, before):
    world = impatient
    async with world.life() as worker:
        await before(world, worker)
        await worker.commit()
    with pytest.raises(Aborted):
        async with world.life(end=f"land {LABELS_LOG}") as worker:
            await worker.learn()
    async with world.life() as worker:
        await worker.learn()
        await worker.commit()
    assert world.disk.tables["labels"] == world.changes("labels")


async def test_a_label_that_settles_is_taken_off_the_changelogs_list_whatever_the_disk_has(world):
    async with world.life() as worker:
        world.say(said(5, "fraud"))
        await worker.learn()
        await worker.commit()
    world.say(said(5, "unsure"))
    world.pay(payment(5))
    with pytest.raises(Aborted):
        async with world.life(end=f"land {LABELS_LOG}") as worker:
            await worker.score()
            await worker.learn()
    before, world.disk = world.disk, memory.Disk()
    async with world.life() as other:
        await other.learn(1)
    world.disk = before
    async with world.life() as worker:
        await worker.score()
        await worker.learn()
        await worker.commit()
    assert outcomes(world, 5) == ["noted", "settled"]
    assert waiting(world) == []
    assert world.disk.tables["labels"] == world.changes("labels")
