"""The two walks of maturity along a log: of most events, and of those that were sent to review.

A log is read once, from its start on, so what comes later in it must be due later. That holds for
what was approved, and for what was sent to review, but not for both together while the age grows:
what was sent to review waits for the full age, and approved events behind it do not. So each of
the two has a walk, with a position of its own.
"""

from abc import ABC, abstractmethod

from app.core.maturity import Maturity
from app.core.messages import Decision
from app.serving.ripeness import Ripeness
from app.units import DAY_MS

NEVER = 2**63 - 1  # epoch ms: there is nothing more on the way
SKEW = DAY_MS  # by which clocks of workers differ at most, and so times of predictions


class Walk(ABC):
    """One pass over the predictions of a partition.

    Offsets are those of the predictions log; times are epoch ms.

    Parameters
    ----------
    rule
        What matures, and when.
    """

    def __init__(self, rule: Maturity) -> None:
        self.rule = rule
        self.next = 0  # when the prediction at the position is due; 0: not known yet

    @abstractmethod
    def position(self, ripeness: Ripeness) -> int:
        """The offset of the first prediction that it has yet to look at."""

    @abstractmethod
    def moved(self, ripeness: Ripeness, offset: int) -> Ripeness:
        """What is kept once it has looked at all predictions before an offset."""

    @abstractmethod
    def due_at(self, written: int, start: int) -> int:
        """When it looks at predictions written at a time, whatever they decided; NEVER ends it."""

    @abstractmethod
    def takes(self, decision: Decision, written: int, start: int) -> bool:
        """Whether it speaks of a prediction that may mature; exactly one of the walks does."""


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
