"""All models of a learning state: one that learns everything, one for each partition."""

from collections.abc import Iterable, Iterator

import msgspec

from app.core.binned import BinnedLogistic
from app.core.dump import Learned
from app.core.logit import check_features
from app.core.step import end_step
from app.core.zoo import Grids, Model, make_model
from app.errors import StateError


class Models:
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
        self._shared = make_model(model, grids)
        self._own = [make_model(model, grids) for _ in range(partitions)]
        self.learned = [Learned() for _ in range(partitions)]

    def __len__(self) -> int:
        """How many partitions have a model."""
        return len(self._own)

    def learn(self, x: dict[str, float], fraud: bool, w: float, partition: int) -> None:
        """Teach the shared model and that of the label's partition.

        Features without a grid are left out: they are of an example that was scored with others.
        """
        shared, own = self._shared, self._own[partition]
        cells = self._cells(x)
        if cells is None and not x.keys() <= self._grids.keys():
            x = {name: value for name, value in x.items() if name in self._grids}
            cells = self._cells(x)
        if cells is None or not w:
            shared.learn_one(x, fraud, w)
            own.learn_one(x, fraud, w)
        else:
            check_features(x)
            for model in (shared, own):
                model.learn_at(cells, x, fraud, w)  # type: ignore[attr-defined]  # `_cells` looked
        learned = self.learned[partition]
        if fraud:
            learned.frauds += 1
        else:
            learned.legitimate += 1

    def end_step(self, partition: int) -> None:
        """Tell the shared model and that of the partition that a step of the log ends."""
        end_step(self._shared)
        end_step(self._own[partition])

    def logit(self, x: dict[str, float], partition: int, scope: str) -> float:
        """The score before the sigmoid of the models that `scope` names.

        `both` is the mean of the partition's own and the shared model in logits.
        """
        models = self._scoring(partition, scope)
        if len(models) == 1 or (cells := self._cells(x)) is None:
            logits = [model.logit_one(x) for model in models]
        else:
            logits = [model.logit_at(cells) for model in models]  # type: ignore[attr-defined]
        return sum(logits) / len(logits)

    def shared_logit(self, x: dict[str, float]) -> float:
        """The score of the shared model alone, before the sigmoid."""
        return self._shared.logit_one(x)

    def contributions(self, x: dict[str, float], partition: int, scope: str) -> dict[str, float]:
        """Each feature's share of the logit, measured against the scoring models' average."""
        shares = [model.contributions_one(x) for model in self._scoring(partition, scope)]
        return {name: sum(share[name] for share in shares) / len(shares) for name in x}

    def learned_by(self, partition: int, scope: str) -> Learned:
        """What the models that score have learned: everything unless `scope` is partition."""
        if scope == "partition":
            return self.learned[partition]
        learned = self.learned
        return Learned(sum(one.legitimate for one in learned), sum(one.frauds for one in learned))

    def parts(self) -> Iterator[bytes]:
        """A dump: the shared model, then the partitions', each made when it is asked for."""
        for model in (self._shared, *self._own):
            yield msgspec.msgpack.encode(model.dump())

    def load(self, learned: list[Learned], parts: Iterable[bytes]) -> None:
        """Restore a dump and what was learned; takes no more parts than there are models.

        Raises
        ------
        StateError
            The dump is of other features or another partition count, or ends early. The
            models are of no use then.
        """
        if len(learned) != len(self):
            raise StateError(f"the stored models are of {len(learned)} partitions, not {len(self)}")
        parts = iter(parts)
        try:
            for model in (self._shared, *self._own):
                model.load(msgspec.msgpack.decode(next(parts)))
        except (StopIteration, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateError(f"the stored models cannot be read: {error}") from None
        self.learned = learned

    def _cells(self, x: dict[str, float]) -> list[int] | None:
        """Where `x` lies in all models alike, None when each has to look by itself."""
        shared = self._shared
        return shared.cells_of(x) if isinstance(shared, BinnedLogistic) else None

    def _scoring(self, partition: int, scope: str) -> tuple[Model, ...]:
        if scope == "both":
            return self._own[partition], self._shared
        if scope == "shared":
            return (self._shared,)
        if scope == "partition":
            return (self._own[partition],)
        raise ValueError(f"scope {scope!r} is none of partition, shared, both")
