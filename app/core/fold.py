"""The learning state: a fold of the examples log, the same on every worker that reads it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from app.core.dump import Counts, Header, Learned, Restored, Statistics, digest
from app.core.fingerprint import grids_digest
from app.core.messages import Example, LogEntry, Origin, Restore
from app.core.model_set import ModelSet
from app.core.models.zoo import Grids
from app.errors import StateError

Named = Restore | Restored  # what names a snapshot by version and digest
Resolve = Callable[[Named], Iterable[bytes]]  # the first parts of the named snapshot

DEFAULT_HEAD = ""


class Head(NamedTuple):
    """What a head's models are: an entry of the zoo, and its features' bin edges by name."""

    model: str
    grids: Grids


NO_HEADS: Mapping[str, Head] = {}


def heads_digest(grids: Grids, heads: Mapping[str, Head]) -> str:
    """Fingerprint of what all models of a state learn; with one head alone, that of its grids."""
    if not heads:
        return grids_digest(grids)
    named = {
        f"{name}.{head.model}.{x}": head.grids[x]
        for name, head in sorted(heads.items())
        for x in head.grids
    }
    return grids_digest({**grids, **named})


class LearningState:
    """All models and statistics at one version of the examples log.

    Each example is learned twice: by the shared model and by the model of the feedback
    partition that it came from. Most applications have one such set of models, some several:
    an example names its head. Nothing but the log determines the state, so two states
    that folded the same entries are equal bit by bit. Models that learn in batches learn
    the open one at every `Example.end_of_step`, even where the example itself is skipped
    or withdrawn.

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
    heads
        Further models besides those of the default head, by name.
    """

    def __init__(
        self,
        model: str,
        partitions: int,
        grids: Grids,
        statistics: Statistics,
        heads: Mapping[str, Head] = NO_HEADS,
    ) -> None:
        if DEFAULT_HEAD in heads:
            raise ValueError("a head besides the default one needs a name")
        self.model, self.partitions = model, partitions
        self.features = heads_digest(grids, heads)
        self.statistics: Any = statistics  # its kind is the application's
        self.version = 0  # the next offset of the examples log to fold
        self.counts = Counts()
        self._heads = {DEFAULT_HEAD: Head(model, grids), **dict(sorted(heads.items()))}
        self._models = self._fresh_models()
        self._origins: dict[int, Origin] = {}
        self._restores: dict[str, Restored] = {}

    @property
    def restores(self) -> list[Restored]:
        """The restores that had an effect, in log order."""
        return list(self._restores.values())

    def look_up(self, examples: Sequence[Example]) -> Sequence[Sequence[int] | None]:
        """For examples to be folded: the cells of each in its models' bins.

        It is faster for many at once, and depends on nothing that is learned.
        """
        if len(self._heads) > 1:
            return [None] * len(examples)
        return self._models[DEFAULT_HEAD].look_up([example.x for example in examples])

    def fold(self, example: Example, offset: int, cells: Sequence[int] | None = None) -> bool:
        """Take in the log's example at `offset`; afterwards `version` is `offset + 1`.

        `cells` is what `look_up` returned for it, if it was called.

        Returns False for one that is skipped: its origin is not above the highest of its
        feedback partition, so a restarted worker has appended it a second time.

        Raises
        ------
        StateError
            When the offset was folded before, or partition or head do not exist. The state is
            unchanged then.
        """
        origin, models = example.origin, self._models.get(example.head or DEFAULT_HEAD)
        self._check_offset(offset)
        if models is None:
            raise StateError(f"example {offset} is of the head {example.head!r}, which is unknown")
        if not 0 <= origin.partition < self.partitions:
            raise StateError(
                f"example {offset} comes from feedback partition {origin.partition}, "
                f"but there are {self.partitions} partitions"
            )
        self.version = offset + 1
        new = not self.folded(origin)
        if new:
            self._origins[origin.partition] = origin
            self.statistics.learn(example, models)
            self._learn(example, models, cells)
        else:
            self.counts.skipped += 1
        if example.end_of_step:
            for each in self._models.values():
                each.end_step(origin.partition)
        return new

    def wants(self, entry: Restore) -> bool:
        """Whether a restore will have an effect.

        It has none when its id already had one. Nor when it was made for another model or for
        other features: such models cannot be used, and a state of another zoo entry that is
        folded from the log's start learns all of it.
        """
        fits = (entry.model, entry.features) == (self.model, self.features)
        return fits and entry.id not in self._restores

    def restore(self, entry: Restore, offset: int, parts: Iterable[bytes]) -> bool:
        """Take in the log's restore at `offset`: models as in a snapshot, all else stays.

        The models and the counts of what they have learned are replaced. Statistics, origins and
        counts stay: they say what was labelled, not what was concluded from it.

        Parameters
        ----------
        parts
            The snapshot's, at least header and models; nothing after them is read. Not
            looked at when the state does not want the entry.

        Returns
        -------
        bool
            False when the entry has no effect.

        Raises
        ------
        StateError
            When the offset was folded before, or the parts are not those of models of this
            state. The state is unchanged then.
        """
        self._check_offset(offset)
        wanted = self.wants(entry)
        if wanted:
            self._models = self._read_models(entry, iter(parts))
            self._restores[entry.id] = Restored(entry.id, offset, entry.version, entry.digest)
        self.version = offset + 1
        return wanted

    def pass_over(self, offset: int) -> None:
        """Leave the log's entry at `offset` out. Raises StateError as `fold` does."""
        self._check_offset(offset)
        self.version = offset + 1

    def logit(
        self, x: dict[str, float], partition: int, scope: str, head: str = DEFAULT_HEAD
    ) -> float:
        """The score before the sigmoid of the models that `scope` names."""
        return self._models[head].logit(x, partition, scope)

    def logits(
        self,
        rows: Sequence[dict[str, float]],
        partition: int,
        scope: str,
        head: str = DEFAULT_HEAD,
    ) -> list[float]:
        """The scores of many rows, each with the bits of `logit`; faster than one by one."""
        return self._models[head].logits(rows, partition, scope)

    def contributions(
        self, x: dict[str, float], partition: int, scope: str, head: str = DEFAULT_HEAD
    ) -> dict[str, float]:
        """Each feature's share of the logit, measured against the scoring models' average."""
        return self._models[head].contributions(x, partition, scope)

    def learned_by(self, partition: int, scope: str, head: str = DEFAULT_HEAD) -> Learned:
        """What the models that score have learned: everything unless `scope` is partition."""
        return self._models[head].learned_by(partition, scope)

    def highest(self, partition: int) -> Origin | None:
        """The highest origin of a feedback partition; None before its first example."""
        return self._origins.get(partition)

    def folded(self, origin: Origin) -> bool:
        """Whether the example of this origin, or a later one of its partition, was folded."""
        highest = self.highest(origin.partition)
        return highest is not None and origin <= highest

    def parts(self) -> Iterator[bytes]:
        """The whole state: header, shared model and partition models by head, statistics.

        Each part is made when it is asked for. Nothing may be folded between the first and
        the last, or the parts would be of different versions.
        """
        yield msgspec.msgpack.encode(self._header())
        for models in self._models.values():
            yield from models.parts()
        yield from self.statistics.parts()

    def load(self, parts: Iterable[bytes]) -> None:
        """Restore what `parts` returned, into a state made with the same arguments.

        Raises
        ------
        StateError
            When the dump is of another model, other features or another partition count, or
            ends early. The state must not be used then.
        """
        parts = iter(parts)
        header = self._read_header(parts)
        self._load_models(self._models, header, parts)
        self.statistics.load(parts)
        if next(parts, None) is not None:
            raise StateError("the stored learning state has more parts than were read")
        self.version = header.version
        self.counts = header.counts
        self._origins = {origin.partition: origin for origin in header.origins}
        self._restores = {restored.id: restored for restored in header.restores}

    def digest(self) -> str:
        """sha256 of the whole state, as 64 hexadecimal digits."""
        return digest(self.parts())

    def _learn(self, example: Example, models: ModelSet, cells: Sequence[int] | None) -> None:
        if example.y is None:
            self.counts.withdrawn += 1
            return
        positive = example.y == 1
        models.learn(example.x, positive, example.w, example.origin.partition, cells)
        self.counts.examples += 1
        if positive:
            self.counts.positives += 1
        else:
            self.counts.negatives += 1

    def _fresh_models(self) -> dict[str, ModelSet]:
        return {
            name: ModelSet(head.model, self.partitions, head.grids)
            for name, head in self._heads.items()
        }

    def _header(self) -> Header:
        others = {name: each.learned for name, each in self._models.items() if name}
        return Header(
            model=self.model,
            partitions=self.partitions,
            version=self.version,
            counts=self.counts,
            learned=self._models[DEFAULT_HEAD].learned,
            origins=[self._origins[partition] for partition in sorted(self._origins)],
            restores=self.restores,
            heads=others or UNSET,
        )

    def _check_offset(self, offset: int) -> None:
        if offset < self.version:
            raise StateError(f"example {offset} is folded again at version {self.version}")

    def _read_models(self, entry: Restore, parts: Iterator[bytes]) -> dict[str, ModelSet]:
        header = self._read_header(parts)
        if header.version != entry.version:
            raise StateError(f"restore {entry.id} names version {entry.version}, not its snapshot")
        models = self._fresh_models()
        self._load_models(models, header, parts)
        return models

    def _load_models(
        self, models: Mapping[str, ModelSet], header: Header, parts: Iterator[bytes]
    ) -> None:
        learned = {DEFAULT_HEAD: header.learned, **(header.heads or {})}
        if learned.keys() != models.keys():
            raise StateError(f"the stored models are of the heads {sorted(learned)}")
        for name, each in models.items():
            each.load(learned[name], parts)

    def _read_header(self, parts: Iterator[bytes]) -> Header:
        try:
            header = msgspec.msgpack.decode(next(parts), type=Header)
        except (StopIteration, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateError(f"the stored learning state cannot be read: {error}") from None
        if header.model != self.model:
            raise StateError(f"the stored state is of model {header.model!r}, not {self.model!r}")
        if header.partitions != self.partitions:
            raise StateError(
                f"the stored state is of {header.partitions} partitions, not {self.partitions}"
            )
        return header


def fold_entry(state: LearningState, entry: LogEntry, offset: int, resolve: Resolve) -> bool:
    """Fold one entry of the log, whatever it is; False when it has no effect on the models."""
    if isinstance(entry, Example):
        return state.fold(entry, offset)
    return state.restore(entry, offset, resolve(entry) if state.wants(entry) else ())
