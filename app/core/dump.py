"""How a learning state is dumped: a header, models, statistics, and a digest over them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from app.core.messages import Example, Origin, Restore
from app.errors import StateError


class Statistics(Protocol):
    """What is folded besides models: each example that counts, exactly once, in log order."""

    def learn(self, example: Any, models: "Scorer") -> None:
        """Take in one example; if `y` is null or `previous` is given, take back a label as well.

        The models have not learned it yet.
        """

    def parts(self) -> Iterator[bytes]:
        """A dump in parts, each made in well under 5 ms and at most about 1 MB large."""

    def load(self, parts: Iterable[bytes]) -> None:
        """Restore a dump, so that whatever is computed or dumped later has the same bits."""


class NoStatistics:
    """The statistics of who keeps models alone."""

    def learn(self, example: Any, models: "Scorer") -> None:
        """Learn nothing."""

    def parts(self) -> Iterator[bytes]:
        """No parts."""
        return iter(())

    def load(self, parts: Iterable[bytes]) -> None:
        """Load nothing."""


class Counts(Struct):
    """Entries folded so far: `examples` were learned, `withdrawn` taught statistics only.

    `asked` counts the latest negatives in a row that are of flagged events: those about which
    somebody was asked. Since it is folded, all workers say the same of it, after a restart too;
    and where there is none it is left out, as earlier releases did.
    """

    # The names in manifests and dumps are those of the first application.
    examples: int = 0
    positives: int = field(default=0, name="frauds")
    negatives: int = field(default=0, name="legitimate")
    withdrawn: int = 0
    skipped: int = 0
    asked: int | UnsetType = UNSET

    def negative(self, example: Example) -> None:
        """Count a negative. Whether an old event was flagged is not known without a threshold."""
        self.negatives += 1
        if example.threshold is not None:
            flagged = example.score >= example.threshold
            self.asked = (self.asked or 0) + 1 if flagged else UNSET


class Learned(Struct, array_like=True):
    """How many examples of each class a model has learned."""

    negatives: int = 0
    positives: int = 0


class Scorer(Protocol):
    """The models of a learning state, as statistics may use them."""

    def shared_logit(self, x: dict[str, float]) -> float:
        """The score of the shared model alone, before the sigmoid."""

    def learned_by(self, partition: int, scope: str) -> Learned:
        """What the models that score have learned."""


class Restored(Struct, array_like=True, frozen=True):
    """A restore that took effect: its id and offset, and the snapshot whose models it took."""

    id: str
    offset: int
    version: int
    digest: str


Named = Restore | Restored  # what names a snapshot by version and digest
Resolve = Callable[[Named], Iterable[bytes]]  # the first parts of the named snapshot


class Header(Struct):
    """The first part of a dump. `learned` is of the default head, `heads` of the others by name.

    `ahead` holds origins that are too far ahead to count unless they are said again.
    """

    model: str
    partitions: int
    version: int
    counts: Counts
    learned: list[Learned]
    origins: list[Origin]
    restores: list[Restored]
    heads: dict[str, list[Learned]] | UnsetType = UNSET
    ahead: list[Origin] | UnsetType = UNSET

    @property
    def models(self) -> int:
        """How many models follow: a shared one and one for each partition, for each head."""
        return (1 + self.partitions) * (1 + len(self.heads or {}))


def read_header(parts: Iterator[bytes], model: str, partitions: int) -> Header:
    """The first of these parts; raises StateError unless it is of such a state."""
    try:
        header = msgspec.msgpack.decode(next(parts), type=Header)
    except (StopIteration, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"the stored learning state cannot be read: {error}") from None
    if header.model != model:
        raise StateError(f"the stored state is of model {header.model!r}, not {model!r}")
    if header.partitions != partitions:
        raise StateError(f"the stored state is of {header.partitions} partitions, not {partitions}")
    return header


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
