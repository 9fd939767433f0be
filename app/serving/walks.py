"""The two walks of maturity along a log: of most events, and of those that were sent to review.

What is due must ascend along a log that is read once. It does for what was approved, and for what
was sent to review, but not for both together while the age grows.
"""

from abc import ABC, abstractmethod

from app.core.maturity import Maturity
from app.core.messages import Decision
from app.serving.ripeness import Ripeness
from app.units import DAY_MS

NEVER = 2**63 - 1  # epoch ms: there is nothing more on the way
SKEW = DAY_MS  # by which clocks of workers differ at most, and so times of predictions


class Walk(ABC):
    """One way along the predictions of a partition."""

    def __init__(self, rule: Maturity) -> None:
        self.rule = rule
        self.next = 0  # when what lies at the position is due, once that is known

    @abstractmethod
    def position(self, ripeness: Ripeness) -> int:
        """How far it has come."""

    @abstractmethod
    def moved(self, ripeness: Ripeness, offset: int) -> Ripeness:
        """What is kept once it has come further."""

    @abstractmethod
    def due_at(self, written: int, start: int) -> int:
        """When it passes predictions of a time, whatever they decided."""

    @abstractmethod
    def takes(self, decision: Decision, written: int, start: int) -> bool:
        """Whether a prediction that may mature is its own; each is that of one walk."""


class Early(Walk):
    """What was approved, at the age of its time; once that is the full one, everything."""

    def position(self, ripeness: Ripeness) -> int:
        return ripeness.through

    def moved(self, ripeness: Ripeness, offset: int) -> Ripeness:
        return ripeness._replace(through=offset)

    def due_at(self, written: int, start: int) -> int:
        return self.rule.due_at(written, start)

    def takes(self, decision: Decision, written: int, start: int) -> bool:
        return decision == "approve" or self.rule.grown(written, start)


class Late(Walk):
    """What was sent to review while the age grew, at the full age. It ends where that has ended."""

    def position(self, ripeness: Ripeness) -> int:
        return ripeness.reviewed

    def moved(self, ripeness: Ripeness, offset: int) -> Ripeness:
        return ripeness._replace(reviewed=offset)

    def due_at(self, written: int, start: int) -> int:
        if written >= start + self.rule.after + SKEW:
            return NEVER
        return self.rule.due_at(written, start, "review")

    def takes(self, decision: Decision, written: int, start: int) -> bool:
        return decision != "approve" and not self.rule.grown(written, start)
