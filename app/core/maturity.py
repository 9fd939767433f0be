"""Maturity: an event that nobody complained about for long enough counts as negative."""

import hashlib
from typing import NamedTuple

from app.core.domain import Application
from app.core.hashing import hash64
from app.core.labels import MATURITY, LabelEntry
from app.core.messages import LEAST_SHARE, Decision, Feedback
from app.units import DAY_MS, HOUR_MS

YOUNGEST = 8 * HOUR_MS  # no event is due before, however young its partition is
DOWNTIME = DAY_MS  # that long what is due may have waited for a worker, or one age if that is more


class Maturity(NamedTuple):
    """Which events are learned by their age, and how much each of them counts.

    A partition that has just begun knows no negatives but those of reviewed events, and its
    models would take everything for positive within weeks. So its first events are due early,
    when they are as old as the partition was when it decided them, and the age grows until it
    is that of the settings. It grows as slowly as time goes by, so nothing is ever due at once.

    A blocked event is never due: nobody complains about what did not happen, and the model would
    unlearn what it blocks. One sent to review is due at the full age alone: what made it look
    positive is a reason to wait for whoever may complain.

    Times are epoch ms of prediction records in Kafka. An age is measured up to the newest
    prediction of the partition, never by a clock: what is due is the same at a replay.

    Parameters
    ----------
    application
        Its words say what negative is.
    after
        The full age in ms.
    horizon
        Age in ms from which labels and predictions may be forgotten, and nothing is due.
    share
        Share of the due events that is learned, a power of two from 1/64 to 1.
    rate
        Labels a second of one partition from which fewer are learned; 0 for any number.
    """

    application: Application
    after: int
    horizon: int
    share: float = 1.0
    rate: float = 0.0

    def age(self, written: int, start: int, decision: Decision = "approve") -> int:
        """How old in ms an event has to be, in a partition whose predictions begin at `start`."""
        if decision != "approve":
            return self.after
        return min(self.after, max(YOUNGEST, written - start))

    def due_at(self, written: int, start: int, decision: Decision = "approve") -> int:
        """When an event is due whose prediction was written at that time.

        In the order of writing these times ascend, of what was approved and of what was not.
        """
        return written + self.age(written, start, decision)

    def grown(self, written: int, start: int) -> bool:
        """Whether what was approved then has to be as old as everything else."""
        return self.age(written, start) == self.after

    def matures(self, decision: Decision, written: int, start: int) -> bool:
        """Whether an event is ever due: none that was blocked, or written before the start."""
        return decision != "block" and written >= start

    def forgotten(self, written: int, newest: int) -> bool:
        """Whether a prediction is so old that a complaint may have been forgotten."""
        return written + self.horizon < newest

    def begins_anew(self, written: int, newest: int) -> bool:
        """Whether the oldest that has yet to mature is too old: maturity was off for some time.

        What was decided in the meantime would all be due at once.
        """
        return written < self.latest_too_old(newest)

    def latest_too_old(self, newest: int) -> int:
        """The time, epoch ms, before which predictions have waited too long, see `begins_anew`."""
        return newest - self.after - max(self.after, DOWNTIME)

    def share_at(self, load: float) -> float:
        """The share that is learned of an hour in which so many events a second were decided.

        It falls by halves, and not below 1/64, since one label should not stand for more.
        """
        share = self.share
        while self.rate and share > LEAST_SHARE and share * load > self.rate:
            share /= 2
        return share

    def learns(self, id: str, entry: LabelEntry | None, share: float) -> bool:
        """Whether to say that a due event is negative: it is sampled, and no label holds.

        The second condition keeps labels without effect out of the log: every other source
        outranks maturity.
        """
        unlabelled = entry is None or self.application.labels.holds(entry) is None
        return sampled(id, share) and unlabelled

    def label(self, id: str, key: str, due: int, share: float) -> Feedback:
        """What maturity says about an event, under the same label id each time."""
        return self.application.feedback(
            id=id,
            key=key,
            label=self.application.labels.word(0),
            source=MATURITY,
            at=due,
            label_id=hashlib.blake2b(f"maturity\0{id}".encode(), digest_size=12).hexdigest(),
            share=share,
        )


def start_of(first: int, newest: int, after: int) -> int:
    """When a partition begins whose start was never stored: at its first prediction, epoch ms.

    One that has decided for long without maturity begins one full age before its newest
    prediction, at least a day. Half of that time is due at once, and nothing from before it ever.

    >>> start_of(0, 29 * DAY_MS, after=30 * DAY_MS)
    0
    >>> start_of(0, 100 * DAY_MS, after=30 * DAY_MS) // DAY_MS
    70
    """
    return max(first, newest - max(after, DOWNTIME))


def sampled(id: str, share: float) -> bool:
    """Whether an id belongs to a share of all ids: by its hash, so always the same ones.

    >>> [sampled("t1", share) for share in (0.0, 1.0)]
    [False, True]
    """
    return hash64(id) < share * 2.0**64
