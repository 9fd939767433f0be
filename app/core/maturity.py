"""Maturity: an event that nobody complained about for long enough counts as negative."""

import hashlib
from typing import NamedTuple

from app.core.domain import Application
from app.core.hashing import hash64
from app.core.labels import MATURITY, LabelEntry
from app.core.messages import Feedback


class Maturity(NamedTuple):
    """Which events are learned by their age.

    Times are those of prediction records in Kafka. An age is measured up to the newest
    prediction of the partition, never by a clock: what is due is the same at a replay.

    Parameters
    ----------
    application
        Its words say what negative is.
    after
        Age in ms at which an event is due.
    horizon
        Age in ms from which labels and predictions may be forgotten, and nothing is due.
    share
        Share of the due events that is learned, 0..1.
    """

    application: Application
    after: int
    horizon: int
    share: float

    def due(self, written: int, newest: int) -> bool:
        """Whether a prediction written at one time is old enough at the time of the newest."""
        return written + self.after <= newest

    def forgotten(self, written: int, newest: int) -> bool:
        """Whether a prediction is so old that a complaint may have been forgotten."""
        return written + self.horizon < newest

    def learns(self, id: str, entry: LabelEntry | None) -> bool:
        """Whether to say that a due event is negative: it is sampled, and no label holds.

        The second condition keeps labels without effect out of the log: every other source
        outranks maturity.
        """
        unlabelled = entry is None or self.application.labels.holds(entry) is None
        return sampled(id, self.share) and unlabelled

    def label(self, id: str, key: str, written: int) -> Feedback:
        """What maturity says about an event, under the same label id each time."""
        return self.application.feedback(
            id=id,
            key=key,
            label=self.application.labels.word(0),
            source=MATURITY,
            at=written + self.after,
            label_id=hashlib.blake2b(f"maturity\0{id}".encode(), digest_size=12).hexdigest(),
        )


def sampled(id: str, share: float) -> bool:
    """Whether an id belongs to a share of all ids: by its hash, so always the same ones.

    >>> [sampled("t1", share) for share in (0.0, 1.0)]
    [False, True]
    """
    return hash64(id) < share * 2.0**64
