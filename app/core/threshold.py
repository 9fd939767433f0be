"""A review threshold that follows a budget: so many alerts an hour of event time.

The threshold is moved in logits. It falls steadily with event time, and every alert raises
it, so that it stays level when alerts arrive at the rate of the budget. This is stochastic
approximation (Robbins and Monro, 1951) with a step that does not vanish, as Gibbs and Candes
(2021) use it for quantiles of drifting streams: what was flagged beyond the budget over any
period is how far the threshold rose in that period, divided by the step. That bound assumes
nothing about the scores, and it holds between floor and ceiling, where the threshold stops.

Event time is the median of the latest events, and never goes back. So one that is late, or
days ahead, moves nothing. While the stream is more than an hour behind its own clock, as
when a backlog is read or clocks were wrong for a while, the threshold does not move.
"""

from collections.abc import Callable, Mapping
from math import exp, expm1, isfinite, log
from struct import Struct
from struct import error as StructError
from typing import NamedTuple

from app.core.formats import reader_of
from app.core.models.logit import sigmoid
from app.errors import StateError
from app.units import HOUR_MS

KEY = b"\0threshold"  # in the table of records; no key contains a NUL
FORMAT = 1  # see READERS
# The lowest threshold. One in fifty is positive there, an event that no rule hits is below it,
# and few others are above: a quiet night does not fill up with whatever there is.
FLOOR = 0.02
SPEED = 1.0  # logits that the threshold falls in an hour without alerts
LARGEST_STEP = 0.5  # logits, the most that an alert raises it
LARGEST = 30.0  # logits; scores are within
LATEST = 21  # events whose median is event time
GAP = HOUR_MS  # what a gap between events counts for at most
MEMORY = 3.0  # hours: the time constant of the alerts an hour that are shown
HEAD = Struct("<BIqdqddB")  # format, epoch, seen_through, logit, clock, alerts, hours, events
NOT_YET = -1  # a clock before the first LATEST events


class Budget(NamedTuple):
    """What one partition may spend: alerts an hour, and the scores its threshold keeps to."""

    alerts: float
    start: float
    floor: float
    ceiling: float

    @classmethod
    def shared(cls, alerts: float, partitions: int, review: float, block: float) -> "Budget | None":
        """The share of one partition in so many alerts an hour; None where there is no budget.

        >>> Budget.shared(20.0, 4, review=0.5, block=0.9)
        Budget(alerts=5.0, start=0.5, floor=0.02, ceiling=0.9)
        """
        if not alerts:
            return None
        return cls(alerts / partitions, review, min(FLOOR, review), block)

    @property
    def step(self) -> float:
        """By how many logits an alert raises the threshold."""
        return min(SPEED / self.alerts, LARGEST_STEP)


class Threshold:
    """One partition's threshold, a function of its events and decisions in log order.

    A replay moves nothing:

    >>> threshold = Threshold(Budget(alerts=2.0, start=0.5, floor=0.05, ceiling=0.9), epoch=1)
    >>> threshold.move(offset=7, at=0, alert=True), round(threshold.score, 3)
    (True, 0.622)
    >>> again = Threshold.decode(threshold.encode(), threshold.budget, epoch=1)
    >>> again.move(offset=7, at=0, alert=True), again.score == threshold.score
    (False, True)
    """

    __slots__ = (
        "_alerts",
        "_ats",
        "_bounds",
        "_clock",
        "_hours",
        "_logit",
        "_step",
        "budget",
        "epoch",
        "seen_through",
    )

    def __init__(self, budget: Budget, epoch: int) -> None:
        self.budget, self.epoch = budget, epoch
        self.seen_through = -1  # the highest offset processed in this epoch
        self._step, self._bounds = budget.step, (logit(budget.floor), logit(budget.ceiling))
        self._logit = logit(budget.start)
        self._clock = NOT_YET  # epoch ms
        self._alerts = 0.0  # fading with MEMORY
        self._hours = 0.0  # of event time that went by
        self._ats: list[int] = []  # of the latest events, epoch ms

    @classmethod
    def decode(cls, raw: bytes | None, budget: Budget, epoch: int) -> "Threshold":
        """Open a stored threshold; None opens one that begins at `budget.start`.

        In one of an older epoch offsets no longer mean anything; the rest is kept.

        Raises
        ------
        StateError
            It is of a later epoch, of an unsupported format, or damaged.
        """
        threshold = cls(budget, epoch)
        if raw is None:
            return threshold
        try:
            reader_of(READERS, raw[0], "a review threshold")(threshold, raw)
        except (StructError, IndexError) as error:
            raise StateError(f"a review threshold is damaged: {error}") from None
        return threshold

    def encode(self) -> bytes:
        """The threshold as bytes."""
        ats = self._ats
        head = HEAD.pack(
            FORMAT,
            self.epoch,
            self.seen_through,
            self._logit,
            self._clock,
            self._alerts,
            self._hours,
            len(ats),
        )
        return head + Struct(f"<{len(ats)}q").pack(*ats)

    @property
    def score(self) -> float:
        """The score from which the next event goes to review."""
        floor, ceiling = self.budget.floor, self.budget.ceiling
        return min(max(sigmoid(self._logit), floor), ceiling)

    @property
    def alerts_per_hour(self) -> float | None:
        """Alerts per hour of event time, an exponential mean over 3 hours; None at first."""
        if not self._hours:
            return None
        return self._alerts / (MEMORY * -expm1(-self._hours / MEMORY))

    def move(self, offset: int, at: int, alert: bool) -> bool:
        """Take in one decision; False when its offset was processed before.

        Parameters
        ----------
        offset
            Of the event in its log.
        at
            The event's time, epoch ms.
        alert
            Whether it was flagged, for review or blocked.
        """
        if offset <= self.seen_through:
            return False
        self.seen_through = offset
        hours = self._pass(at)
        if hours is None:
            return True
        floor, ceiling = self._bounds
        moved = self._logit + self._step * (alert - self.budget.alerts * hours)
        self._logit = min(max(moved, floor), ceiling)
        self._alerts = self._alerts * exp(-hours / MEMORY) + alert
        self._hours += hours
        return True

    def _pass(self, at: int) -> float | None:
        """Hours by which an event moves the clock; None while the stream is behind it."""
        ats = self._ats
        ats.append(at)
        if len(ats) < LATEST:
            return 0.0
        now = sorted(ats)[LATEST // 2]
        del ats[0]
        clock, self._clock = self._clock, max(now, self._clock)
        if clock == NOT_YET:
            return 0.0
        return None if now < clock - GAP else min(max(now - clock, 0), GAP) / HOUR_MS

    def _read_1(self, raw: bytes) -> None:
        _, epoch, seen_through, self._logit, self._clock, *rest = HEAD.unpack_from(raw)
        if epoch > self.epoch:
            raise StateError(
                f"a review threshold is of epoch {epoch}, but this worker's is {self.epoch}"
            )
        if epoch == self.epoch:
            self.seen_through = seen_through
        self._alerts, self._hours, events = rest
        if not all(map(isfinite, (self._logit, self._alerts, self._hours))):
            raise StateError("a review threshold is damaged: it holds what is no number")
        self._ats = list(Struct(f"<{events}q").unpack(raw[HEAD.size :]))


# The current format and the previous one.
READERS: Mapping[int, Callable[[Threshold, bytes], None]] = {FORMAT: Threshold._read_1}


def logit(score: float) -> float:
    """The logit of a score, within 30 of 0.

    >>> logit(0.5), logit(1.0)
    (0.0, 30.0)
    """
    if score <= 0 or score >= 1:
        return -LARGEST if score <= 0 else LARGEST
    return max(-LARGEST, min(log(score / (1 - score)), LARGEST))
