"""The models of one head: one that learns everything, one for each partition."""

from collections.abc import Iterable, Iterator, Sequence
from math import fsum
from typing import TypeVar

import msgspec

from app.core.dump import Learned
from app.core.mixing import Mixed, Mixing
from app.core.models.classifier import Explained
from app.core.models.logit import check_features
from app.core.models.zoo import CellModel, Grids, Model, make_model
from app.errors import StateError

M = TypeVar("M")

ALONE = {"shared": 0.0, "partition": 1.0}  # the own model's weight in scopes of one model


class ModelSet:
    """The shared model, the partitions' own, and how much of these is mixed into it.

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
        self._alike = [m for m in self._models if isinstance(m, CellModel)]
        self.learned = [Learned() for _ in range(partitions)]
        self.mixings = [Mixing() for _ in range(partitions)]

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
        if not looked_up:
            check_features(x)
        if not w:
            pass  # it is counted, and teaches nothing
        elif cells is None:
            self._learn_one(x, positive, w, partition)
        else:
            self._learn_at(cells, positive, w, partition, key)
        learned = self.learned[partition]
        if positive:
            learned.positives += 1
        else:
            learned.negatives += 1

    def forget(self, key: int, partition: int) -> None:
        """Drop an example whose label is taken back, or about to be corrected."""
        for model in _both(self._models, partition):
            model.forget(key)

    def look_up(self, rows: Sequence[dict[str, float]]) -> Sequence[Sequence[int] | None]:
        """For rows to be learned: the cells of each, None where `learn` has to look them up.

        They hold for all models of these grids, whatever they have learned.
        """
        cells = self._alike[0].cells_of_many(rows) if self._alike else None
        return [None] * len(rows) if cells is None else cells.T.tolist()

    def end_step(self, partition: int) -> None:
        """End a step of the log in the shared model and that of the partition."""
        for model in _both(self._models, partition):
            model.end_step()

    def own(self, partition: int, scope: str) -> float:
        """The weight of the partition's own model in a scope; the shared one has the rest."""
        if scope == "both":
            return self.mixings[partition].own
        if scope in ALONE:
            return ALONE[scope]
        raise ValueError(f"a scope must be one of partition, shared, both, not {scope!r}")

    def logit(self, x: dict[str, float], partition: int, scope: str) -> float:
        """The score before the sigmoid of the models that `scope` names.

        `both` is the mean in logits of the shared model and the partition's own, by the weight that
        this one has earned.
        """
        own = self.own(partition, scope)
        if own in (0.0, 1.0):
            return self._alone(partition, own).logit_one(x)
        cells = self._cells(x)
        if cells is None:
            shared, other = (model.logit_one(x) for model in _both(self._models, partition))
        else:
            shared, other = (model.logit_at(cells) for model in _both(self._alike, partition))
        return (1.0 - own) * shared + own * other

    def logits(self, rows: Sequence[dict[str, float]], partition: int, scope: str) -> list[float]:
        """The scores of many rows, each with the bits of `logit`."""
        own = self.own(partition, scope)
        if own in (0.0, 1.0):
            alone: list[float] = self._alone(partition, own).logit_many(rows).tolist()
            return alone
        if self._alike:
            cells = self._alike[0].cells_of_many(rows)
            if cells is None:  # a few: one look-up serves both models
                return [self.logit(x, partition, scope) for x in rows]
            shared, other = (model.logits_at(cells) for model in _both(self._alike, partition))
        else:
            shared, other = (model.logit_many(rows) for model in _both(self._models, partition))
        mixed: list[float] = ((1.0 - own) * shared + own * other).tolist()
        return mixed

    def shared_logit(self, x: dict[str, float]) -> float:
        """The score of the shared model alone, before the sigmoid."""
        return self._models[0].logit_one(x)

    def contributions(self, x: dict[str, float], partition: int, scope: str) -> dict[str, float]:
        """Each feature's share of the logit, measured against the scoring models' average."""
        own = self.own(partition, scope)
        if own in (0.0, 1.0):
            return self._alone(partition, own).contributions_one(x)
        shared, other = (model.contributions_one(x) for model in _both(self._models, partition))
        return {name: (1.0 - own) * shared[name] + own * other[name] for name in x}

    def explain(self, x: dict[str, float], partition: int, scope: str) -> Explained:
        """The score taken apart: a base and the contributions, which add up to the logit."""
        shares = self.contributions(x, partition, scope)
        return Explained(self.logit(x, partition, scope) - fsum(shares.values()), shares)

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

    def mixed(self) -> list[Mixed]:
        """How much of each partition's own model is mixed in; changed as they learn."""
        return [mixing.dump() for mixing in self.mixings]

    def load(
        self, learned: list[Learned], parts: Iterable[bytes], mixed: list[Mixed] | None = None
    ) -> None:
        """Restore a dump and what was learned; takes no more parts than there are models.

        Without `mixed` the partitions' own models begin with no weight.

        Raises
        ------
        StateError
            The dump is of other features or another partition count, or ends early. The
            models must not be used then.
        """
        for stored in (learned, mixed):
            if stored is not None and len(stored) != len(self):
                raise StateError(
                    f"the stored models are of {len(stored)} partitions, not {len(self)}"
                )
        parts = iter(parts)
        try:
            for model in self._models:
                model.load(msgspec.msgpack.decode(next(parts)))
        except (StopIteration, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateError(f"the stored models cannot be read: {error}") from None
        self.learned = learned
        self.mixings = [Mixing(each) for each in mixed or [Mixed() for _ in learned]]

    def _learn_at(
        self,
        cells: Sequence[int],
        positive: bool,
        w: float,
        partition: int,
        key: int,
    ) -> None:
        """Teach models of the same bins, and the mixing before them."""
        shared, own = _both(self._alike, partition)
        shared_rough, own_rough = shared.rough_at(cells), own.rough_at(cells)
        mixing = self.mixings[partition]
        if share := mixing.share(shared_rough, own_rough, positive, w):
            mixing.learn(shared.logit_at(cells), own.logit_at(cells), positive, w / share)
        own.learn_at(cells, positive, w, own_rough, key)
        shared.learn_at(cells, positive, w, shared_rough, key)

    def _learn_one(self, x: dict[str, float], positive: bool, w: float, partition: int) -> None:
        """Teach models of any kind, and the mixing before them."""
        shared, own = _both(self._models, partition)
        mixing = self.mixings[partition]
        if share := mixing.share(shared.rough_one(x), own.rough_one(x), positive, w):
            mixing.learn(shared.logit_one(x), own.logit_one(x), positive, w / share)
        own.learn_one(x, positive, w)
        shared.learn_one(x, positive, w)

    def _alone(self, partition: int, own: float) -> Model:
        """The one model that scores where the own one has the weight 0 or 1."""
        return self._models[1 + partition] if own else self._models[0]

    def _cells(self, x: dict[str, float]) -> list[int] | None:
        """The cells of `x` in all models, None when each has to look them up itself."""
        return self._alike[0].cells_of(x) if self._alike else None


def _both(models: Sequence[M], partition: int) -> tuple[M, M]:
    """The shared model, and the partition's own after it."""
    return models[0], models[1 + partition]
