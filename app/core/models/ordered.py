"""Models that take every feature for a quantity: codes, which are none, stay out of their sight."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from app.core.grids import Codes
from app.core.models.classifier import LogitClassifier
from app.core.models.layers import Floats
from app.core.models.plain import Plain

Make = Callable[[Mapping[str, Sequence[float]]], Any]


class Ordered(LogitClassifier):
    """A model that never sees some features; their shares are 0.

    Parameters
    ----------
    model
        What learns the others.
    codes
        The names of those features.
    """

    def __init__(self, model: LogitClassifier, codes: frozenset[str]) -> None:
        self.model, self.codes = model, codes
        self.additive = model.additive

    def logit_one(self, x: Mapping[str, float]) -> float:
        """The score before the sigmoid: always finite."""
        return self.model.logit_one(self._seen(x))

    def logit_many(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """The scores of n rows, shape (n,), each with the bits of `logit_one`."""
        return self.model.logit_many([self._seen(x) for x in rows])

    def contributions_one(self, x: Mapping[str, float]) -> dict[str, float]:
        """Each feature's share of the logit, see the model's own."""
        shares: dict[str, float] = self.model.contributions_one(self._seen(x))
        return {name: shares.get(name, 0.0) for name in x}

    def forget(self, key: int) -> None:
        """A label is taken back, or about to be corrected."""
        self.model.forget(key)

    def end_step(self) -> None:
        """A step of the log ends."""
        self.model.end_step()

    def dump(self) -> Plain:
        """The model's state."""
        state: Plain = self.model.dump()
        return state

    def load(self, plain: Any) -> None:
        """Restore what `dump` gave."""
        self.model.load(plain)

    def _learn(self, x: Mapping[str, float], y: bool, w: float) -> None:
        self.model.learn_one(self._seen(x), y, w)

    def _seen(self, x: Mapping[str, float]) -> dict[str, float]:
        return {name: value for name, value in x.items() if name not in self.codes}


def without_codes(make: Make) -> Make:
    """A factory of models that see none of the features whose grids are codes."""

    @wraps(make)
    def made(grids: Mapping[str, Sequence[float]]) -> Any:
        codes = frozenset(name for name, edges in grids.items() if isinstance(edges, Codes))
        if not codes:
            return make(grids)
        return Ordered(make({n: edges for n, edges in grids.items() if n not in codes}), codes)

    return made
