"""What traffic is made of: transactions with their truth apart, labels with their time."""

from typing import NamedTuple

from app.messages import Feedback, Transaction


class Labelled(NamedTuple):
    """A transaction, and beside it what is known of it: never inside the message."""

    tx: Transaction
    fraud: bool | None  # None: nobody knows
    scenario: int  # 0 legitimate or unknown, else the kind of fraud
    known: int | None = None  # epoch ms when the label became known; None: the file does not say


class Due(NamedTuple):
    """A label and the event time, epoch ms, at which it becomes known."""

    at: int
    feedback: Feedback
