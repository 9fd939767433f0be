"""The learning state: a fold of the examples log, the same on every worker that reads it."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec
from msgspec import Struct

from app.core.zoo import Grids, Model, make_model
from app.errors import StateError
from app.messages import Example, Origin


class Statistics(Protocol):
    """What is folded besides models: each example that counts, exactly once, in log order."""

    def learn(self, example: Example) -> None:
        """Take in one example; with `y` null or `previous` given it takes back as well."""

    def parts(self) -> Iterator[bytes]:
        """A dump in parts, each made in well under 5 ms and at most about 1 MB large."""

    def load(self, parts: Iterable[bytes]) -> None:
        """Restore a dump, so that whatever is asked or dumped later has the same bits."""


class Counts(Struct):
    """Entries folded so far: `examples` were learned, `withdrawn` taught statistics only."""

    examples: int = 0
    frauds: int = 0
    legitimate: int = 0
    withdrawn: int = 0
    skipped: int = 0


class Header(Struct):
    """The first part of a dump."""

    model: str
    partitions: int
    version: int
    counts: Counts
    frauds: list[int]
    origins: list[Origin]


class LearningState:
    """All models and statistics at one version of the examples log.

    Each example is learned twice: by the shared model and by the model of the feedback
    partition that it came from. Nothing but the log decides what the state is, so two
    states that folded the same entries are equal bit by bit. `Example.end_of_step` is for
    models that learn in batches; none of the present ones does.

    Parameters
    ----------
    model
        Name of an entry of the zoo.
    partitions
        Partitions of the feedback topic.
    grids
        Ascending bin edges by feature name.
    statistics
        What is folded besides the models; fresh.
    """

    def __init__(self, model: str, partitions: int, grids: Grids, statistics: Statistics) -> None:
        self.model = model
        self.statistics = statistics
        self.version = 0  # the next offset of the examples log to fold
        self.counts = Counts()
        self._shared = make_model(model, grids)
        self._models = [make_model(model, grids) for _ in range(partitions)]
        self._frauds = [0] * partitions
        self._origins: dict[int, Origin] = {}

    @property
    def partitions(self) -> int:
        """Partitions of the feedback topic."""
        return len(self._models)

    def fold(self, example: Example, offset: int) -> bool:
        """Take in the log's entry at `offset`; afterwards `version` is `offset + 1`.

        Returns False for an entry that is skipped: its origin is not above the highest of
        its feedback partition, so a restarted worker has appended it a second time.

        Raises
        ------
        StateError
            When the offset was folded before or the partition does not exist. The state is
            unchanged then.
        """
        origin = example.origin
        if offset < self.version:
            raise StateError(f"example {offset} is folded again at version {self.version}")
        if not 0 <= origin.partition < self.partitions:
            raise StateError(
                f"example {offset} comes from feedback partition {origin.partition}, "
                f"but there are {self.partitions} partitions"
            )
        self.version = offset + 1
        highest = self._origins.get(origin.partition)
        if highest is not None and origin <= highest:
            self.counts.skipped += 1
            return False
        self._origins[origin.partition] = origin
        self.statistics.learn(example)
        self._learn(example, origin.partition)
        return True

    def logit(self, x: dict[str, float], partition: int, scope: str) -> float:
        """The score before the sigmoid of the models that `scope` names.

        `both` is the mean of the partition's own and the shared model in logits.
        """
        logits = [model.logit_one(x) for model in self._scoring(partition, scope)]
        return sum(logits) / len(logits)

    def contributions(self, x: dict[str, float], partition: int, scope: str) -> dict[str, float]:
        """Each feature's share of the logit, measured against the scoring models' average."""
        shares = [model.contributions_one(x) for model in self._scoring(partition, scope)]
        return {name: sum(share[name] for share in shares) / len(shares) for name in x}

    def frauds(self, partition: int, scope: str) -> int:
        """Frauds learned by the models that score: all of them unless `scope` is partition."""
        return self._frauds[partition] if scope == "partition" else sum(self._frauds)

    def highest(self, partition: int) -> Origin | None:
        """The highest origin of a feedback partition; None before its first example."""
        return self._origins.get(partition)

    def folded(self, origin: Origin) -> bool:
        """Whether the example of this origin, or a later one of its partition, was folded."""
        highest = self.highest(origin.partition)
        return highest is not None and origin <= highest

    def parts(self) -> Iterator[bytes]:
        """The whole state: header, shared model, partition models, statistics.

        Each part is made when it is asked for. Nothing may be folded between the first and
        the last, else the parts are of different versions.
        """
        origins = [self._origins[partition] for partition in sorted(self._origins)]
        header = Header(
            self.model, self.partitions, self.version, self.counts, self._frauds, origins
        )
        yield msgspec.msgpack.encode(header)
        for model in (self._shared, *self._models):
            yield msgspec.msgpack.encode(model.dump())
        yield from self.statistics.parts()

    def load(self, parts: Iterable[bytes]) -> None:
        """Restore what `parts` gave, into a state made with the same arguments.

        Raises
        ------
        StateError
            When the dump is of another model, other features or another partition count, or
            ends early. The state is of no use then.
        """
        parts = iter(parts)
        try:
            header = msgspec.msgpack.decode(next(parts), type=Header)
            self._check(header)
            for model in (self._shared, *self._models):
                model.load(msgspec.msgpack.decode(next(parts)))
        except (StopIteration, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateError(f"the stored learning state cannot be read: {error}") from None
        self.statistics.load(parts)
        if next(parts, None) is not None:
            raise StateError("the stored learning state has more parts than were read")
        self.version = header.version
        self.counts = header.counts
        self._frauds = header.frauds
        self._origins = {origin.partition: origin for origin in header.origins}

    def digest(self) -> str:
        """sha256 of the whole state, as 64 hexadecimal digits."""
        return digest(self.parts())

    def _learn(self, example: Example, partition: int) -> None:
        if example.y is None:
            self.counts.withdrawn += 1
            return
        fraud = example.y == 1
        self._shared.learn_one(example.x, fraud, example.w)
        self._models[partition].learn_one(example.x, fraud, example.w)
        self.counts.examples += 1
        if fraud:
            self.counts.frauds += 1
            self._frauds[partition] += 1
        else:
            self.counts.legitimate += 1

    def _scoring(self, partition: int, scope: str) -> tuple[Model, ...]:
        if scope == "both":
            return self._models[partition], self._shared
        if scope == "shared":
            return (self._shared,)
        if scope == "partition":
            return (self._models[partition],)
        raise ValueError(f"scope {scope!r} is none of partition, shared, both")

    def _check(self, header: Header) -> None:
        if header.model != self.model:
            raise StateError(f"the stored state is of model {header.model!r}, not {self.model!r}")
        if header.partitions != self.partitions or len(header.frauds) != self.partitions:
            raise StateError(
                f"the stored state is of {header.partitions} partitions, not {self.partitions}"
            )


def digest(parts: Iterable[bytes]) -> str:
    """sha256 over parts and their lengths, as 64 hexadecimal digits.

    >>> digest([b"ab"]) == digest([b"a", b"b"])
    False
    """
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big"))
        sha.update(part)
    return sha.hexdigest()


def fold_log(
    state: LearningState, entries: Iterable[tuple[int, Example]], through: int | None = None
) -> LearningState:
    """Fold the entries (offset, example) of a log up to and including offset `through`.

    Entries below the state's version are passed over, so the log may be given from its
    start. Of a log without holes, nothing behind `through` is read.
    """
    for offset, example in entries:
        if through is not None and offset > through:
            break
        if offset >= state.version:
            state.fold(example, offset)
        if offset == through:
            break
    return state
