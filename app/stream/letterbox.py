"""Reading dead letters, without a consumer group."""

from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

from app.settings import Settings
from app.stream.reading import bounds, reader, stretch
from app.stream.topics import Topics, check

SHOWN = 60  # bytes of a value


class Letter(NamedTuple):
    """A dead letter: why, where the refused record lay, and its value.

    `size` counts the bytes of `value`; `cut` says that the record had more of them.
    """

    partition: int
    offset: int
    at: int  # epoch ms
    reason: str
    source: str  # topic, partition and offset of the refused record
    size: int
    cut: bool
    value: bytes

    @property
    def head(self) -> str:
        """The first bytes of the value, escaped.

        >>> Letter(0, 0, 0, "", "", 3, False, b"a\\xff<").head
        'a\\\\xff<'
        """
        return repr(self.value[:SHOWN])[2:-1]


async def latest(settings: Settings, limit: int) -> list[Letter]:
    """The newest dead letters, at most `limit`, oldest first.

    Raises
    ------
    TopicsError, BrokerError
        The topics are not there, or no broker answers.
    """
    await check(settings)
    topic = Topics.named(settings).dead_letters
    tps = [TopicPartition(topic, partition) for partition in range(settings.partitions)]
    letters: list[Letter] = []
    for tp in tps:
        async with reader(settings.brokers, tp) as consumer:
            begin, end = await bounds(consumer, tp)
            async for records in stretch(consumer, tp, max(begin, end - limit), end):
                letters += map(read_letter, records)
    letters.sort(key=lambda letter: (letter.at, letter.partition, letter.offset))
    return letters[-limit:]


def read_letter(record: ConsumerRecord) -> Letter:
    """A dead letter from its record."""
    told = {name: value.decode(errors="replace") for name, value in record.headers}
    value = record.value or b""
    return Letter(
        record.partition,
        record.offset,
        record.timestamp,
        told.get("reason", "no reason given"),
        f"{told.get('topic', '?')}[{told.get('partition', '?')}] @ {told.get('offset', '?')}",
        len(value),
        "sha256" in told,
        value,
    )
