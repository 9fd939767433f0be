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
from collections.abc import Container, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import msgspec
import pytest

from app.core.batch import appraise
from app.core.hashing import hash64
from app.core.labels import LabelEntry, decode_entry
from app.core.messages import Example, Origin
from app.core.threshold import KEY, Threshold
from app.errors import Refused
from app.serving.waiting import PREFIX, Waiting
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

CHUNK = 4  # most records in a step
USUAL = {"history_events": 4, "history_replay": CHUNK, "label_wait": "12m"}
BUDGET = {"review_threshold": 0.01, "review_budget": 4.0}
PLAYS = {
    "every decision is reviewed": {"review_threshold": 0.0},
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
    """Some 50 records: ids again, labels before their event, second thoughts, and worse."""
    chance = random.Random(seed)
    made = []
    for first in range(0, 20, 5):
        places = range(first, first + 5)
        own = {places[1]: "fraud"}
        amounts = {n: chance.choice([9.0, 20.0, 800.0]) for n in places}
        new = [payment(n, customer_of(n), amount=amounts[n], label=own.get(n)) for n in places]
        again, early, before = (chance.choice(places) for _ in range(3))
        labels = [of(n, chance.choice(["fraud", "legit"])) for n in chance.sample(places, 3)]
        labels += [
            chance.choice(labels),
            of(early + 5, "fraud", "customer"),
            of(max(before - 5, 0), chance.choice(["legit", "none"]), later=1),
            of(max(early - 5, 0), "fraud", "chargeback", later=2),
        ]
        made.append(Round([*new, new[again - first]], labels))
    made[1].events.insert(2, None)
    wrong = of(9, "fraud", "customer", key="ann"), of(13, "legit", key="cid")
    made[1].labels.extend([None, of(5, "unsure"), *wrong])
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

    def __init__(self, world: World, script: Sequence[Round], learns: bool = False) -> None:
        self.world, self.script, self.learns = world, script, learns
        self.come = 0

    async def live(self, end: int | None = None, rounds: int | None = None) -> list[str]:
        """One life, until so many rounds are done or it ends; returns the places it passed."""
        with suppress(Aborted):
            async with self.world.life(end) as worker:
                await self.work(worker, len(self.script) if rounds is None else rounds)
        return self.world.places.names

    async def work(self, worker: Worker, rounds: int) -> None:
        while True:
            for topic, step in self.agents(worker):
                while worker.unread(topic):
                    if self.learns:
                        self.world.learning.fold()
                    assert await step(CHUNK)
            await worker.commit()
            if self.come == rounds:
                return
            self.next()

    def agents(self, worker: Worker):
        return (worker.topics.events, worker.score), (worker.topics.feedback, worker.learn)

    def next(self) -> None:
        publish(self.world, self.script[self.come])
        self.come += 1

    async def live_and_die(self, end: int, disk: str) -> Container[str]:
        """End in front of a place and go on; returns what was decided and lost, see `lost`."""
        await self.live(end)
        gone = lost(self.world) if disk != "kept" else ()
        before = self.world.disk
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
        """Without those that are appended again."""
        once = {read_example(raw).origin: raw for raw in reversed(self.world.values("examples"))}
        return [self.example(once[origin]) for origin in sorted(once)]

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


ALL = ("decisions", "records", "labels", "examples", "letters", "passed_on")


def compare(world: World, undisturbed: World, gone: Container[str], parts: Sequence[str]) -> None:
    for part in parts:
        assert getattr(Left(world, gone), part)() == getattr(Left(undisturbed, gone), part)(), part


# -- what holds of each play by itself


def all_holds(world: World) -> None:
    each_is_decided_once(world)
    each_flagged_one_is_reviewed(world)
    nothing_comes_too_early(world)
    each_label_is_learned_once(world)
    each_record_is_that_of_the_logs(world)
    the_disk_is_as_the_logs(world)


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
    state = world.setup.application.new_state()
    learned: dict[str, list[Example]] = {}
    for offset, raw in enumerate(world.values("examples")):
        if state.fold(read_example(raw), offset):
            learned.setdefault(read_example(raw).id, []).append(read_example(raw))
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
    disk, first = world.disk, first_predictions(world)
    assert {name: disk.tables[name] for name in ("customers", "labels")} == {
        name: world.changes(name) for name in ("customers", "labels")
    }
    assert {id: entry.raw for id, entry in disk.decisions.items()} == first
    assert disk.mark[0] == len(world.log("predictions"))


# -- the tests

SCRIPT = rounds(seed=1)


async def undisturbed(settings: dict[str, Any], learns: bool = False) -> tuple[World, list[str]]:
    with memory.world(batch=2, **USUAL, **settings) as world:
        return world, await Play(world, SCRIPT, learns).live()


@pytest.mark.parametrize("settings", PLAYS.values(), ids=PLAYS)
async def test_the_input_meets_everything_that_is_worth_a_replay(settings):
    world, places = await undisturbed(settings)
    all_holds(world)
    each_score_is_computed_again(world)
    assert sum(len(one.events) + len(one.labels) for one in SCRIPT) > 50
    outcomes = {r.outcome for entry in entries(world).values() for r in entry.revisions}
    assert outcomes == {"settled", "noted", "waiting", "expired"}
    assert {read_example(raw).y for raw in world.values("examples")} == {0, 1, None}
    assert any(read_example(raw).previous for raw in world.values("examples"))
    assert len(Left(world).letters()) == 5 and len(Left(world).passed_on()) == 1
    flagged = {read_prediction(raw).decision for raw in world.values("predictions")}
    assert flagged == ({"review", "approve"} if "review_budget" in settings else {"review"})
    assert len(places) > 100


@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("settings", PLAYS.values(), ids=PLAYS)
async def test_a_worker_that_ends_anywhere_leaves_what_one_without_faults_would(settings, disk):
    expected, places = await undisturbed(settings)
    for end, place in enumerate(places):
        with memory.world(batch=2, **USUAL, **settings) as world:
            try:
                gone = await Play(world, SCRIPT).live_and_die(end, disk)
                all_holds(world)
                compare(world, expected, gone, ALL)
            except BaseException as error:
                error.add_note(f"It had ended in front of place {end}: {place}.")
                raise
