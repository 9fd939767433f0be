"""Rules against the young model: whose alerts are frauds, as the labels tell."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from app.core.dump import Learned
from app.errors import SnapshotError

MEMORY = 0.995  # an alert's weight after each later one: some 200 alerts count
DOUBT = 20.0  # alerts, half of them frauds, that both begin with
# Learned frauds and legitimate ones, by scope, from which the model's logit counts in full: one
# that has seen frauds alone takes everything for one.
GROWN = {
    "shared": Learned(1000, 20),
    "both": Learned(1000, 20),
    "partition": Learned(2000, 40),
}
LEVEL = 0.1  # precision by which the model may be better before the rules count less
AHEAD = 0.2  # and from which they count for nothing
ENOUGH = 100.0  # alerts of the model, as remembered, before a trial can end


def grown(learned: Learned, scope: str) -> float:
    """How far a model that has learned so much counts: 0 not at all, 1 in full.

    >>> grown(Learned(500, 20), "both"), grown(Learned(5000, 5), "both")
    (0.5, 0.25)
    """
    full = GROWN[scope]
    return min(learned.frauds / full.frauds, learned.legitimate / full.legitimate, 1.0)


class Record(msgspec.Struct, array_like=True):
    """Alerts and the frauds among them, the older ones forgotten bit by bit."""

    alerts: float = 0.0
    frauds: float = 0.0

    def add(self, fraud: bool, w: float) -> None:
        self.alerts = MEMORY * self.alerts + w
        self.frauds = MEMORY * self.frauds + w * fraud

    @property
    def precision(self) -> float:
        """The share of frauds, a half without any alert."""
        return (self.frauds + DOUBT / 2) / (self.alerts + DOUBT)


class Figures(NamedTuple):
    """A trial in numbers: precisions lie in 0..1, so does the rules' weight."""

    model: float
    rules: float
    weight: float
    over: bool


class Trial(msgspec.Struct, array_like=True):
    """Precision of the alerts of both, from labels in log order.

    The weight of the rules is 1 while the model's alerts are hardly better than theirs, and
    falls to 0 as they become better by `AHEAD`. Then the trial is over: it is about a young model,
    and judging both costs time with each example.

    Examples
    --------
    >>> trial = Trial()
    >>> for _ in range(200):
    ...     trial.judge(True, model_alerts=True, rules_alert=False)
    ...     trial.judge(False, model_alerts=False, rules_alert=True)
    >>> trial.weight, trial.over
    (0.0, True)
    """

    model: Record = msgspec.field(default_factory=Record)
    rules: Record = msgspec.field(default_factory=Record)
    over: bool = False

    @property
    def weight(self) -> float:
        """What the rules count: 1 for all, 0 for nothing."""
        if self.over:
            return 0.0
        ahead = self.model.precision - self.rules.precision
        return min(max((AHEAD - ahead) / (AHEAD - LEVEL), 0.0), 1.0)

    @property
    def figures(self) -> Figures:
        return Figures(self.model.precision, self.rules.precision, self.weight, self.over)

    def judge(self, fraud: bool, model_alerts: bool, rules_alert: bool, w: float = 1.0) -> None:
        """Note a label, who would have raised an alert by itself, and the label's weight."""
        if model_alerts:
            self.model.add(fraud, w)
        if rules_alert:
            self.rules.add(fraud, w)
        self.over = self.over or (self.weight <= 0 and self.model.alerts >= ENOUGH)

    def part(self) -> bytes:
        """A dump."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def of(cls, parts: Iterable[bytes]) -> "Trial":
        """The trial in the next of the parts. Raises SnapshotError when it is none."""
        try:
            return msgspec.msgpack.decode(next(iter(parts), b""), type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SnapshotError("the record of rules and model cannot be read") from None
