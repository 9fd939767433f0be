"""What traffic is made of: events with their truth beside them, labels with their time."""

from typing import NamedTuple

from app.core.keyed import Event
from app.core.messages import Feedback


class Labelled(NamedTuple):
    """An event, and beside it what is known of it: never inside the message."""

    event: Event
    positive: bool | None  # None: nobody knows
    kind: int = 0  # 0 negative or unknown, else the kind of positive
    known: int | None = None  # epoch ms when the label became known; None: the file does not say
    row: int = 0  # its number in its file, from 1 on; 0: it is of none


class Due(NamedTuple):
    """A label and the event time, epoch ms, at which it becomes known."""

    at: int
    feedback: Feedback
