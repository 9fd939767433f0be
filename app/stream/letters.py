"""Records written because of a label or a fault: dead letters, and labels entered again."""

import hashlib
from collections.abc import Iterator

from aiokafka import ConsumerRecord

from app.errors import Refused
from app.fraud.labels import LabelEntry, Revision, again
from app.messages import encode
from app.stream.topics import INPUT_BYTES, LETTER_BYTES
from app.stream.writer import Out

HEADERS_BYTES = 64 * 1024  # kept free for key, headers and framing
REASON_CHARACTERS = 250


def dead_letter(record: ConsumerRecord, reason: Refused) -> Out:
    """A record that could not be used: its raw value, and in headers why and where it lay."""
    return _letter(
        record.key, record.value, str(reason), record.topic, record.partition, record.offset
    )


def given_up(topic: str, tx: str, entry: LabelEntry, revision: Revision) -> Out:
    """The dead letter of a label whose transaction never came."""
    origin = revision.origin
    reason = "the transaction of this label did not come within WEIR_LABEL_WAIT"
    said = again(tx, entry, revision)
    key, value = said.customer.encode(), encode(said)
    return _letter(key, value, reason, topic, origin.partition, origin.offset)


def waiting_again(tx: str, entry: LabelEntry) -> Iterator[Out]:
    """The labels that wait for a transaction, as new feedback with the same id and time."""
    for revision in entry.waiting:
        said = again(tx, entry, revision)
        yield Out(said.customer.encode(), encode(said), timestamp=revision.recorded)


def _letter(
    key: bytes | None, value: bytes | None, reason: str, topic: str, partition: int, offset: int
) -> Out:
    headers = [
        ("reason", reason[:REASON_CHARACTERS].encode()),
        ("topic", topic.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(offset).encode()),
    ]
    if key is not None:
        key = key[:INPUT_BYTES]  # it was larger only where its producer compressed it
    room = LETTER_BYTES - HEADERS_BYTES - len(key or b"")
    if value is not None and len(value) > room:
        headers.append(("sha256", hashlib.sha256(value).hexdigest().encode()))
        value = value[:room]
    # A record may not lack both key and value.
    return Out(key if key is not None or value is not None else b"", value, tuple(headers))
