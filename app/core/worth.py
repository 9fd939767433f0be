"""What features are worth to the models: how often each is there, and how much it weighs."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from app.core.domain import Feature
from app.core.fold import LearningState


class Worth(NamedTuple):
    """What a feature is worth; None in both without a decision.

    `use` is the share of decisions that had the feature, 0 to 1. `worth` is its mean absolute
    share in their logits, counted as 0 where it was missing.
    """

    use: float | None
    worth: float | None


class Weighing:
    """Takes in decisions one after the other, and says what features were worth in them.

    Parameters
    ----------
    names
        The features that are told of; others in a decision are left out.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.decisions = 0
        self._used = dict.fromkeys(names, 0)
        self._weights = dict.fromkeys(self._used, 0.0)

    def add(self, prediction: Any, state: LearningState, scope: str) -> None:
        """Take in a decision, weighed by the models as they are now."""
        x = prediction.features
        self.decisions += 1
        for name in x.keys() & self._used.keys():
            self._used[name] += 1
        for name, share in state.contributions(x, prediction.source.partition, scope).items():
            if name in self._weights:
                self._weights[name] += abs(share)

    def worths(self) -> Mapping[str, Worth]:
        """What each feature is worth, by name."""
        count = self.decisions
        return {
            name: Worth(used / count, self._weights[name] / count) if count else Worth(None, None)
            for name, used in self._used.items()
        }

    def table(self, features: Iterable[Feature]) -> list[dict[str, Any]]:
        """Features with what they are worth, each as plain values by name."""
        worths = self.worths()
        return [
            {
                "name": feature.name,
                "group": feature.group,
                "unit": feature.unit,
                "sentence": feature.sentence,
                **worths.get(feature.name, Worth(None, None))._asdict(),
            }
            for feature in features
        ]
