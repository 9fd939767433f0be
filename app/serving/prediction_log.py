"""The predictions of one partition as they lie in Kafka, found by offset or by time."""

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from app.runtime.reading import bounds, stretch


class PredictionLog:
    """Reads one partition of the predictions topic, without a consumer group.

    Parameters
    ----------
    consumer
        Connected, and assigned to the partition; see `app.runtime.reading.reader`.
    tp
        Topic and partition.
    """

    def __init__(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> None:
        self.consumer, self.tp = consumer, tp

    async def offsets(self) -> range:
        """The offsets that the log has now: from the first to the last record."""
        return range(*await bounds(self.consumer, self.tp))

    def records(self, start: int, end: int) -> AsyncIterator[list[ConsumerRecord]]:
        """The records with start <= offset < end, in lists as they arrive."""
        return stretch(self.consumer, self.tp, start, end)

    async def written_at(self, offset: int) -> int:
        """The Kafka timestamp of one record, epoch ms; 0 where there is no record."""
        async for records in self.records(offset, offset + 1):
            return int(records[0].timestamp)
        return 0

    async def first_since(self, time: int, end: int) -> int:
        """The offset of the first record written at or after a time (epoch ms), `end` for none."""
        found = (await self.consumer.offsets_for_times({self.tp: max(time, 0)}))[self.tp]
        return end if found is None else int(found.offset)
