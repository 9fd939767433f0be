"""How much rules count beside the model: by what the alerts are worth that only they raise."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from app.core.dump import Learned
from app.core.formats import reader_of
from app.errors import SnapshotError

FORMAT = 3  # how many numbers a dump has; see READERS
MEMORY = 0.98  # an alert's weight after each later one: some 50 alerts count
PRIOR = 20.0  # alerts to begin with, half of them frauds that no model expects
# Learned frauds and legitimate ones, by scope, from which the model's logit counts in full: a model
# that has seen only frauds takes everything for one. With 50 frauds a stream that is labelled in
# full gains .01 of average precision in its second week, and one of which only reviewed
# transactions are labelled loses .2 in its first ten days.
GROWN = {
    "shared": Learned(1000, 20),
    "both": Learned(1000, 20),
    "partition": Learned(2000, 40),
}
# What the shared model has to have learned before the rules are on trial. Before that a few false
# alarms beside a model that knows little would silence them in the very days that need them.
SEASONED = Learned(1000, 100)
# Gain of the rules' own alerts at which the rules count for nothing, and in full. Where few frauds
# are known the model expects less of them than there are, so a small gain proves nothing.
WORTHLESS, WORTHWHILE = 0.2, 0.4


def grown(learned: Learned, scope: str) -> float:
    """How far a model that has learned so much counts: 0 not at all, 1 in full.

    >>> grown(Learned(500, 20), "both"), grown(Learned(5000, 5), "both")
    (0.5, 0.25)
    """
    full = GROWN[scope]
    return min(learned.positives / full.positives, learned.negatives / full.negatives, 1.0)


def on_trial(learned: Learned) -> bool:
    """Whether a shared model that has learned so much can judge what rules add to it.

    >>> on_trial(Learned(1000, 100)), on_trial(Learned(1000, 99)), on_trial(Learned(999, 100))
    (True, False, False)
    """
    enough = SEASONED
    return learned.positives >= enough.positives and learned.negatives >= enough.negatives


class Figures(NamedTuple):
    """Remembered alerts, their precision, the part that the model did not expect, and the weight.

    All but the alerts are in 0..1.
    """

    alerts: float
    precision: float
    gain: float
    weight: float


class RulesWeight(msgspec.Struct, array_like=True):
    """The weight of the rules, from the labels of alerts that they raise and the model does not.

    As the model learns, it finds the frauds that rules find, and only false alarms are left to
    them: their weight falls from 1 to 0. That is a sharper question than which is more precise:
    a model can be that from its first day, and still miss what the rules find. Only frauds that
    the model does not expect speak for the rules: where some frauds are never reported, it is
    rightly less than sure of those that are, and the rules would add nothing to that.

    Each alert counts once, whatever its label weighs in models: a weight makes up for labels that
    nobody gave, and this is a trial of alerts that were labelled.

    Examples
    --------
    >>> rules = RulesWeight()
    >>> rules.weight
    1.0
    >>> for _ in range(100):
    ...     rules.update(False, expected=0.1)
    >>> rules.weight
    0.0
    """

    alerts: float = 0.0
    frauds: float = 0.0
    expected: float = 0.0

    def update(self, fraud: bool, expected: float) -> None:
        """Take in the label of an alert that the rules alone raise.

        `expected` is the model's probability of fraud. Labels are counted, whatever their weight:
        one that stands for many would try the rules on a single alert.
        """
        self.alerts = MEMORY * self.alerts + 1.0
        self.frauds = MEMORY * self.frauds + fraud
        self.expected = MEMORY * self.expected + expected

    @property
    def precision(self) -> float:
        """The share of frauds, a half without any alert."""
        return (self.frauds + PRIOR / 2) / (self.alerts + PRIOR)

    @property
    def gain(self) -> float:
        """The share of frauds beyond what the model expects, a half without any alert."""
        return (self.frauds - self.expected + PRIOR / 2) / (self.alerts + PRIOR)

    @property
    def weight(self) -> float:
        """How much the rules count: 1 in full, 0 not at all."""
        return min(max((self.gain - WORTHLESS) / (WORTHWHILE - WORTHLESS), 0.0), 1.0)

    @property
    def figures(self) -> Figures:
        """What is shown of it."""
        return Figures(self.alerts, self.precision, self.gain, self.weight)

    def part(self) -> bytes:
        """A dump: the fields, whose number is the format."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def of(cls, parts: Iterable[bytes]) -> "RulesWeight":
        """What was dumped as the next of the parts. Raises SnapshotError when that is not one."""
        what = "the record of the rules' alerts"
        try:
            fields = msgspec.msgpack.decode(next(iter(parts), b""), type=list[float])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SnapshotError(f"{what} cannot be read") from None
        return reader_of(READERS, len(fields), what, SnapshotError)(*fields)


def _read_2(alerts: float, frauds: float) -> RulesWeight:
    # What the model expected was not kept. Nothing says what it was, once there was an alert.
    if alerts:
        raise SnapshotError("the record of the rules' alerts lacks what the model expected of them")
    return RulesWeight()


# The current format and the previous one.
READERS: Mapping[int, Callable[..., RulesWeight]] = {FORMAT: RulesWeight, FORMAT - 1: _read_2}
