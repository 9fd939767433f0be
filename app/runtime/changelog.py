"""The keys and values of a compacted partition, read without a consumer group."""

from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from app.runtime.reading import bounds, stretch


class Changelog:
    """The wanted keys of one partition and their values, as far as it was read.

    Compaction lags: values that are replaced or deleted further on take no memory here.

    Parameters
    ----------
    consumer
        Assigned to the partition; its other partitions are paused.
    wanted
        Which keys to keep.
    wrote
        Whether a record is Weir's; others are passed over.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        tp: TopicPartition,
        wanted: Callable[[bytes], object],
        wrote: Callable[[ConsumerRecord], bool] = lambda record: record.key is not None,
    ) -> None:
        self.consumer, self.tp, self.wanted, self.wrote = consumer, tp, wanted, wrote
        self.live: dict[bytes, bytes] = {}
        self.position = 0

    async def read(self) -> dict[bytes, bytes]:
        """Read on to the current end; all that is live there, in no particular order."""
        begin, end = await bounds(self.consumer, self.tp)
        start = max(begin, self.position)
        async for records in stretch(self.consumer, self.tp, start, end):
            for record in records:
                if not self.wrote(record):
                    continue
                if record.value is None:
                    self.live.pop(record.key, None)
                elif self.wanted(record.key):
                    self.live[record.key] = record.value
        self.position = end
        return self.live
