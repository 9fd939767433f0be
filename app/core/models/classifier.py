"""What the classifiers of the zoo share: probabilities from logits, and what may be learned."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any, NamedTuple

import numpy as np
from river import base

from app.core.models.layers import Floats
from app.core.models.logit import check_features, probabilities


class Explained(NamedTuple):
    """A logit taken apart: `base` and the shares of the features that there are are its sum."""

    base: float
    shares: dict[str, float]


class LogitClassifier(base.Classifier):  # type: ignore[misc]  # River has no types
    """A binary classifier that answers in logits, as `app.core.models.zoo.Model` describes it."""

    # Whether rows with all features have one base: shares then say all that sets them apart.
    additive = True

    def predict_proba_one(self, x: Mapping[str, float], **_: Any) -> dict[bool, float]:
        """Probability of each class."""
        return probabilities(self.logit_one(x))

    @abstractmethod
    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""

    def rough_one(self, x: Mapping[str, float]) -> float:
        """A logit like that of `logit_one`, where one is known that costs less."""
        return self.logit_one(x)

    def logit_many(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """The scores of n rows, shape (n,), each with the bits of `logit_one`."""
        return np.array([self.logit_one(x) for x in rows], dtype=np.float64)

    def learn_one(self, x: Mapping[str, float], y: bool, w: float = 1.0) -> None:
        """Learn (x, y) with weight `w`; nothing with weight 0, where Adam, say, would still move.

        Raises
        ------
        ValueError
            When a value of `x` is not finite; nothing has been learned then.
        """
        check_features(x)
        if w:
            self._learn(x, y, w)

    def explain_one(self, x: Mapping[str, float]) -> Explained:
        """The logit of `x` as a base and each feature's share, see `contributions_one`.

        What features that are missing from `x` have to do with it is in the base; of a model
        that is not `additive`, what the shares do not explain is in it too.
        """
        shares = self.contributions_one(x)
        return Explained(self.logit_one(x) - fsum(shares.values()), shares)

    def forget(self, key: int) -> None:
        """A label is taken back, or about to be corrected: models that keep examples drop this one.

        `key` is the 64 bit hash of its event's id.
        """

    def end_step(self) -> None:
        """A step of the log ends: models that learn in batches learn the open one; others pass."""

    @abstractmethod
    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        """Learn an example that was checked."""
