"""Rules against the young model: what their alerts are worth that it does not raise."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from app.core.dump import Learned
from app.errors import SnapshotError

MEMORY = 0.98  # an alert's weight after each later one: some 50 alerts count
DOUBT = 10.0  # alerts, half of them frauds that no model expects, that a trial begins with
# Learned frauds and legitimate ones, by scope, from which the model's logit counts in full: one
# that has seen frauds alone takes everything for one.
GROWN = {
    "shared": Learned(1000, 20),
    "both": Learned(1000, 20),
    "partition": Learned(2000, 40),
}
# Gain of the rules' own alerts at which the rules count for nothing, and for all.
WORTHLESS, WORTHWHILE = 0.1, 0.2


def grown(learned: Learned, scope: str) -> float:
    """How far a model that has learned so much counts: 0 not at all, 1 in full.

    >>> grown(Learned(500, 20), "both"), grown(Learned(5000, 5), "both")
    (0.5, 0.25)
    """
    full = GROWN[scope]
    return min(learned.frauds / full.frauds, learned.legitimate / full.legitimate, 1.0)


class Figures(NamedTuple):
    """A trial in numbers: alerts as remembered, their precision, what of that the model did not
    expect, and the rules' weight in 0..1."""

    alerts: float
    precision: float
    gain: float
    weight: float


class Trial(msgspec.Struct, array_like=True):
    """Alerts that the rules raise and the model does not, from labels in log order.

    As the model learns it finds the frauds that rules find, and what is left to them are false
    alarms: their weight falls from 1 to 0. That is a sharper question than who is more precise:
    a model can be so from its first day, and still miss what the rules find. Only frauds that the
    model does not expect speak for the rules: where some frauds are never reported, it is
    rightly less than sure of those that are, and the rules would add nothing to that.

    Examples
    --------
    >>> trial = Trial()
    >>> trial.weight
    1.0
    >>> for _ in range(100):
    ...     trial.judge(False, expected=0.1)
    >>> trial.weight
    0.0
    """

    alerts: float = 0.0
    frauds: float = 0.0
    expected: float = 0.0

    def judge(self, fraud: bool, expected: float, w: float = 1.0) -> None:
        """Note the label, of weight `w`, of an alert that the rules alone raise.

        `expected` is the model's probability of fraud.
        """
        self.alerts = MEMORY * self.alerts + w
        self.frauds = MEMORY * self.frauds + w * fraud
        self.expected = MEMORY * self.expected + w * expected

    @property
    def precision(self) -> float:
        """The share of frauds, a half without any alert."""
        return (self.frauds + DOUBT / 2) / (self.alerts + DOUBT)

    @property
    def gain(self) -> float:
        """The share of frauds beyond what the model expects, a half without any alert."""
        return (self.frauds - self.expected + DOUBT / 2) / (self.alerts + DOUBT)

    @property
    def weight(self) -> float:
        """What the rules count: 1 for all, 0 for nothing."""
        return min(max((self.gain - WORTHLESS) / (WORTHWHILE - WORTHLESS), 0.0), 1.0)

    @property
    def figures(self) -> Figures:
        return Figures(self.alerts, self.precision, self.gain, self.weight)

    def part(self) -> bytes:
        """A dump."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def of(cls, parts: Iterable[bytes]) -> "Trial":
        """The trial in the next of the parts. Raises SnapshotError when it is none."""
        try:
            return msgspec.msgpack.decode(next(iter(parts), b""), type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SnapshotError("the record of the rules' alerts cannot be read") from None
