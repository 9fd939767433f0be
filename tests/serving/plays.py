"""The input of the replays, how it is played, and what is left of it."""

import random
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from app.core.labels import LabelEntry, Revision, decode_entry
from app.core.messages import Origin, Source
from app.core.threshold import KEY, Threshold
from app.errors import Refused
from app.serving.elsewhere import claimed, is_copy
from app.serving.evicted import PREFIX, decode_evicted, key_of
from app.streams.fraud.history.recent import ROW
from app.streams.fraud.messages import (
    Feedback,
    Prediction,
    Transaction,
    read_example,
    read_prediction,
)
from tests.serving.memory import OURS, THEIRS, Aborted, Disk, Worker, World, payment, said

CHUNK = 5  # most records in a step
BATCH = 3  # records that land together
USUAL = {"history_events": 4, "history_replay": CHUNK}
ROOM = 4  # labels listed of one transaction
BUDGET = {"review_threshold": 0.01, "review_budget": 4.0}
PLAYS = {
    "every decision reviewed": {"review_threshold": 0.0},
    "a budget": BUDGET,
    "a budget, records held back": {**BUDGET, "coalesce": 1.0},
    "fields of one's own": {
        "review_threshold": 0.0,
        "fields": str(Path(__file__).with_name("fields.toml")),
    },
}
DISKS = ("kept", "wiped", "comes back")


class Copy(NamedTuple):
    """A transaction that lies on the other partition and has been entered again from there."""

    of: Transaction


class Round(NamedTuple):
    """Events and labels that come together. What is None cannot be read."""

    events: list[Transaction | Copy | None]
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
            payment(
                n,
                customer_of(n),
                amount=chance.choice([9.0, 20.0, 800.0]),
                label=own,
                category=f"k{n % 3}",
                fields={"shop": f"s{n % 4}", "age": float(n)} if n % 2 else {},
            )
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
    # Events on a wrong partition: this one, and the other one, whose worker repeats its copies.
    made[1].events.extend(payment(n, THEIRS) for n in (70, 71))
    made[1].events.extend(payment(n, "ann") for n in range(40, 46))  # more than a record holds
    copies = [Copy(payment(n, customer)) for n, customer in ((30, "ann"), (31, "bob"), (32, "ann"))]
    made[0].events.extend(copies[:2])
    made[2].events.extend(copies)
    # More of one transaction than are listed: known already, and before it comes.
    flips = ("fraud", "legit") * 3
    made[1].labels.extend(of(3, y, "chargeback", later=20 + n) for n, y in enumerate(flips))
    made[1].labels.extend(of(10, "unsure", "customer", later=n) for n in range(4))
    made[1].labels.extend([of(10, "legit", "customer", later=5), of(10, "fraud", "chargeback")])
    made[2].labels.append(of(3, "unsure", later=99))
    return made


def publish(world: World, one: Round, elsewhere: Mapping[str, ConsumerRecord]) -> None:
    send = {"events": one.events, "feedback": one.labels}
    for topic, message in ((topic, m) for topic, messages in send.items() for m in messages):
        if message is None:
            world.send(topic, "ann", b"nonsense")
        elif isinstance(message, Copy):
            world.enter_again(elsewhere[message.of.id])
        elif isinstance(message, Transaction):
            world.pay(message)
        else:
            world.say(message)


class Play:
    """An input, and how much of it has come so far."""

    def __init__(self, world: World, script: Sequence[Round]) -> None:
        self.world, self.script = world, script
        copied = {one.of.id: one.of for some in script for one in some.events if type(one) is Copy}
        self.elsewhere = {id: world.pay_elsewhere(one) for id, one in copied.items()}
        self.come = 0
        world.ids = dict.fromkeys(world.setup.topics.inputs, "as made")

    def go_on(self) -> None:
        """The next round comes."""
        publish(self.world, self.script[self.come], self.elsewhere)
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


def entered_there(world: World) -> list[ConsumerRecord]:
    """The events that workers have entered again on the other partition."""
    return [record for record in world.log("events", partition=1) if is_copy(record)]


def first_predictions(world: World) -> dict[str, bytes]:
    first: dict[str, bytes] = {}
    for raw in world.values("predictions"):
        first.setdefault(read_prediction(raw).id, raw)
    return first


def entries(world: World) -> dict[str, LabelEntry]:
    kept = world.changes("labels")
    return {key.decode(): decode_entry(raw, "") for key, raw in kept.items() if b"\0" not in key}


def evicted(world: World) -> dict[str, list[Revision]]:
    """What had to leave the entries, by transaction."""
    found: dict[str, list[Revision]] = {}
    for key, raw in sorted(world.changes("labels").items()):
        if key.startswith(PREFIX):
            one = decode_evicted(raw)
            id = key.removeprefix(key_of("", one.origin)).decode()
            found.setdefault(id, []).append(one)
    return found


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
    """The transactions of this partition, by their offsets."""
    found = []
    for record in world.log("events"):
        with suppress(Refused):
            event = world.setup.application.read(record.value)
            if event.key != THEIRS:
                found.append((record.offset, event))
    return found


def origin(world: World, offset: int) -> Source | None:
    """Where a transaction lay at first, if it was entered again."""
    return claimed(world.log("events")[offset], epoch=1, partitions=2)


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

    def evicted(self) -> dict[str, object]:
        left = evicted(self.world)
        return {id: [self.revision(one) for one in left[id]] for id in left}

    def revision(self, revision: Any) -> object:
        told = {**msgspec.structs.asdict(revision), "origin": self.origin(revision.origin)}
        told["evicted"] = revision.evicted and self.origin(revision.evicted)
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

    def passed_on(self) -> set[object]:
        """What was entered again on the other partition, where it may lie twice."""
        copies = {(record.value, record.headers) for record in entered_there(self.world)}
        return copies | set(self.world.values("feedback", partition=1))

    def origin(self, origin: Origin) -> tuple[bytes, bytes, int]:
        record = self.world.log("feedback")[origin.offset]
        return record.key, record.value, record.timestamp

    def all(self) -> dict[str, object]:
        parts = (
            self.decisions,
            self.records,
            self.labels,
            self.evicted,
            self.examples,
            self.letters,
            self.passed_on,
        )
        return {part.__name__: part() for part in parts}
