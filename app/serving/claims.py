"""What records of a predictions log decide, as far as is believed: anybody may write them."""

from aiokafka import ConsumerRecord

from app.errors import Refused, StateError
from app.runtime.foreign import PassedOver
from app.serving.answers import Answers, Read, Written, answers

NEAR = 1000  # events: a log that was recreated ends so close to what was decided, or shows more


class Claims:
    """Tells decisions from what others wrote, for one partition under one epoch.

    Parameters
    ----------
    read
        Raises Refused for what is no decision.
    unnamed
        The epoch of predictions that name none.
    foreign
        Told of records that are no decisions.
    """

    def __init__(self, read: Read, epoch: int, unnamed: int, foreign: PassedOver) -> None:
        self.read, self.foreign = read, foreign
        self.epoch, self.unnamed = epoch, unnamed
        self.end: int | None = None  # of the events, at the start
        self.starting = True
        self.marked = False  # whether the partition's own state says of which epoch it is
        self.beyond: int | None = None  # the last source far behind that end

    def read_in(
        self, record: ConsumerRecord, highest: int
    ) -> tuple[ConsumerRecord, str, Answers] | None:
        """A record, its event's id and what it answers; None where it is no decision.

        `highest` is the highest offset that is known to be answered.

        Raises
        ------
        StateError
            It is of a later epoch, and nothing else tells what the epoch is.
        """
        try:
            written = self.read(record)
            answered = answers(record, self.epoch, self.unnamed)
            self._check_end(written, answered, highest)
        except (Refused, StateError) as why:
            if isinstance(why, StateError) and self.starting and not self.marked:
                raise
            self.foreign(record.topic, record.partition, record.offset, str(why))
            return None
        return record, written.id, answered

    def _check_end(self, written: Written, answered: Answers, highest: int) -> None:
        """Refuse what answers an event behind the log's end, unless the log was recreated.

        Then what was first decided is behind its end too, close to it or one close to another:
        they are taken over, so that the worker does not start. Anything else was made up. Once a
        worker has started, nobody else decides.
        """
        if self.end is None or answered.reach < max(self.end, highest + 1):
            return
        source, before = answered.source, self.beyond
        first = written.source is not None and written.source.offset >= self.end
        if first and self.starting:
            if source < self.end + NEAR:
                return
            self.beyond = source
            if before is not None and 0 < abs(source - before) < NEAR:
                return
        raise Refused(f"it answers offset {answered.reach}, which the events do not reach")
