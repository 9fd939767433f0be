"""A worker ends in front of any place, the next one goes on, and what is left is as without.

A seeded input of both topics comes in rounds: events, then labels, then a commit. Played once
undisturbed it numbers the places between two writes. Then it is played again for every one of
them: a worker ends there and another one goes on from the committed positions, with the disk as
it is, with none, or with one that comes back after others have gone on without it. The last tests
play it as it comes: both agents at once, batches that land in any order, models that learn.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Container, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from app.core.batch import appraise
from app.core.hashing import hash64
from app.core.labels import LabelEntry, decode_entry
from app.core.messages import Example, Origin
from app.core.threshold import KEY, Threshold
from app.errors import Refused
from app.serving import decisions
from app.serving.ledger import Ledger
from app.serving.waiting import Waiting
from app.streams.fraud.history.recent import ROW
from app.streams.fraud.messages import (
    Feedback,
    Prediction,
    Transaction,
    read_example,
    read_prediction,
)
from app.wire import encode
from tests.serving import memory
from tests.serving.memory import OURS, THEIRS, Aborted, Disk, Worker, World, payment, said

CHUNK = 5  # most records in a step
BATCH = 3  # records that land together
USUAL = {"history_events": 4, "history_replay": CHUNK}
BUDGET = {"review_threshold": 0.01, "review_budget": 4.0}
PLAYS = {
    "every decision reviewed": {"review_threshold": 0.0},
    "a budget": BUDGET,
    "a budget, records held back": {**BUDGET, "coalesce": 1.0},
}
DISKS = ("kept", "wiped", "comes back")


# -- the input


class Round(NamedTuple):
    """Events and labels that come together. What is None cannot be read."""

    events: list[Transaction | None]
    labels: list[Feedback | None]


def customer_of(n: int) -> str:
    """Most payments are of one customer: more than its record holds."""
    return OURS[max(n % 5 - 2, 0)]


def of(n: int, label: str, source: str = "analyst", later: int = 0, **more: str) -> Feedback:
    return said(n, label, source, later, **{"key": customer_of(n), **more})


def rounds(seed: int) -> list[Round]:
    """Some 40 records: ids again, labels before their event, second thoughts, and worse."""
    chance = random.Random(seed)
    made = []
    for first in range(0, 15, 5):
        new = [
            payment(n, customer_of(n), amount=chance.choice([9.0, 20.0, 800.0]), label=own)
            for n, own in enumerate([None, "fraud", None, None, None], first)
        ]
        some = chance.sample(range(first, first + 5), 5)
        labels = [of(n, chance.choice(["fraud", "legit"])) for n in some[:3]]
        labels += [
            labels[0],
            of(some[1] + 5, "fraud", "customer"),
            of(max(some[2] - 5, 0), chance.choice(["legit", "none"]), later=1),
            of(max(some[3] - 5, 0), "fraud", "chargeback", later=2),
        ]
        made.append(Round([*new, chance.choice(new)], labels))
    made[0].labels.extend([of(2, "fraud", actor="bob"), of(8, "fraud", actor="eve", key="ann")])
    made[1].events.insert(2, None)
    made[1].labels.extend(
        [None, of(2, "none", later=9), of(5, "unsure"), of(9, "legit", actor="eve", key="ann")]
    )
    made[2].labels.append(of(99, "fraud", key=THEIRS))
    return made


def publish(world: World, one: Round) -> None:
    send = {"events": one.events, "feedback": one.labels}
    for topic, message in ((topic, m) for topic, messages in send.items() for m in messages):
        if message is None:
            world.send(topic, "ann", b"nonsense")
        elif isinstance(message, Transaction):
            world.pay(message)
        else:
            world.say(message)


class Play:
    """An input, and how much of it has come so far."""

    def __init__(self, world: World, script: Sequence[Round]) -> None:
        self.world, self.script = world, script
        self.come = 0

    def go_on(self) -> None:
        """The next round comes."""
        publish(self.world, self.script[self.come])
        self.come += 1

    async def live(self, end: int | None = None, rounds: int | None = None) -> list[str]:
        """One life, until so many rounds are done or it ends; returns the places it passed."""
        with suppress(Aborted):
            async with self.world.life(end) as worker:
                await self.work(worker, len(self.script) if rounds is None else rounds)
        return self.world.places.names

    async def work(self, worker: Worker, rounds: int) -> None:
        while True:
            while worker.unread(worker.topics.events):
                assert await worker.score(CHUNK)
            while worker.unread(worker.topics.feedback):
                assert await worker.learn(CHUNK)
            await worker.commit()
            if self.come == rounds:
                return
            self.go_on()

    async def live_and_die(self, end: int, disk: str) -> Container[str]:
        """End in front of a place, then go on; returns what was decided and lost: see `lost`."""
        await self.live(end)
        gone, before = () if disk == "kept" else lost(self.world), self.world.disk
        if disk != "kept":
            self.world.disk = Disk()
        if disk == "comes back":
            await self.live(rounds=self.come)
            self.world.disk = before
        await self.live()
        return gone


# -- what is left


def first_predictions(world: World) -> dict[str, bytes]:
    first: dict[str, bytes] = {}
    for raw in world.values("predictions"):
        first.setdefault(read_prediction(raw).id, raw)
    return first


def entries(world: World) -> dict[str, LabelEntry]:
    kept = world.changes("labels")
    return {key.decode(): decode_entry(raw, "") for key, raw in kept.items() if b"\0" not in key}


def lost(world: World) -> set[str]:
    """What was decided and is not known any more, though the threshold has moved with it.

    It is decided anew, with the later threshold.
    """
    raw, budget = world.changes("customers").get(KEY), world.setup.application.budget
    if raw is None or budget is None:
        return set()
    through = Threshold.decode(raw, budget, epoch=1).seen_through
    decided = {event.id for offset, event in readable(world) if offset <= through}
    return decided - first_predictions(world).keys()


def readable(world: World) -> list[tuple[int, Transaction]]:
    found = []
    for record in world.log("events"):
        with suppress(Refused):
            found.append((record.offset, world.setup.application.read(record.value)))
    return found


class Left:
    """What a play leaves, told so that two can be compared.

    A label that is entered again may lie at another offset, so an origin is told by what lies
    there. Which example ends a step depends on where steps begin. What is `gone` was decided
    twice, and is told without the threshold.
    """

    def __init__(self, world: World, gone: Container[str] = ()) -> None:
        self.world, self.gone = world, gone

    def decisions(self) -> dict[str, object]:
        return {
            id: self.but_for_the_threshold(read_prediction(raw)) if id in self.gone else raw
            for id, raw in first_predictions(self.world).items()
        }

    def but_for_the_threshold(self, prediction: Prediction) -> object:
        told = msgspec.structs.asdict(prediction)
        return {**told, "threshold": None, "decision": None, "reasons": None}

    def records(self) -> dict[bytes, object]:
        kept = self.world.changes("customers")
        return {key: raw if key == KEY else self.record(raw) for key, raw in kept.items()}

    def record(self, raw: bytes) -> object:
        """All bytes but those of the labels, which name origins and stand at the end."""
        labels = self.world.setup.application.open(raw).labels()
        told = sorted((tx, self.origin(at), known, fraud) for tx, at, known, fraud in labels)
        return raw[: len(raw) - ROW.size * len(labels)], told

    def labels(self) -> dict[str, object]:
        return {
            id: (entry.key, entry.taught, [self.revision(r) for r in entry.revisions])
            for id, entry in entries(self.world).items()
        }

    def revision(self, revision: Any) -> object:
        told = {**msgspec.structs.asdict(revision), "origin": self.origin(revision.origin)}
        return {**told, "example": revision.example and self.example(revision.example)}

    def examples(self) -> list[object]:
        """In the order of the log, without those that are appended again."""
        once: dict[Origin, bytes] = {}
        for raw in self.world.values("examples"):
            once.setdefault(read_example(raw).origin, raw)
        return [self.example(raw) for raw in once.values()]

    def example(self, raw: bytes) -> object:
        example = read_example(raw)
        told = {**msgspec.structs.asdict(example), "origin": self.origin(example.origin)}
        return {
            **told,
            "end_of_step": None,
            "threshold": None if example.id in self.gone else example.threshold,
        }

    def letters(self) -> set[object]:
        told = set()
        for letter in self.world.log("dead_letters"):
            headers = dict(letter.headers)
            told.add((headers["topic"], headers["reason"], letter.key, letter.value))
        return told

    def passed_on(self) -> set[bytes]:
        return set(self.world.values("feedback", partition=1))

    def origin(self, origin: Origin) -> tuple[bytes, bytes, int]:
        record = self.world.log("feedback")[origin.offset]
        return record.key, record.value, record.timestamp

    def all(self) -> dict[str, object]:
        parts = (
            self.decisions,
            self.records,
            self.labels,
            self.examples,
            self.letters,
            self.passed_on,
        )
        return {part.__name__: part() for part in parts}


# -- what holds of each play by itself


def all_holds(world: World) -> None:
    the_logs_hold(world)
    the_disk_is_as_the_logs(world)


def the_logs_hold(world: World) -> None:
    each_is_decided_once(world)
    each_flagged_one_is_reviewed(world)
    nothing_comes_too_early(world)
    each_label_is_learned_once(world)
    each_record_is_that_of_the_logs(world)


def each_is_decided_once(world: World) -> None:
    first = first_predictions(world)
    assert first.keys() == {event.id for _, event in readable(world)}
    for raw in world.values("predictions"):
        assert raw == first[read_prediction(raw).id], "a second decision"


def each_flagged_one_is_reviewed(world: World) -> None:
    decided = first_predictions(world).values()
    flagged = {raw for raw in decided if read_prediction(raw).decision != "approve"}
    assert set(world.values("review")) == flagged


def nothing_comes_too_early(world: World) -> None:
    """Review items come after their prediction, examples after what was settled."""
    topics, predicted = world.setup.topics, set()
    settled: dict[str, LabelEntry] = {}
    for record in world.logs.journal:
        if record.topic == topics.predictions:
            predicted.add(record.value)
        elif record.topic == topics.review:
            assert record.value in predicted
        elif record.topic == topics.changelogs["labels"] and record.value not in (None, b"1"):
            settled[record.key.decode()] = decode_entry(record.value, "")
        elif record.topic == topics.examples:
            example = read_example(record.value)
            known = settled[example.id].revisions
            assert any(one.origin == example.origin and one.example for one in known)


def each_label_is_learned_once(world: World) -> None:
    """The examples that count are the settled revisions, one each, and each says what it replaces.

    Every label that was read is in its entry, and waits only while its event is unknown.
    """
    learned: dict[str, list[Example]] = {}
    latest = Origin(0, 0, -1)
    for example in map(read_example, world.values("examples")):
        if example.origin > latest:  # else it is appended again
            latest = example.origin
            learned.setdefault(example.id, []).append(example)
    decided, index = first_predictions(world), world.changes("labels")
    for id, entry in entries(world).items():
        assert len({one.label_id for one in entry.revisions}) == len(entry.revisions)
        settled = sorted(one.origin for one in entry.revisions if one.example)
        chain = learned.pop(id, [])
        assert [example.origin for example in chain] == settled, id
        for one, other in itertools.pairwise([None, *chain]):
            assert (one and one.y) == (other.previous and other.previous.label)
        holds = world.setup.application.labels.holds(entry)
        assert (entry.taught and entry.taught.label) == (chain[-1].y if chain else None)
        assert (holds and {"fraud": 1, "legit": 0}[holds.label]) == (chain[-1].y if chain else None)
        assert not (entry.waiting and id in decided), "it waits for what has come"
        assert all(Waiting(r.recorded, r.label_id, id).key in index for r in entry.waiting)
    assert not learned, "learned without a label"


def each_record_is_that_of_the_logs(world: World) -> None:
    """The customers' records are those that the input and the settled labels give, to the byte."""
    application, expected = world.setup.application, {}
    for offset, event in readable(world):
        record = expected.setdefault(event.key.encode(), application.open(None))
        if record.first_offset_of(hash64(event.id)) is None:
            record.count(event, hash64(event.id), offset)
        else:
            record.pass_over(offset)
    for entry in entries(world).values():
        for one in (one for one in entry.revisions if one.example):
            application.note(expected[entry.key.encode()], read_example(one.example))
    kept = {key: raw for key, raw in world.changes("customers").items() if key != KEY}
    assert kept == {key: record.encode() for key, record in expected.items()}


def each_score_is_computed_again(world: World) -> None:
    """The learning state was the fold of the log up to the version, bit by bit."""
    application, examples = world.setup.application, world.values("examples")
    state = application.new_state()
    decisions = [read_prediction(raw) for raw in first_predictions(world).values()]
    for one in sorted(decisions, key=lambda one: one.model.version):
        for offset in range(state.version, one.model.version):
            state.fold(read_example(examples[offset]), offset)
        verdict = appraise(application, one.features, state, one.source.partition, one.threshold)
        again = verdict.score, verdict.decision, encode(verdict.reasons)
        assert again == (one.score, one.decision, encode(one.reasons))


def the_disk_is_as_the_logs(world: World) -> None:
    """The tables hold what their changelogs hold, the ledger the decisions."""
    disk, logged = world.disk, world.changes("labels")
    assert disk.tables["customers"] == world.changes("customers")
    assert disk.tables["labels"] == logged
    assert {id: entry.raw for id, entry in disk.decisions.items()} == first_predictions(world)
    assert disk.mark[0] == len(world.log("predictions"))


# -- one after the other

SCRIPT = rounds(seed=1)


async def undisturbed(settings: dict[str, Any]) -> tuple[World, list[str]]:
    """What is left without faults, and all places."""
    with memory.world(BATCH, **USUAL, **settings) as world:
        return world, await Play(world, SCRIPT).live()


async def end_at(settings: dict[str, Any], disk: str, places: slice) -> None:
    """End in front of each of these places, in a world of its own, and go on."""
    expected, names = await undisturbed(settings)
    whole = Left(expected).all()
    for end, name in list(enumerate(names))[places]:
        with memory.world(BATCH, **USUAL, **settings) as world:
            try:
                gone = await Play(world, SCRIPT).live_and_die(end, disk)
                all_holds(world)
                assert world.disk.tables["labels"] == world.changes("labels")
                assert Left(world, gone).all() == (Left(expected, gone).all() if gone else whole)
            except BaseException as error:
                error.add_note(f"A worker had ended in front of place {end}: {name}.")
                raise


@pytest.mark.parametrize("settings", PLAYS.values(), ids=PLAYS)
async def test_the_input_meets_all_that_is_worth_a_replay(settings):
    world, names = await undisturbed(settings)
    all_holds(world)
    each_score_is_computed_again(world)
    assert sum(len(one.events) + len(one.labels) for one in SCRIPT) >= 40
    outcomes = {one.outcome for entry in entries(world).values() for one in entry.revisions}
    assert outcomes == {"settled", "noted", "waiting", "expired"}
    examples = [read_example(raw) for raw in world.values("examples")]
    assert {example.y for example in examples} == {0, 1, None}
    assert any(example.previous and example.y is not None for example in examples)
    assert (len(Left(world).letters()), len(Left(world).passed_on())) == (4, 1)
    flagged = {read_prediction(raw).decision for raw in first_predictions(world).values()}
    assert flagged == ({"review", "approve"} if "review_budget" in settings else {"review"})
    assert len(names) > 100


@pytest.mark.parametrize("disk", DISKS)
async def test_a_worker_that_ends_anywhere_leaves_what_one_without_faults_would(disk):
    await end_at(BUDGET, disk, slice(None))


@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("name", PLAYS)
async def test_one_that_ends_here_or_there_does_so_with_any_settings(name, disk, seed):
    await end_at(PLAYS[name], disk, slice(seed % 9, None, 9))


@pytest.mark.chaos
@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("name", PLAYS)
async def test_one_that_ends_anywhere_does_so_with_any_settings(name, disk):
    await end_at(PLAYS[name], disk, slice(None))


async def test_it_is_the_same_with_decisions_in_files(tmp_path: Path):
    expected, names = await undisturbed(BUDGET)
    whole = Left(expected).all()
    for end in range(3, len(names), 25):
        disk = {"data_dir": tmp_path / str(end)}
        with memory.world(BATCH, **USUAL, **BUDGET, **disk) as world:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(decisions, "Ledger", Ledger)
                await Play(world, SCRIPT).live_and_die(end, "kept")
            the_logs_hold(world)
            assert Left(world).all() == whole


# -- all at once


class Rush:
    """An input that is worked off as it comes: both agents at once, landings in any order."""

    def __init__(self, world: World, seed: int) -> None:
        self.play, self.world, self.chance = Play(world, rounds(seed)), world, random.Random(seed)
        names = world.setup.topics
        self.late = {*names[:-1], *names.changelogs.values()}

    async def live(self, end: int | None = None) -> None:
        """One life, until all is done or it ends in front of a place."""
        try:
            async with self.world.life(end, self.late) as worker, asyncio.TaskGroup() as group:
                network = group.create_task(self.land(worker))
                await self.work(worker)
                await worker.outbox.flush()
                while not worker.partition.decisions.whole:
                    await asyncio.sleep(0)
                network.cancel()
        except* Aborted:
            pass

    async def work(self, worker: Worker) -> None:
        lanes = (worker.topics.events, worker.score), (worker.topics.feedback, worker.learn)
        while True:
            while any(worker.unread(topic) for topic, _ in lanes):
                async with asyncio.TaskGroup() as group:
                    for topic, step in lanes:
                        group.create_task(self.lane(worker, topic, step))
                await worker.commit()
            if self.play.come == len(self.play.script):
                return
            self.play.go_on()

    async def lane(
        self, worker: Worker, topic: str, step: Callable[[int], Awaitable[bool]]
    ) -> None:
        while worker.unread(topic):
            assert await step(self.chance.randint(1, CHUNK))
            if self.chance.random() < 0.3:
                self.world.learning.fold()
            if topic == worker.topics.events and self.chance.random() < 0.3:
                await worker.commit()

    async def land(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(0)
            if worker.outbox.waiting and self.chance.random() < 0.4:
                worker.outbox.land(*self.chance.choice(worker.outbox.waiting))


async def rush(settings: dict[str, Any], seed: int) -> None:
    """Four lives that end anywhere, each on a new disk or on one of before, and one that does not.

    Every other time a new disk is caught up behind the worker's back.
    """
    with memory.world(BATCH, **USUAL, **settings) as world, pytest.MonkeyPatch.context() as patch:
        if seed % 2:
            patch.setattr(decisions, "TAIL", 2)
            patch.setattr(decisions, "FOLLOW_ON", 4)
        one, disks = Rush(world, seed), [world.disk]
        for _ in range(4):
            await one.live(end=one.chance.randrange(120))
            disks.append(Disk())
            world.disk = one.chance.choice(disks)
        await one.live()
        all_holds(world)
        each_score_is_computed_again(world)


@pytest.mark.parametrize("settings", PLAYS.values(), ids=PLAYS)
async def test_whatever_lands_first_and_whoever_ends_nothing_is_lost_nor_counted_twice(settings):
    for seed in range(20):
        await rush(settings, seed)


@pytest.mark.chaos
@pytest.mark.parametrize("settings", PLAYS.values(), ids=PLAYS)
async def test_in_hundreds_of_runs_nothing_is_lost_nor_counted_twice(settings, seed):
    for n in range(200):
        await rush(settings, seed + n)
