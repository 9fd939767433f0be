"""Examples, a log of them and small statistics for the tests of the core."""

import random
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from app.core.dump import Scorer
from app.core.fold import LearningState
from app.core.heads import Head
from app.core.messages import Origin
from app.streams.fraud.messages import Example

GRIDS = {"amount": [10.0, 50.0, 100.0, 220.0], "count": [1.0, 2.0, 5.0], "night": [0.5]}
PARTITIONS = 3
HEADS = {
    "night": Head("bayes", {"night": [0.5]}),
    "count": Head("binned_net", {"count": [1.0, 2.0, 5.0], "amount": [30.0]}),
}


class Tally:
    """Frauds by merchant: the smallest statistics that corrections and order can break."""

    def __init__(self) -> None:
        self.frauds: dict[str, float] = {}
        self.last = ""

    def learn(self, example: Example, models: Scorer) -> None:
        before = example.previous.label * example.previous.weight if example.previous else 0.0
        change = (example.y or 0) * example.w - before
        self.frauds[example.merchant] = self.frauds.get(example.merchant, 0.0) + change
        self.last = example.id

    def parts(self) -> Iterator[bytes]:
        yield self.last.encode()
        for merchant in sorted(self.frauds):
            yield msgspec.msgpack.encode((merchant, self.frauds[merchant]))

    def load(self, parts: Iterable[bytes]) -> None:
        parts = iter(parts)
        self.last = next(parts).decode()
        self.frauds = dict(msgspec.msgpack.decode(part) for part in parts)


def state(model: str = "binned", partitions: int = PARTITIONS) -> LearningState:
    return LearningState(model, partitions, GRIDS, Tally())


def features(chance: random.Random) -> dict[str, float]:
    """Some of the features, in any order: a fraud has amounts above 100."""
    x = {
        "count": float(chance.randrange(8)),
        "amount": chance.lognormvariate(4.0, 1.0),
        "night": float(chance.random() < 0.3),
        "unlisted": chance.gauss(0.0, 3.0),
    }
    names = chance.sample(list(x), k=chance.randint(1, 4))
    return {name: x[name] for name in names}


def example(seed: int, origin: Origin, y: int | None = 0, w: float = 1.0) -> Example:
    """An example whose features follow from `seed`."""
    return Example(
        id=f"t{seed}",
        x=features(random.Random(seed)),
        y=y,
        w=w,
        previous=None,
        score=0.5,
        version=0,
        merchant=f"m{seed % 5}",
        location="",
        at=seed,
        known=seed,
        origin=origin,
        end_of_step=True,
    )


def log(length: int, seed: int = 0) -> list[tuple[int, Example]]:
    """Entries (offset, example) in which each partition's origins rise and none repeats."""
    chance = random.Random(seed)
    ends = [0] * PARTITIONS
    entries = []
    for offset in range(length):
        partition = chance.randrange(PARTITIONS)
        ends[partition] += chance.randint(1, 3)
        origin = Origin(1, partition, ends[partition])
        y = chance.choices([0, 1, None], weights=[6, 3, 1])[0]
        entries.append(
            (offset, example(seed * 1000 + offset, origin, y, chance.choice([1.0, 2.5])))
        )
    return entries


def headed(heads: Mapping[str, Head] = HEADS) -> LearningState:
    return LearningState("binned", PARTITIONS, GRIDS, Tally(), heads)


def to_heads(length: int, seed: int = 0) -> list[tuple[int, Example]]:
    """A log whose examples are of all heads; some steps end with one."""
    chance = random.Random(seed)
    return [
        (
            offset,
            msgspec.structs.replace(
                entry,
                head=chance.choice(["", *HEADS, msgspec.UNSET]),
                end_of_step=chance.random() < 0.3,
            ),
        )
        for offset, entry in log(length, seed)
    ]


def replayed(entries: list[tuple[int, Example]], seed: int) -> list[tuple[int, Example]]:
    """The log of a worker that dies now and then: suffixes of a partition come again."""
    chance = random.Random(seed)
    out: list[Example] = []
    past: dict[int, list[Example]] = {}
    for _, entry in entries:
        out.append(entry)
        past.setdefault(entry.origin.partition, []).append(entry)
        if chance.random() < 0.2:
            again = past[chance.choice(list(past))]
            out += again[chance.randrange(len(again)) :]
    return list(enumerate(out))
