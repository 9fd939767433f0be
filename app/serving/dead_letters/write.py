"""Records written because of a label or a fault: dead letters, and labels entered again."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from aiokafka import ConsumerRecord

from app.core.domain import Application
from app.core.labels import LabelEntry, Revision
from app.core.settling import MAX_REVISIONS, again
from app.errors import Refused
from app.runtime.fetching.batches import UnreadableBatch
from app.runtime.topics.shapes import INPUT_BYTES, LETTER_BYTES
from app.runtime.writer import Out
from app.serving.dead_letters.headers import Headers, beside_own
from app.serving.dead_letters.journey import carried, carrying
from app.wire import encode

HEADERS_BYTES = 64 * 1024  # kept free for key, headers and framing
REASON_CHARACTERS = 250
LAST = "last-offset"  # the header of a letter that holds a whole batch


class Place(NamedTuple):
    """Where a record was, and its Kafka timestamp (epoch ms, negative when it had none).

    A letter keeps the timestamp because rules depend on it: how far ahead `at` may be, the latest
    time at which a label was given, how long it waits. A replay is judged as the record was.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int


def dead_letter(record: ConsumerRecord, reason: Refused) -> Out:
    """A record that could not be used: its raw value, and in headers why and where it was.

    The value of a batch that could not be read is the batch.
    """
    batch = isinstance(record, UnreadableBatch)
    offset = record.first if batch else record.offset
    place = Place(record.topic, record.partition, offset, record.timestamp)
    more = [*carrying(carried(record.headers)), *beside_own(record.headers)]
    if batch:
        more.append((LAST, str(record.offset).encode()))
    return _letter(record.key, record.value, str(reason), place, more)


def given_up(
    application: Application, topic: str, id: str, entry: LabelEntry, revision: Revision
) -> Out:
    """The dead letter of a label whose event never came."""
    reason = "the event of this label did not come within WEIR_LABEL_WAIT"
    return _unsettled(application, topic, id, entry, revision, reason)


def crowded_out(
    application: Application, topic: str, id: str, entry: LabelEntry, revision: Revision
) -> Out:
    """The dead letter of a label that waited until others that count more took all the room."""
    reason = f"more than {MAX_REVISIONS} labels of this event wait for it, and others count more"
    return _unsettled(application, topic, id, entry, revision, reason)


def _unsettled(
    application: Application,
    topic: str,
    id: str,
    entry: LabelEntry,
    revision: Revision,
    reason: str,
) -> Out:
    origin, said = revision.origin, again(application, id, entry, revision)
    place = Place(topic, origin.partition, origin.offset, revision.recorded)
    return _letter(said.key.encode(), encode(said), reason, place, carrying(revision.history))


def waiting_again(application: Application, id: str, entry: LabelEntry) -> Iterator[Out]:
    """The labels that wait for an event, as new feedback with the same id and time."""
    for revision in entry.waiting:
        said = again(application, id, entry, revision)
        headers = carrying(revision.history)
        yield Out(said.key.encode(), encode(said), headers, revision.recorded)


def _letter(
    key: bytes | None, value: bytes | None, reason: str, place: Place, more: Headers
) -> Out:
    headers: list[tuple[str, bytes | None]] = [
        ("reason", reason[:REASON_CHARACTERS].encode()),
        *((name, str(part).encode()) for name, part in zip(place._fields, place, strict=True)),
        *more,
    ]
    if key is not None:
        key = key[:INPUT_BYTES]  # it was larger only where its producer compressed it
    room = LETTER_BYTES - HEADERS_BYTES - len(key or b"")
    if value is not None and len(value) > room:
        headers.append(("sha256", hashlib.sha256(value).hexdigest().encode()))
        value = value[:room]
    # A record may not lack both key and value.
    return Out(key if key is not None or value is not None else b"", value, tuple(headers))
