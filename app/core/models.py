"""All models of a learning state: one that learns everything, one for each partition."""

from collections.abc import Iterable, Iterator

import msgspec

from app.core.zoo import Grids, Model, make_model
from app.errors import StateError


class Models:
    """The shared model, the partitions' own, and the frauds that each of these has learned.

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
        self._shared = make_model(model, grids)
        self._own = [make_model(model, grids) for _ in range(partitions)]
        self.learned_frauds = [0] * partitions

    def __len__(self) -> int:
        """How many partitions have a model."""
        return len(self._own)

    def learn(self, x: dict[str, float], fraud: bool, w: float, partition: int) -> None:
        """Teach the shared model and that of the label's partition."""
        self._shared.learn_one(x, fraud, w)
        self._own[partition].learn_one(x, fraud, w)
        self.learned_frauds[partition] += fraud

    def logit(self, x: dict[str, float], partition: int, scope: str) -> float:
        """The score before the sigmoid of the models that `scope` names.

        `both` is the mean of the partition's own and the shared model in logits.
        """
        logits = [model.logit_one(x) for model in self._scoring(partition, scope)]
        return sum(logits) / len(logits)

    def shared_logit(self, x: dict[str, float]) -> float:
        """The score of the shared model alone, before the sigmoid."""
        return self._shared.logit_one(x)

    def contributions(self, x: dict[str, float], partition: int, scope: str) -> dict[str, float]:
        """Each feature's share of the logit, measured against the scoring models' average."""
        shares = [model.contributions_one(x) for model in self._scoring(partition, scope)]
        return {name: sum(share[name] for share in shares) / len(shares) for name in x}

    def frauds(self, partition: int, scope: str) -> int:
        """Frauds learned by the models that score: all of them unless `scope` is partition."""
        return self.learned_frauds[partition] if scope == "partition" else sum(self.learned_frauds)

    def parts(self) -> Iterator[bytes]:
        """A dump: the shared model, then the partitions', each made when it is asked for."""
        for model in (self._shared, *self._own):
            yield msgspec.msgpack.encode(model.dump())

    def load(self, frauds: list[int], parts: Iterable[bytes]) -> None:
        """Restore a dump and the frauds learned; takes no more parts than there are models.

        Raises
        ------
        StateError
            The dump is of other features or another partition count, or ends early. The
            models are of no use then.
        """
        if len(frauds) != len(self):
            raise StateError(f"the stored models are of {len(frauds)} partitions, not {len(self)}")
        parts = iter(parts)
        try:
            for model in (self._shared, *self._own):
                model.load(msgspec.msgpack.decode(next(parts)))
        except (StopIteration, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateError(f"the stored models cannot be read: {error}") from None
        self.learned_frauds = list(frauds)

    def _scoring(self, partition: int, scope: str) -> tuple[Model, ...]:
        if scope == "both":
            return self._own[partition], self._shared
        if scope == "shared":
            return (self._shared,)
        if scope == "partition":
            return (self._own[partition],)
        raise ValueError(f"scope {scope!r} is none of partition, shared, both")
