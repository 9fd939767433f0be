"""The fence: who takes a partition shuts out whoever had it before, and the brokers see to it.

Guard and lease keep a worker from writing when its partitions may be another's. But a process
can be stopped for any length of time between its last look at a clock and the moment when the
socket takes the bytes, and nothing inside it can help then. So what the next owner relies on is
written under a claim: each partition has a transactional id, and for whoever takes the partition
the transaction coordinator raises the epoch of its producer id. There are no transactions. The
new owner writes one record under its epoch to each log, and from then on the log's leader refuses
every older epoch. What it reads of the logs after that is all that its predecessors will ever
have written.
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

KEY = b"\0fence"  # deleted in their changelogs, where it never is; no id holds a NUL
TRANSACTION_MS = 60_000  # brokers want to know how long transactions may take
PATIENCE = 60.0  # seconds for brokers to come back
AGAIN = 0.1  # seconds between two tries
QUIET = 20  # tries before a word: at a broker's very first takeover the coordinator is not made yet
RENEW = 86_400.0  # seconds: brokers forget an id that nobody took for a week, and its epoch
LAST = 10  # records in which the last one that counts is looked for
Counts = Callable[[ConsumerRecord], bool]


class Fence:
    """Takes partitions for one worker.

    Parameters
    ----------
    changelogs
        Of the tables that only a partition's owner may write.
    repeated
        The topic whose last record is written once more, because every record in it counts.
    counts
        Whether a record of that topic is an application's own.
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
        """Shut out every earlier owner; returns when the leaders of all logs know.

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
            self.leave(
                Exit.PRODUCE, f"no epochs and no writes within {PATIENCE:.0f} s of an assignment"
            )
        except KafkaError as error:
            self.leave(
                Exit.PRODUCE, f"the brokers do not let this worker take partitions: {error!r}"
            )

    async def keep(self, held: Callable[[], Collection[int]]) -> None:
        """Take what is held again in time, so that the brokers do not forget the epochs."""
        while True:
            await asyncio.sleep(RENEW)
            await self.take(held())

    # -- epochs

    async def _claim(self, partition: int) -> None:
        producer_id, epoch = await self._next_epoch(f"{self.name}-{partition}")
        for topic in (self.repeated, *self.changelogs):
            self.writers(topic, partition).claim = Claim(producer_id, epoch)

    async def _next_epoch(self, transactional_id: str) -> tuple[int, int]:
        """Producer id and epoch, which was never given to anyone before."""
        tries = 0
        while True:
            await self.writers.ours()  # or it would shut out who came after it
            try:
                return await _init_producer(self.writers.client, transactional_id)
            except KafkaError as error:
                if not (error.retriable or isinstance(error, ConcurrentTransactions)):
                    raise
                tries += 1
                if tries == QUIET:
                    log.warning("Waiting for an epoch of %s: %r", transactional_id, error)
            await asyncio.sleep(AGAIN)

    # -- the topic where every record counts

    async def _repeat_last(self, partitions: Iterable[int]) -> None:
        """Write the last record of each partition once more: whoever reads it knows it."""
        tps = [TopicPartition(self.repeated, partition) for partition in partitions]
        async with reader(self.brokers, *tps, patience=PATIENCE) as consumer:
            ends = await consumer.end_offsets(tps)
            places = await self._repeat_before(consumer, ends)
            # Where somebody wrote in between, that was the last one. Now nobody can.
            late = {tp: place for tp, place in places.items() if place != ends[tp]}
            await self._repeat_before(consumer, late)

    async def _repeat_before(
        self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Repeat the last record below each offset, if there is one; where that went."""
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
    """The last record that counts below these offsets, where one is among the latest."""
    begins = await consumer.beginning_offsets(list(ends))
    for tp, end in ends.items():
        consumer.seek(tp, max(begins[tp], end - LAST))
    unread = {tp for tp, end in ends.items() if begins[tp] < end}
    last: dict[TopicPartition, ConsumerRecord] = {}
    while unread:
        for tp, records in (await consumer.getmany(*unread, timeout_ms=1000)).items():
            last.update((tp, r) for r in records if r.offset < ends[tp] and counts(r))
        unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
    return last


async def _acknowledged(receipts: Iterable[Receipt]) -> None:
    await asyncio.gather(*(asyncio.shield(receipt.acked) for receipt in receipts))
