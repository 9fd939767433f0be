"""The learning state: a fold of the examples log, the same on every worker that reads it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from app.core.dump import Counts, Header, Learned, Restored, Statistics, digest, read_header
from app.core.heads import DEFAULT_HEAD, NO_HEADS, Head, fresh_models, heads_digest, load_models
from app.core.messages import Example, Origin, Restore
from app.core.model_set import ModelSet
from app.core.models.logit import check_features
from app.core.models.zoo import Grids
from app.core.origins import FAR, Misfit, Origins
from app.errors import StateError

# What learning is. Raised whenever the same log would fold to another state: a state then begins
# with no snapshot of the number before, or two workers at one version would differ.
# tests/core/test_learning.py fails when learning has changed and this has not.
FOLD = 2


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
        self._models = fresh_models(self._heads, partitions)
        self.origins = Origins()
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
            When the offset was folded before; or, as Misfit, when partition or head do not
            exist, a feature is out of bounds, or the origin too far ahead. The state is unchanged
            then.
        """
        origin, models = example.origin, self._models.get(example.head or DEFAULT_HEAD)
        if offset < self.version:
            self._check_offset(offset)
        partition, origins = origin.partition, self.origins
        highest = origins.highest.get(partition)
        if (  # what is known of most examples without a closer look
            cells is None
            or models is None
            or highest is None
            or origin.epoch != highest.epoch
            or not 0 <= origin.offset <= highest.offset + FAR
        ):
            models = self._check(example, offset)
        self.version = offset + 1
        if origins.ahead:
            origins.ahead.pop(partition, None)
        new = highest is None or origin > highest
        if new:
            origins.highest[partition] = origin
            self.statistics.learn(example, models)
            self._learn(example, models, cells)
        else:
            self.counts.skipped += 1
        if example.end_of_step:
            for each in self._models.values():
                each.end_step(partition)
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

    def pass_over(self, offset: int, ahead: Origin | None = None) -> None:
        """Leave the log's entry at `offset` out. Raises StateError as `fold` does.

        `ahead` is the origin of an example that is too far ahead of those of its partition. If the
        next one of the partition is close behind that, so is the log.
        """
        self._check_offset(offset)
        self.version = offset + 1
        if ahead is not None:
            self.origins.expect(ahead)

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
        return self.origins.highest.get(partition)

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
        header = read_header(parts, self.model, self.partitions)
        load_models(self._models, header, parts)
        self.statistics.load(parts)
        if next(parts, None) is not None:
            raise StateError("the stored learning state has more parts than were read")
        self.version = header.version
        self.counts = header.counts
        self.origins = Origins(header.origins, header.ahead or ())
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

    def _header(self) -> Header:
        others = {name: each.learned for name, each in self._models.items() if name}
        highest, ahead = self.origins.dumped()
        return Header(
            model=self.model,
            partitions=self.partitions,
            version=self.version,
            counts=self.counts,
            learned=self._models[DEFAULT_HEAD].learned,
            origins=highest,
            restores=self.restores,
            heads=others or UNSET,
            ahead=ahead or UNSET,
        )

    def _check(self, example: Example, offset: int) -> ModelSet:
        """The models that learn an example; raises Misfit unless it can be of this log."""
        origin, models = example.origin, self._models.get(example.head or DEFAULT_HEAD)
        if models is None:
            raise Misfit(f"example {offset} is of the head {example.head!r}, which is unknown")
        if not 0 <= origin.partition < self.partitions:
            raise Misfit(
                f"example {offset} comes from feedback partition {origin.partition}, "
                f"but there are {self.partitions} partitions"
            )
        try:
            check_features(example.x)
        except ValueError as error:
            raise Misfit(f"example {offset} has features that are {error}") from None
        self.origins.check(origin, offset)
        return models

    def _check_offset(self, offset: int) -> None:
        if offset < self.version:
            raise StateError(f"example {offset} is folded again at version {self.version}")

    def _read_models(self, entry: Restore, parts: Iterator[bytes]) -> dict[str, ModelSet]:
        header = read_header(parts, self.model, self.partitions)
        if header.version != entry.version:
            raise StateError(f"restore {entry.id} names version {entry.version}, not its snapshot")
        models = fresh_models(self._heads, self.partitions)
        load_models(models, header, parts)
        return models
