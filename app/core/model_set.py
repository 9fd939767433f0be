"""The models of one head: one that learns everything, one for each partition."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from app.core.dump import Learned
from app.core.models.binned import BinnedLogistic
from app.core.models.grove.model import Grove
from app.core.models.layers import Floats
from app.core.models.logit import check_features
from app.core.models.zoo import Grids, make_model
from app.errors import StateError

M = TypeVar("M")


class ModelSet:
    """The shared model, the partitions' own, and what each of these has learned.

    Parameters
    ----------
    model
        Name of an entry of the zoo.
    partitions
        Partitions of the feedback topic.
    grids
        Ascending bin edges by feature name.
    """

    def __init__(self, model: str, partitions: int, grids: Grids) -> None:
        self._grids = grids
        own = [make_model(model, grids, own=True) for _ in range(partitions)]
        self._models = [make_model(model, grids), *own]
        # The same models, if all have the same bins: one look-up then serves several of them.
        self._alike = [m for m in self._models if isinstance(m, BinnedLogistic | Grove)]
        self.learned = [Learned() for _ in range(partitions)]

    def __len__(self) -> int:
        """How many partitions have a model."""
        return len(self.learned)

    def learn(
        self,
        x: dict[str, float],
        positive: bool,
        w: float,
        partition: int,
        cells: Sequence[int] | None = None,
        key: int = 0,
    ) -> None:
        """Teach the shared model and that of the label's partition.

        Features without a grid are left out: the example was scored with another set.
        `cells` is what `look_up` returned for `x`, if it was called. `key` is the 64 bit hash of
        the event's id, by which `forget` finds the example.
        """
        looked_up = cells is not None
        if cells is None:
            cells = self._cells(x)
        if cells is None and not x.keys() <= self._grids.keys():
            x = {name: value for name, value in x.items() if name in self._grids}
            cells = self._cells(x)
        if cells is None or not w:
            for model in _of(self._models, partition, "both"):
                model.learn_one(x, positive, w)
        else:
            if not looked_up:
                check_features(x)
            for alike in _of(self._alike, partition, "both"):
                alike.learn_at(cells, x, positive, w, alike.rough_at(cells), key)
        learned = self.learned[partition]
        if positive:
            learned.positives += 1
        else:
            learned.negatives += 1

    def forget(self, key: int, partition: int) -> None:
        """Drop an example whose label is taken back, or about to be corrected."""
        for model in _of(self._models, partition, "both"):
            model.forget(key)

    def look_up(self, rows: Sequence[dict[str, float]]) -> Sequence[Sequence[int] | None]:
        """For rows to be learned: the cells of each, None where `learn` has to look them up.

        They hold for all models of these grids, whatever they have learned.
        """
        cells = self._alike[0].cells_of_many(rows) if self._alike else None
        return [None] * len(rows) if cells is None else cells.T.tolist()

    def end_step(self, partition: int) -> None:
        """End a step of the log in the shared model and that of the partition."""
        for model in _of(self._models, partition, "both"):
            model.end_step()

    def logit(self, x: dict[str, float], partition: int, scope: str) -> float:
        """The score before the sigmoid of the models that `scope` names.

        `both` is the mean of the partition's own and the shared model in logits.
        """
        if scope != "both" or (cells := self._cells(x)) is None:
            logits = [model.logit_one(x) for model in _of(self._models, partition, scope)]
        else:
            logits = [model.logit_at(cells) for model in _of(self._alike, partition, scope)]
        return sum(logits) / len(logits)

    def logits(self, rows: Sequence[dict[str, float]], partition: int, scope: str) -> list[float]:
        """The scores of many rows, each with the bits of `logit`."""
        if scope == "both" and self._alike:
            cells = self._alike[0].cells_of_many(rows)
            if cells is None:  # a few: one look-up serves both models
                return [self.logit(x, partition, scope) for x in rows]
            logits = [model.logits_at(cells) for model in _of(self._alike, partition, scope)]
        else:
            logits = [model.logit_many(rows) for model in _of(self._models, partition, scope)]
        total: Floats = sum(logits[1:], start=logits[0])
        return [each / len(logits) for each in total.tolist()]

    def shared_logit(self, x: dict[str, float]) -> float:
        """The score of the shared model alone, before the sigmoid."""
        return self._models[0].logit_one(x)

    def contributions(self, x: dict[str, float], partition: int, scope: str) -> dict[str, float]:
        """Each feature's share of the logit, measured against the scoring models' average."""
        shares = [model.contributions_one(x) for model in _of(self._models, partition, scope)]
        return {name: sum(share[name] for share in shares) / len(shares) for name in x}

    def learned_by(self, partition: int, scope: str) -> Learned:
        """What the models that score have learned: everything unless `scope` is partition."""
        if scope == "partition":
            return self.learned[partition]
        learned = self.learned
        return Learned(sum(one.negatives for one in learned), sum(one.positives for one in learned))

    def parts(self) -> Iterator[bytes]:
        """A dump: the shared model, then the partitions', each made when it is asked for."""
        for model in self._models:
            yield msgspec.msgpack.encode(model.dump())

    def load(self, learned: list[Learned], parts: Iterable[bytes]) -> None:
        """Restore a dump and what was learned; takes no more parts than there are models.

        Raises
        ------
        StateError
            The dump is of other features or another partition count, or ends early. The
            models must not be used then.
        """
        if len(learned) != len(self):
            raise StateError(f"the stored models are of {len(learned)} partitions, not {len(self)}")
        parts = iter(parts)
        try:
            for model in self._models:
                model.load(msgspec.msgpack.decode(next(parts)))
        except (StopIteration, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateError(f"the stored models cannot be read: {error}") from None
        self.learned = learned

    def _cells(self, x: dict[str, float]) -> list[int] | None:
        """The cells of `x` in all models, None when each has to look them up itself."""
        return self._alike[0].cells_of(x) if self._alike else None


def _of(models: Sequence[M], partition: int, scope: str) -> tuple[M, ...]:
    """Those that a scope names, from the shared model and the partitions' own after it."""
    if scope == "both":
        return models[1 + partition], models[0]
    if scope == "shared":
        return (models[0],)
    if scope == "partition":
        return (models[1 + partition],)
    raise ValueError(f"a scope must be one of partition, shared, both, not {scope!r}")
