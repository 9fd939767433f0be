"""The store of decisions: the prediction of each event, by its id.

A local RocksDB beside Faust's tables, one for each partition: a fold of the partition's
predictions log, to which score adds what it has just decided. An entry counts as decided
once its prediction is acknowledged, and the first prediction of an id in the log is the
decision. Those of earlier epochs are known by their id, and answer no offset of this one.
A worker with a new disk reads back only the tail that a replay may need before it scores;
the rest is read in the background.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from app.core.batch import Stored
from app.errors import Refused, StateError
from app.runtime.foreign import PassedOver
from app.runtime.guard import Exit, Leave
from app.runtime.reading import bounds, reader, stretch
from app.runtime.rocks import cause
from app.runtime.writer import Receipt
from app.serving.answers import EPOCH_HEADER, REACH_HEADER, SOURCE_HEADER, Answers, Read, plain
from app.serving.claims import Claims
from app.serving.ledger import UNREAD, Entry, Ledger

log = logging.getLogger(__name__)

TAIL = 1000  # predictions read back at first; four times as many until they reach the commit
NEWEST = 8  # records at the end of the log that are looked at for a decision
FOLLOW_ON = 100_000  # a disk that missed more than this is treated as a new one
PATIENCE = 60.0  # seconds for a broker to come back


class Decisions:
    """The decisions of one partition.

    Parameters
    ----------
    horizon
        Seconds after which an entry expires.
    on_known
        Called with each id that the catch-up stores: a label may be waiting for it.
    read
        Tells decisions from what others wrote.
    events
        The partition of the events. No decision answers what is behind its end.
    foreign
        Told of records that are no decisions.
    """

    def __init__(
        self,
        brokers: str,
        tp: TopicPartition,
        path: Path,
        epoch: int,
        horizon: float,
        on_known: Callable[[str], None],
        leave: Leave,
        read: Read = plain,
        events: TopicPartition | None = None,
        foreign: PassedOver | None = None,
    ) -> None:
        self.brokers, self.tp, self.events = brokers, tp, events
        self.on_known, self.leave = on_known, leave
        self.ledger = Ledger(path, epoch, horizon)
        self._named = EPOCH_HEADER, str(epoch).encode()
        self.reached, self.confirmed = self.ledger.read_mark()
        # The epoch of predictions that name none. A disk that is older than this epoch knows it.
        unnamed = epoch if self.ledger.earlier is None else self.ledger.earlier
        self.claims = Claims(read, epoch, unnamed, foreign or PassedOver())
        self.highest = self.confirmed
        self.target = 0
        self.newest: bytes | None = None  # decision in the log when it was read back
        self._newest_at = -1
        self.whole = False
        self.closed = False
        self.in_flight: dict[str, Receipt] = {}
        self.tasks: set[asyncio.Task] = set()

    # -- what score and learn use

    def get(self, id: str) -> Stored | None:
        """What this worker would repeat for an id, whether the log has it yet or not."""
        entry = self.ledger.entry(id)
        return None if entry is None else Stored(entry.source, entry.raw)

    def decision(self, id: str) -> bytes | None:
        """The decision on an id, once the log has it."""
        found = self.get(id)
        return found.raw if found is not None and found.source <= self.confirmed else None

    def headers(self, source: int) -> tuple[tuple[str, bytes], ...]:
        """The headers of the prediction that answers the event at this offset."""
        self.highest = max(self.highest, source)
        own = (SOURCE_HEADER, str(source).encode())
        if source == self.highest:
            return own, self._named
        return own, self._named, (REACH_HEADER, str(self.highest).encode())

    def put(self, decided: dict[str, Stored]) -> None:
        """Store what a step decided, before it is written to the log."""
        self.ledger.write({id: Entry(d.source, UNREAD, d.raw) for id, d in decided.items()})

    def sent(self, ids: Iterable[str], receipt: Receipt) -> None:
        """Remember which predictions are in flight, so that learn can wait for them."""
        ids = list(ids)
        self.in_flight.update(dict.fromkeys(ids, receipt))

        def landed(_: asyncio.Future) -> None:
            for id in ids:
                if self.in_flight.get(id) is receipt:
                    del self.in_flight[id]

        receipt.acked.add_done_callback(landed)

    async def settled(self, ids: Iterable[str]) -> None:
        """Wait until none of these ids has a prediction in flight.

        All of them at once, at the moment of returning: a label of one that is just in flight
        would wait, and score has already looked for labels that wait.
        """
        ids = list(ids)
        while flying := [
            receipt.acked
            for receipt in map(self.in_flight.get, ids)
            if receipt is not None and not receipt.acked.done()
        ]:
            await asyncio.wait(flying)

    def acknowledged(self, base: int, sources: list[int]) -> None:
        """The log took a batch of predictions: its first offset, and their source offsets."""
        end = base + len(sources)
        if base == self.reached:
            self._advance(end, max(sources))
        elif end > self.target:
            # Records of somebody else are in between: read them before any of ours counts.
            filling, self.target = self.reached < self.target, end
            if not filling:
                self._spawn(self._fill())

    # -- catching up

    async def recover(self, committed: int | None) -> None:
        """Read back what a replay from the committed position may need to repeat.

        Raises
        ------
        StateError
            The predictions log ends below what this store has read from it.
        """
        async with reader(self.brokers, self.tp, patience=PATIENCE) as consumer:
            begin, end = await bounds(consumer, self.tp)
            if self.reached > end:
                raise StateError(
                    f"{self.tp.topic}[{self.tp.partition}] ends at {end}, but the local state has "
                    f"read it up to {self.reached}: the topic was recreated; raise WEIR_EPOCH"
                )
            if self.events is not None:  # after the other end: so it is behind all that was decided
                ends = await consumer.end_offsets([self.events])
                self.claims.end = ends[self.events]
            start = max(begin, self.reached)
            if end - start <= FOLLOW_ON:
                await self._fold(consumer, start, end)
            else:
                self.ledger.start_over()
                self.reached, self.confirmed, self.highest = 0, -1, -1
                start = await self._fold_tail(consumer, begin, end, committed)
            if self.newest is None:  # the disk has all of the log
                await self._look_at_newest(consumer, max(begin, end - NEWEST), end)
        self.claims.starting = False
        self.whole = self.reached > 0 or start <= begin
        self.reached = end
        if self.whole:
            self.ledger.save_mark(self.reached, self.confirmed)
        else:
            self._spawn(self._catch_up(begin, start))

    async def _fold_tail(
        self, consumer: AIOKafkaConsumer, begin: int, end: int, committed: int | None
    ) -> int:
        """Fold backwards from the end until below the commit; returns where that starts.

        Below is where the log up to there answers nothing from the commit on. Its last
        records may be of a replay, so their own sources do not show it.
        """
        start, span = end, TAIL
        while start > begin:
            stop, start = start, max(begin, end - span)
            reached = await self._fold(consumer, start, stop)
            if committed is not None and reached is not None and reached < committed:
                break
            span *= 4
        return start

    async def _look_at_newest(self, consumer: AIOKafkaConsumer, start: int, end: int) -> None:
        async for fetched in stretch(consumer, self.tp, start, end):
            for record in fetched:
                with suppress(Refused):
                    self.claims.read(record)
                    self._note_newest(record)

    def _note_newest(self, record: ConsumerRecord) -> None:
        if record.offset > self._newest_at:
            self._newest_at, self.newest = record.offset, record.value

    async def _catch_up(self, begin: int, end: int) -> None:
        """Read the older part of the log in the background."""
        async with reader(self.brokers, self.tp, patience=PATIENCE) as consumer:
            oldest, _ = await bounds(consumer, self.tp)  # some may have expired in the meantime
            await self._fold(consumer, max(begin, oldest), end, notify=True)
        self.whole = True
        self.ledger.save_mark(self.reached, self.confirmed)
        log.info("The decisions of partition %d have caught up", self.tp.partition)

    async def _fill(self) -> None:
        async with reader(self.brokers, self.tp, patience=PATIENCE) as consumer:
            while self.reached < (end := self.target):
                await self._fold(consumer, self.reached, end, notify=True)
                self._advance(end, self.confirmed)

    async def _fold(
        self, consumer: AIOKafkaConsumer, start: int, end: int, notify: bool = False
    ) -> int | None:
        """Store the log's decisions; returns the reach of the first of them."""
        first: int | None = None
        async for fetched in stretch(consumer, self.tp, start, end):
            claims, highest = self.claims, self.highest
            decided = [one for record in fetched if (one := claims.read_in(record, highest))]
            if not decided:
                continue
            self._take_over(decided)
            if self.claims.starting:
                self._note_newest(decided[-1][0])
            if first is None:
                first = decided[0][2].reach
            if notify:
                for _, id, _ in decided:
                    self.on_known(id)
            await asyncio.sleep(0)
        return first

    def _take_over(self, decided: list[tuple[ConsumerRecord, str, Answers]]) -> None:
        taken: dict[str, Entry] = {}
        for record, id, (source, reach) in decided:
            known = taken.get(id) or self.ledger.entry(id)
            if known is None or self._comes_after(known, record.offset, source):
                taken[id] = Entry(source, record.offset, record.value)
            self.confirmed = max(self.confirmed, source)
            self.highest = max(self.highest, reach)
        self.ledger.write(taken)

    def _comes_after(self, known: Entry, place: int, source: int) -> bool:
        """Whether the log has what is known after this place, or not at all.

        It is read backwards and in two parts, so what was read first need not come first.
        """
        if known.place != UNREAD:
            return known.place > place
        return known.source > min(source, self.confirmed)

    # -- its tasks and files

    def close(self) -> None:
        """Stop catching up and release the files."""
        self.closed = True
        for task in self.tasks:
            task.cancel()
        self.ledger.close()

    def _advance(self, reached: int, confirmed: int) -> None:
        self.reached, self.confirmed = reached, max(self.confirmed, confirmed)
        if self.whole:
            self.ledger.save_mark(self.reached, self.confirmed)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task) -> None:
        self.tasks.discard(task)
        if self.closed:
            return  # aiokafka may swallow the cancellation; the files were closed by then
        if not task.cancelled() and (error := task.exception()) is not None:
            code = cause(error, Exit.STATE)
            why = f"the decisions of partition {self.tp.partition} could not catch up: {error!r}"
            self.leave(code, why)
