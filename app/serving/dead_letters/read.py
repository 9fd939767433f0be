"""Reading dead letters, without a consumer group."""

import hashlib
from collections.abc import AsyncIterator, Collection
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from app.errors import LetterError
from app.runtime.reading import bounds, reader, stretch
from app.serving.dead_letters.journey import Headers, Journey, read_journey
from app.serving.dead_letters.write import LAST
from app.serving.setup import Setup

SHOWN = 60  # bytes of a value

At = tuple[int, int]  # partition and offset of a letter


class Letter(NamedTuple):
    """A dead letter: why, where the refused record was, and what it held.

    `size` counts the bytes of `value`; `cut` says that the record had more of them, and
    `sha256` is of the whole. `timestamp` is the refused record's, epoch ms; -1 when it had none,
    None in letters of older versions, which did not keep it. `last` is the last offset of a batch
    that could not be read, None where the letter holds a record.
    """

    partition: int
    offset: int
    at: int  # epoch ms
    reason: str
    source: str  # topic, partition and offset of the refused record
    size: int
    cut: bool
    value: bytes | None
    key: bytes | None
    topic: str
    place: At | None  # partition and offset of the refused record
    last: int | None
    timestamp: int | None
    sha256: str
    journey: Journey
    headers: Headers

    @property
    def head(self) -> str:
        """The first bytes of the value, escaped."""
        return escaped((self.value or b"")[:SHOWN])


def escaped(raw: bytes) -> str:
    """Bytes as text without control characters.

    >>> escaped(b"a\\xff<")
    'a\\\\xff<'
    """
    return repr(raw)[2:-1]


async def latest(setup: Setup, limit: int) -> list[Letter]:
    """The newest dead letters, at most `limit`, oldest first.

    Raises
    ------
    TopicsError, BrokerError
        The topics are missing, or no broker answers.
    """
    await setup.check_topics()
    found: list[Letter] = []
    for tp in partitions(setup):
        async with reader(setup.settings.brokers, tp) as consumer:
            begin, end = await bounds(consumer, tp)
            async for records in stretch(consumer, tp, max(begin, end - limit), end):
                found += map(read_letter, records)
    found.sort(key=lambda letter: (letter.at, letter.partition, letter.offset))
    return found[-limit:]


async def letters(setup: Setup, only: Collection[At] | None = None) -> AsyncIterator[Letter]:
    """The current dead letters, or only those at some places, in log order.

    Raises
    ------
    LetterError
        There is no letter at one of the places.
    TopicsError, BrokerError
        The topics are missing, or no broker answers.
    """
    await setup.check_topics()
    wanted = None if only is None else set(only)
    if wanted and (beyond := max(wanted))[0] >= setup.settings.partitions:
        raise LetterError(_missing(beyond, f"there are {setup.settings.partitions} partitions"))
    for tp in partitions(setup):
        mine = None if wanted is None else {offset for p, offset in wanted if p == tp.partition}
        if mine is None or mine:
            async with reader(setup.settings.brokers, tp) as consumer:
                async for letter in _of_partition(consumer, tp, mine):
                    yield letter


async def one(setup: Setup, partition: int, offset: int) -> Letter:
    """The dead letter at a place. Raises as `letters` does."""
    found = [letter async for letter in letters(setup, [(partition, offset)])]
    return found[0]


def partitions(setup: Setup) -> list[TopicPartition]:
    """The partitions of the dead letters."""
    topic = setup.topics.dead_letters
    return [TopicPartition(topic, partition) for partition in range(setup.settings.partitions)]


async def _of_partition(
    consumer: AIOKafkaConsumer, tp: TopicPartition, offsets: set[int] | None
) -> AsyncIterator[Letter]:
    begin, end = await bounds(consumer, tp)
    start, stop = (begin, end) if offsets is None else (min(offsets), max(offsets) + 1)
    if start < begin or stop > end:
        missing = start if start < begin else stop - 1
        why = f"its offsets are {begin} to {end - 1}" if end > begin else "it is empty"
        raise LetterError(_missing((tp.partition, missing), why))
    async for records in stretch(consumer, tp, start, stop):
        for record in records:
            if offsets is None or record.offset in offsets:
                yield read_letter(record)


def _missing(at: At, why: str) -> str:
    return f"there is no dead letter {at[0]}:{at[1]}: {why}"


def read_letter(record: ConsumerRecord) -> Letter:
    """A dead letter from its record."""
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    value = record.value or b""
    partition, offset = _number(headers.get("partition")), _number(headers.get("offset"))
    topic, *numbers = (headers.get(name, "?") for name in ("topic", "partition", "offset"))
    last = _number(headers.get(LAST))
    return Letter(
        partition=record.partition,
        offset=record.offset,
        at=record.timestamp,
        reason=headers.get("reason", "no reason given"),
        source="{}[{}] @ {}".format(topic, *numbers) + ("" if last is None else f" to {last}"),
        size=len(value),
        cut="sha256" in headers,
        value=record.value,
        key=record.key,
        topic=headers.get("topic", ""),
        place=None if partition is None or offset is None else (partition, offset),
        last=last,
        timestamp=_time(headers.get("timestamp")),
        sha256=headers.get("sha256") or hashlib.sha256(value).hexdigest(),
        journey=read_journey(record.headers),
        headers=record.headers,
    )


def _time(text: str | None) -> int | None:
    """A timestamp in a header; -1 when the record had none, None when the letter does not say.

    >>> _time("17"), _time("-2"), _time("x"), _time(None)
    (17, -1, None, None)
    """
    return -1 if text and text[0] == "-" and _number(text[1:]) else _number(text)


def _number(text: str | None) -> int | None:
    """A whole number in a header, None when there is none.

    >>> _number("17"), _number("-1"), _number("x"), _number(None)
    (17, None, None, None)
    """
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
