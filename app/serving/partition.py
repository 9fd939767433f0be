"""One partition of the events, for as long as it is assigned to this worker.

A partition is created on assignment, opened, and closed on revoke. It owns what its steps
read and write, and steps get it and nothing else.
"""

import logging
from collections.abc import Sequence

from aiokafka import ConsumerRecord, TopicPartition

from app.core.domain import Application
from app.core.labels import decode_entry
from app.errors import Refused
from app.runtime.fetching.batches import UnreadableBatch
from app.runtime.step import Step
from app.runtime.tables import Store
from app.runtime.topics.shapes import Topics
from app.runtime.writer import Out
from app.serving.answers import reader_of
from app.serving.dead_letters.write import waiting_again
from app.serving.decisions import Decisions
from app.serving.elsewhere import PARTITIONER, Origins, is_copy
from app.serving.generation import KEY, Mark, encode_mark
from app.serving.maturing import Maturing
from app.serving.opening import Opening
from app.serving.sensors import Sensors
from app.serving.shared import Holding, Learning, Shared
from app.serving.sweep import Sweep
from app.settings import Settings
from app.wire import check_timestamp

log = logging.getLogger(__name__)


class Partition:
    """What a worker keeps for one partition.

    Parameters
    ----------
    number
        Of the partition, the same in all keyed topics.
    """

    def __init__(self, shared: Shared, number: int, holding: Holding) -> None:
        self.shared, self.number, self.holding = shared, number, holding
        settings = shared.setup.settings
        self.decisions = Decisions(
            settings.brokers,
            TopicPartition(shared.setup.topics.predictions, number),
            settings.data_dir / "scored" / str(number),
            settings.epoch,
            settings.horizon,
            self.enter_again,
            shared.leave,
            reader_of(shared.setup.application, settings.partitions),
            TopicPartition(shared.setup.topics.events, number),
            shared.foreign,
        )
        self.sweep = Sweep()
        self.warned = False  # of events that belong to another partition
        self.maturing: Maturing | None = None
        self.mark: Mark | None = None  # what the next step keeps of epoch and topics

    # -- what steps ask for

    @property
    def application(self) -> Application:
        return self.shared.setup.application

    @property
    def settings(self) -> Settings:
        return self.shared.setup.settings

    @property
    def topics(self) -> Topics:
        return self.shared.setup.topics

    @property
    def sensors(self) -> Sensors:
        return self.shared.sensors

    @property
    def origins(self) -> Origins:
        return self.shared.origins

    @property
    def learning(self) -> Learning:
        return self.shared.learning

    @property
    def labels(self) -> Store:
        """The labels of this partition, as they are on disk."""
        return self.shared.labels.store(self.number)

    def check(self, record: ConsumerRecord) -> None:
        """Refuse a batch that cannot be read, and a timestamp that is no time."""
        if type(record) is UnreadableBatch:
            self.sensors.unreadable.inc()
            raise Refused(f"a batch that cannot be read: {record.why}")
        check_timestamp(record.timestamp)

    def check_hops(self, record: ConsumerRecord, partition: int) -> None:
        """Refuse a copy that belongs to another partition too: it would be sent back and forth."""
        if is_copy(record):
            raise Refused(
                f"`{self.application.key}` belongs to partition {partition} of "
                f"{self.settings.partitions}, and this copy lies on {record.partition}: do all "
                f"workers have the same WEIR_PARTITIONS? Producers need {PARTITIONER}"
            )

    def astray(self, partition: int, copies: Sequence[Out]) -> None:
        """Count events that belong to another partition; the first ones are worth a warning."""
        if not self.warned:
            self.warned = True
            place = self.topics.events, self.number
            log.warning(
                "%s[%d] has events of partition %d: they are entered again there; "
                "producers need %s",
                *(*place, partition, PARTITIONER),
            )
        self.sensors.astray.inc(len(copies))

    def write_aside(self, step: Step) -> None:
        """Add what any step stores besides: snapshot chunks, mark, and how far maturity is."""
        self.shared.aside(step)
        if self.mark is not None:
            step.table(self.shared.labels)[KEY], self.mark = encode_mark(self.mark), None
        if self.maturing is not None:
            self.maturing.write_into(step.table(self.shared.labels))

    def enter_again(self, id: str) -> None:
        """A decision became known late: publish the labels that waited for it."""
        raw = self.labels.get(id.encode())
        if raw is not None:
            again = waiting_again(self.application, id, decode_entry(raw, ""))
            self.shared.outbox(self.topics.feedback, self.number).put(again)

    # -- from its assignment to its first step

    async def open(self) -> None:
        """Read back what a replay may need; publish labels whose decisions are now known.

        Raises
        ------
        StateError
            Logs, settings and stored state do not fit.
        """
        opening = Opening(self.shared, self.number, self.holding, self.decisions, self.enter_again)
        self.mark = await opening.run()
        if self.settings.maturity:
            self.maturing = Maturing(
                self.shared.setup,
                self.number,
                self.shared.labels,
                self.decisions,
                self.shared.outbox,
                self.holding,
                self.shared.leave,
            )

    def close(self) -> None:
        """The partition has been revoked: stop its tasks and release its files."""
        if self.maturing is not None:
            self.maturing.close()
        self.decisions.close()
