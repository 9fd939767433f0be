"""Two models that both learn every example and score together."""

from collections.abc import Iterator, Mapping
from typing import Any

from river import base

from app.core.binned import BinnedLogistic
from app.core.linear import ScaledLogistic
from app.core.logit import check_features, probabilities
from app.core.plain import Plain
from app.core.step import end_step


class LogitMean(base.Classifier):  # type: ignore[misc]  # River has no types
    """The mean of two models' logits, which is their geometric mean in odds.

    Parameters
    ----------
    first, second
        Models as `app.core.zoo.Model` describes them.

    Examples
    --------
    >>> model = LogitMean(BinnedLogistic({"amount": [10.0, 100.0]}), ScaledLogistic())
    >>> model.learn_one({"amount": 500.0}, True)
    >>> both = model.first.logit_one({"amount": 500.0}) + model.second.logit_one({"amount": 500.0})
    >>> model.logit_one({"amount": 500.0}) == both / 2
    True
    """

    def __init__(self, first: Any, second: Any) -> None:
        self.first = first
        self.second = second

    def predict_proba_one(self, x: Mapping[str, float], **_: Any) -> dict[bool, float]:
        """Probability of each class."""
        return probabilities(self.logit_one(x))

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        logit: float = (self.first.logit_one(x) + self.second.logit_one(x)) / 2
        return logit

    def learn_one(self, x: Mapping[str, float], y: bool, w: float = 1.0) -> None:
        """Let both models learn (x, y) with weight `w`.

        Raises
        ------
        ValueError
            When a value of `x` is not finite; neither has learned anything then.
        """
        check_features(x)
        self.first.learn_one(x, y, w)
        self.second.learn_one(x, y, w)

    def end_step(self) -> None:
        """Tell both models that a step of the log ends."""
        end_step(self.first)
        end_step(self.second)

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """The mean of both models' shares."""
        first, second = self.first.contributions_one(x), self.second.contributions_one(x)
        return {name: (share + second[name]) / 2 for name, share in first.items()}

    def dump(self) -> Plain:
        """All state as plain values."""
        return {"first": self.first.dump(), "second": self.second.dump()}

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits."""
        self.first.load(plain["first"])
        self.second.load(plain["second"])

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"first": BinnedLogistic(), "second": ScaledLogistic()}
