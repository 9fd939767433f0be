"""Maturity: a transaction that nobody complained of for long enough counts as legitimate."""

import hashlib
from typing import NamedTuple

from app.core.labels import LabelEntry
from app.messages import Feedback
from app.streams.fraud.history.record import hash64


class Maturity(NamedTuple):
    """Which transactions are learned by their age.

    Times are those of prediction records in Kafka. An age is measured up to the newest
    prediction of the partition, never to a clock: what is due is the same at a replay.

    Parameters
    ----------
    after
        Age in ms at which a transaction is due.
    horizon
        Age in ms from which labels and decisions may be forgotten, and nothing is due any more.
    share
        Share of the due transactions that is learned, 0..1.
    """

    after: int
    horizon: int
    share: float

    def due(self, written: int, newest: int) -> bool:
        """Whether a prediction written at one time is old enough by the time of the newest."""
        return written + self.after <= newest

    def forgotten(self, written: int, newest: int) -> bool:
        """Whether a prediction is so old that a complaint may have been forgotten."""
        return written + self.horizon < newest

    def learns(self, tx: str, entry: LabelEntry | None) -> bool:
        """Whether to say that a due transaction is legitimate: it is sampled, no label holds.

        The second spares the log labels that would be noted without effect: every other
        source outranks maturity.
        """
        return sampled(tx, self.share) and (entry is None or entry.holds is None)

    def label(self, tx: str, customer: str, written: int) -> Feedback:
        """What maturity says of a transaction, under the same label id each time."""
        return Feedback(
            id=tx,
            customer=customer,
            label="legit",
            source="maturity",
            at=written + self.after,
            label_id=hashlib.blake2b(f"maturity\0{tx}".encode(), digest_size=12).hexdigest(),
        )


def sampled(tx: str, share: float) -> bool:
    """Whether an id belongs to a share of all ids: by its hash, so always the same ones.

    >>> [sampled("t1", share) for share in (0.0, 1.0)]
    [False, True]
    """
    return hash64(tx) < share * 2.0**64
