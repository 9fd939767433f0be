"""Models that learn every example together and score as one."""

from collections.abc import Iterator, Mapping, Sequence
from math import exp, log1p
from typing import Any

import msgspec

from app.core.models.binned import BinnedLogistic
from app.core.models.classifier import LogitClassifier
from app.core.models.plain import Plain
from app.errors import StateError


class LogitMean(LogitClassifier):
    """The mean of models' logits, which is their geometric mean in odds.

    Parameters
    ----------
    models
        Models as `app.core.models.zoo.Model` describes them, by the names they have in a dump.

    Examples
    --------
    >>> from app.core.models.linear import ScaledLogistic
    >>> model = LogitMean(binned=BinnedLogistic({"amount": [10.0]}), logistic=ScaledLogistic())
    >>> model.learn_one({"amount": 500.0}, True)
    >>> both = [one.logit_one({"amount": 500.0}) for one in model.models.values()]
    >>> model.logit_one({"amount": 500.0}) == sum(both) / 2
    True
    """

    def __init__(self, **models: Any) -> None:
        self._take(models)

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        return self._mean([model.logit_one(x) for model in self.models.values()])

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        """Let all models learn (x, y) with weight `w`."""
        for model in self.models.values():
            model.learn_one(x, y, w)

    def end_step(self) -> None:
        """End a step of the log in all models."""
        for model in self.models.values():
            model.end_step()

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """The mean of the models' shares."""
        shares = [model.contributions_one(x) for model in self.models.values()]
        return {name: self._mean([share[name] for share in shares]) for name in x}

    def dump(self) -> Plain:
        """All state as plain values."""
        return {name: model.dump() for name, model in self.models.items()}

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits.

        Raises
        ------
        StateError
            When the dump is of other models.
        """
        if list(plain) != list(self.models):
            raise StateError(f"the stored blend is of {', '.join(plain)}")
        for name, model in self.models.items():
            model.load(plain[name])

    def _mean(self, values: Sequence[float]) -> float:
        return sum(values) / len(values)

    def _take(self, models: dict[str, Any]) -> None:
        self.models = models
        self.additive = all(model.additive for model in models.values())
        self.__dict__.update(models)  # where River's `clone` looks for them

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"slow": BinnedLogistic({}, 0.05), "fast": BinnedLogistic({}, 0.2)}


class Hedge(LogitMean):
    """Mean of models' logits, weighted by how well each of them predicted lately.

    Each model's log loss on an example is taken just before it learns the example, weighted
    like the example, and summed with a discount. A model's weight falls exponentially with
    its sum. The discount lets models that were bad once recover: a loss from `memory` ago
    counts e times less.

    Parameters
    ----------
    rate
        How fast weights follow: e times less for 1 / `rate` nats more of discounted loss.
    memory
        Examples, by their weights, after which a loss counts e times less.
    models
        Models as `app.core.models.zoo.Model` describes them, by the names they have in a dump.

    References
    ----------
    [^1]: Freund, Y. and Schapire, R.E., 1997. A decision-theoretic generalization of on-line
    learning and an application to boosting. Journal of Computer and System Sciences 55(1),
    pp. 119-139.
    [^2]: Raftery, A.E., Karny, M. and Ettler, P., 2010. Online prediction under model
    uncertainty via dynamic model averaging. Technometrics 52(1), pp. 52-66.

    Examples
    --------
    >>> slow, fast = (BinnedLogistic(learning_rate=rate) for rate in (0.001, 0.2))
    >>> model = Hedge(slow=slow, fast=fast)
    >>> for number in range(1000):
    ...     model.learn_one({"amount": number % 2 * 500.0}, number % 2 == 1)
    >>> model.weights["fast"] > 0.9
    True
    """

    def __init__(self, rate: float = 0.05, memory: float = 50_000.0, **models: Any) -> None:
        self.rate = rate
        self.memory = memory
        self._take(models)
        self._losses = [0.0] * len(models)
        self._weigh()

    @property
    def weights(self) -> dict[str, float]:
        """Each model's weight in the mean, by name; their sum is 1."""
        return dict(zip(self.models, self._weights, strict=True))

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        """Judge every model by (x, y), then let it learn, both with weight `w`."""
        keep = exp(-w / self.memory)
        for place, model in enumerate(self.models.values()):
            loss = _log_loss(model.logit_one(x), y)
            self._losses[place] = keep * self._losses[place] + w * loss
            model.learn_one(x, y, w)
        self._weigh()

    def dump(self) -> Plain:
        """All state as plain values."""
        return {"losses": list(self._losses), "models": super().dump()}

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave: later scores and steps have the same bits.

        Raises
        ------
        StateError
            When the dump is of other models.
        """
        super().load(plain["models"])
        self._losses = msgspec.convert(plain["losses"], list[float])
        self._weigh()

    def _weigh(self) -> None:
        least = min(self._losses, default=0.0)
        odds = [exp(-self.rate * (loss - least)) for loss in self._losses]
        self._weights = [share / sum(odds) for share in odds]

    def _mean(self, values: Sequence[float]) -> float:
        return sum([w * value for w, value in zip(self._weights, values, strict=True)])


def _log_loss(logit: float, y: bool) -> float:
    """Log loss in nats, without overflow for any finite logit."""
    right = logit if y else -logit
    return max(-right, 0.0) + log1p(exp(-abs(right)))
