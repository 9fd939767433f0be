"""The fence: the new owner of a partition shuts out all former ones, enforced by the brokers.

Guard and lease keep a worker from writing when its partitions may belong to another one. But a
process can be paused for any length of time between its last look at a clock and the moment when
the socket takes the bytes, and nothing inside it can prevent that. So what the next owner relies
on is written under a claim: each partition has a transactional id, and for each new owner the
transaction coordinator raises the producer epoch. There are no transactions. The new owner writes
one record under its producer epoch to each log, and from then on the log's leader refuses every
lower one. What it reads from the logs after that is all that its predecessors will ever have
written.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import starmap

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import ConcurrentTransactions, KafkaError, for_code
from aiokafka.protocol.transaction import InitProducerIdRequest

from app.runtime.guard import Exit, Leave
from app.runtime.reading import reader
from app.runtime.writer import Claim, Out, Receipt, Writers
from app.settings import Settings

log = logging.getLogger(__name__)

KEY = b"\0fence"  # deleted in the changelogs, which never have it; no id contains a NUL
TRANSACTION_MS = 60_000  # the request has to say how long transactions may take
PATIENCE = 60.0  # seconds for brokers to come back
AGAIN = 0.1  # seconds between two attempts
QUIET = 20  # attempts before a warning: at the very first takeover there is no coordinator yet
RENEW = 86_400.0  # seconds: brokers forget an id unused for a week, and its producer epoch
LAST = 10  # latest records that are searched for the last one that counts
FARTHER = 1000  # where others have written that many
Counts = Callable[[ConsumerRecord], bool]


class Fence:
    """Takes partitions for one worker.

    Parameters
    ----------
    changelogs
        Of the tables that only a partition's owner may write.
    repeated
        The topic whose last record is written again, because every record in it counts.
    counts
        Whether a record of that topic is one of the application's own.
    leave
        Ends the process.
    """

    def __init__(
        self,
        settings: Settings,
        writers: Writers,
        changelogs: Sequence[str],
        repeated: str,
        counts: Counts,
        leave: Leave,
    ) -> None:
        self.brokers, self.writers, self.leave = settings.brokers, writers, leave
        self.name = settings.topic_prefix + settings.app_id
        self.changelogs, self.repeated, self.counts = changelogs, repeated, counts

    async def take(self, partitions: Collection[int]) -> None:
        """Shut out every former owner; returns when the leaders of all logs enforce it.

        Ends the process when that takes longer than `PATIENCE`.
        """
        if not partitions:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*map(self._claim, partitions))
                deleted = [
                    self.writers(topic, partition).put([Out(KEY, None)])
                    for topic in self.changelogs
                    for partition in partitions
                ]
                await self._repeat_last(partitions)
                await _acknowledged(deleted)
        except TimeoutError:
            why = f"could not fence the partitions within {PATIENCE:.0f} s of an assignment"
            self.leave(Exit.PRODUCE, why)
        except KafkaError as error:
            self.leave(
                Exit.PRODUCE, f"the brokers do not let this worker take partitions: {error!r}"
            )

    async def keep(self, assigned: Callable[[], Collection[int]]) -> None:
        """Take the assigned partitions again before the brokers forget their producer epochs."""
        while True:
            await asyncio.sleep(RENEW)
            await self.take(assigned())

    # -- producer epochs

    async def _claim(self, partition: int) -> None:
        producer_id, epoch = await self._next_epoch(f"{self.name}-{partition}")
        for topic in (self.repeated, *self.changelogs):
            self.writers(topic, partition).claim = Claim(producer_id, epoch)

    async def _next_epoch(self, transactional_id: str) -> tuple[int, int]:
        """Producer id, and a producer epoch that nobody was given before."""
        tries = 0
        while True:
            await self.writers.ours()  # or it would shut out its own successor
            try:
                return await _init_producer(self.writers.client, transactional_id)
            except KafkaError as error:
                if not (error.retriable or isinstance(error, ConcurrentTransactions)):
                    raise
                tries += 1
                if tries == QUIET:
                    log.warning("Waiting for a producer epoch of %s: %r", transactional_id, error)
            await asyncio.sleep(AGAIN)

    # -- the topic where every record counts

    async def _repeat_last(self, partitions: Iterable[int]) -> None:
        """Write the last record of each partition again: its readers know it already."""
        tps = [TopicPartition(self.repeated, partition) for partition in partitions]
        async with reader(self.brokers, *tps, patience=PATIENCE) as consumer:
            ends = await consumer.end_offsets(tps)
            places = await self._repeat_before(consumer, ends)
            # Where somebody wrote in between, that record was the last one. Now nobody can.
            late = {tp: place for tp, place in places.items() if place != ends[tp]}
            await self._repeat_before(consumer, late)

    async def _repeat_before(
        self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Repeat the last record below each offset, if there is one; returns their new offsets."""
        last = await _last_records(consumer, ends, self.counts)
        return dict(await asyncio.gather(*starmap(self._repeat, last.items())))

    async def _repeat(self, tp: TopicPartition, last: ConsumerRecord) -> tuple[TopicPartition, int]:
        places: list[int] = []
        again = Out(last.key, last.value, last.headers, last.timestamp)
        writer = self.writers(*tp)
        receipt = writer.put([again], lambda base, count: places.append(base))
        await _acknowledged([receipt])
        return tp, places[0]


async def _init_producer(client: AIOKafkaClient, transactional_id: str) -> tuple[int, int]:
    node = await client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
    request = InitProducerIdRequest(transactional_id, TRANSACTION_MS)
    answer = await client.send(node, request, group=ConnectionGroup.COORDINATION)
    if answer.error_code:
        raise for_code(answer.error_code)()
    return answer.producer_id, answer.producer_epoch


async def _last_records(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], counts: Counts
) -> dict[TopicPartition, ConsumerRecord]:
    """The last record below each offset that counts, if it is among the latest ones."""
    last = await _latest(consumer, ends, counts, LAST)
    buried = {tp: end for tp, end in ends.items() if tp not in last}
    return last | await _latest(consumer, buried, counts, FARTHER)


async def _latest(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], counts: Counts, among: int
) -> dict[TopicPartition, ConsumerRecord]:
    begins = await consumer.beginning_offsets(list(ends)) if ends else {}
    for tp, end in ends.items():
        consumer.seek(tp, max(begins[tp], end - among))
    unread = {tp for tp, end in ends.items() if begins[tp] < end}
    last: dict[TopicPartition, ConsumerRecord] = {}
    while unread:
        for tp, records in (await consumer.getmany(*unread, timeout_ms=1000)).items():
            last.update((tp, r) for r in records if r.offset < ends[tp] and counts(r))
        unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
    return last


async def _acknowledged(receipts: Iterable[Receipt]) -> None:
    await asyncio.gather(*(asyncio.shield(receipt.acked) for receipt in receipts))
