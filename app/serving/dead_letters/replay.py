"""Sending dead letters back to the topic that they came from.

A label goes to the partition that it came from, an event to its own. Both are the same unless
the event was refused because it lay on a wrong one.

A replayed letter is a new record: its event is decided, or its label settled, under the
offset that it gets now, so replaying it twice is harmless. The second event repeats the
decision of the first, by its id; the second label has no effect, by its label id. It has
the headers and the timestamp of the refused record where the letter kept them, so the rules
that depend on time judge it as they judged the record.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError, MessageSizeTooLargeError

from app.core.partitioning import partition_of
from app.errors import BrokerError, Refused
from app.runtime.topics.shapes import LETTER_BYTES
from app.serving.dead_letters.headers import given_back
from app.serving.dead_letters.journey import Refusal, header
from app.serving.dead_letters.read import At, Letter, letters
from app.serving.elsewhere import without_place
from app.serving.setup import Setup

WHY_NOT_TAKEN = {
    MessageSizeTooLargeError: "with its history it is larger than its topic accepts",
    InvalidTimestampError: "its timestamp is further ahead than its topic accepts",
}


class Selection(NamedTuple):
    """Which letters to replay: those at some places, or all that fit every condition.

    `reason` is a part of the reason, in upper or lower case; `topic` that of the refused record;
    `since` the earliest time at which the letter was written, epoch ms.
    """

    places: frozenset[At] | None = None
    reason: str = ""
    topic: str = ""
    since: int = 0

    def takes(self, letter: Letter) -> bool:
        """Whether a letter fits."""
        return (
            self.reason.lower() in letter.reason.lower()
            and self.topic in ("", letter.topic)
            and letter.at >= self.since
        )


class Plan(NamedTuple):
    """What a replay would do: the letters to send, how many go where, which ones cannot go."""

    send: frozenset[At]
    to: Counter[str]
    kept: list[tuple[At, str]]


async def plan(setup: Setup, selection: Selection) -> Plan:
    """Look through the letters. Raises as `letters` does."""
    send, to, kept = set(), Counter[str](), []
    now = time.time() * 1000
    async for letter in letters(setup, selection.places):
        if not selection.takes(letter):
            continue
        if (why := why_kept(letter, setup, now)) is not None:
            kept.append(((letter.partition, letter.offset), why))
            continue
        send.add((letter.partition, letter.offset))
        to[destination(letter, setup)] += 1
    return Plan(frozenset(send), to, kept)


async def replay(setup: Setup, chosen: frozenset[At]) -> AsyncIterator[tuple[Letter, str]]:
    """Send letters back, one after the other; each with why it was not accepted, or ''.

    Raises
    ------
    BrokerError
        The broker did not accept a letter for a reason that does not lie in the letter.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=setup.settings.brokers, acks="all", max_request_size=2 * LETTER_BYTES
    )
    try:
        await producer.start()
        async for letter in letters(setup, chosen):
            yield letter, await _send(producer, letter, partition_for(letter, setup))
    except KafkaError as error:
        raise BrokerError(f"{setup.settings.brokers} did not accept a letter: {error!r}") from None
    finally:
        await producer.stop()


def why_kept(letter: Letter, setup: Setup, now: float) -> str | None:
    """Why a letter cannot be replayed at a time (epoch ms), None when it can.

    One that is not whole, or did not come from an input, would be refused again or be read as
    something else. One that is older than its topic's retention could be deleted unread.
    """
    names = setup.topics
    if letter.cut:
        return f"its value was cut: publish the whole one again; its sha256 is {letter.sha256}"
    if letter.topic not in names.inputs:
        return f"it came from {letter.topic or 'an unknown topic'}, which is not an input of Weir"
    if letter.last is not None:
        return "it is a batch that could not be read: publish its records again"
    if letter.place is None:
        return "it does not say where its record was"
    if partition_for(letter, setup) >= setup.settings.partitions:
        return f"it came from partition {letter.place[0]} of {setup.settings.partitions}"
    if letter.timestamp is not None and 0 <= letter.timestamp < now - setup.settings.horizon * 1000:
        return "its record is older than WEIR_HORIZON, and decisions that old are forgotten"
    return None


def partition_for(letter: Letter, setup: Setup) -> int:
    """The partition to which a letter goes: an event's own, if it can be read by now."""
    assert letter.place is not None, "why_kept comes first"
    if letter.topic == setup.topics.events:
        with suppress(Refused):
            key: str = setup.application.read(letter.value).key
            return partition_of(key, setup.settings.partitions)
    return letter.place[0]


def destination(letter: Letter, setup: Setup) -> str:
    """Where a letter goes, in words."""
    return f"{letter.topic}[{partition_for(letter, setup)}]"


def history_of(letter: Letter) -> tuple[str, bytes]:
    """The header that a replay of this letter carries: its journey and this refusal."""
    assert letter.place is not None, "why_kept comes first"
    refusal = Refusal(letter.topic, *letter.place, letter.reason, letter.partition, letter.offset)
    return header(letter.journey.after(refusal))


def headers_of(letter: Letter) -> list[tuple[str, bytes | None]]:
    """The headers of a replay: those of the record, and its history.

    A replay is a new record, and no copy of one that lay elsewhere: it counts by its id alone.
    """
    return [history_of(letter), *without_place(given_back(letter.headers))]


async def _send(producer: AIOKafkaProducer, letter: Letter, partition: int) -> str:
    try:
        await producer.send_and_wait(
            letter.topic,
            letter.value,
            key=letter.key,
            partition=partition,
            timestamp_ms=letter.timestamp,
            headers=headers_of(letter),
        )
    except tuple(WHY_NOT_TAKEN) as error:
        return WHY_NOT_TAKEN[type(error)]
    return ""
