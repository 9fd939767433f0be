"""What partitions get from their worker: what they share, and what they ask about themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from app.core.fold import LearningState
from app.runtime.foreign import PassedOver
from app.runtime.guard import Leave
from app.runtime.step import Outbox, Step
from app.runtime.tables import Table
from app.serving.elsewhere import Origins
from app.serving.inputs_said import InputsSaid
from app.serving.sensors import Sensors
from app.serving.setup import Setup


class Holding(Protocol):
    """A partition under one assignment, as the flow sees it: see `app.runtime.flow.Holding`."""

    def mine(self) -> bool:
        """Whether this worker may still process it."""

    def committed(self, topic: str) -> int | None:
        """The committed position in one of its topics."""

    def position(self, topic: str) -> int:
        """The next offset in one of its topics that no finished step has covered."""


class Learning(Protocol):
    """The learning state as steps see it: see `app.serving.learning.follow.Follower`."""

    state: LearningState

    def degraded(self) -> bool:
        """Whether the state is too far behind its log to decide as it should."""


@dataclass(frozen=True)
class Shared:
    """What the partitions of a worker share.

    Parameters
    ----------
    records, labels
        The tables of keyed records and of labels.
    origins
        Where copies of events came from that lay on a wrong partition.
    aside
        Stores in a step what does not belong to its partition: chunks of snapshots.
    topic_ids
        Of the topics as they are now, by name.
    foreign
        Told of records that Weir did not write.
    """

    setup: Setup
    records: Table
    labels: Table
    outbox: Outbox
    learning: Learning
    sensors: Sensors
    origins: Origins
    aside: Callable[[Step], None]
    leave: Leave
    topic_ids: Mapping[str, str]
    foreign: PassedOver = field(default_factory=PassedOver)

    @cached_property
    def inputs(self) -> InputsSaid:
        """Says it where decisions in the log were made with other features."""
        return InputsSaid(self.setup.application.feature_set)
