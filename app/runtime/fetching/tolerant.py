"""Records whose headers have names that are not UTF-8: aiokafka refuses the whole batch for one."""

from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatch

from app.runtime.fetching.codecs import CODECS, DECODERS
from app.runtime.fetching.cursor import Cursor

HEADER = 61  # bytes of a batch in front of its records
FIRST_TIMESTAMP, MAX_TIMESTAMP = slice(27, 35), slice(35, 43)


def records(raw: bytes, batch: DefaultRecordBatch, most: int) -> list[DefaultRecord]:
    """The records of a batch, at most so many; headers' names that are not UTF-8 are escaped.

    Parameters
    ----------
    raw, batch
        The bytes of the batch, and its header as aiokafka reads it.
    """
    data = raw[HEADER:]
    if batch.compression_type:
        data = DECODERS[CODECS[batch.compression_type - 1]](data)
    cursor = Cursor(data)
    found: list[DefaultRecord] = []
    while cursor.at < len(data) and len(found) < most:
        end = cursor.number() + cursor.at
        found.append(_record(cursor, raw, batch))
        if cursor.at != end:
            raise ValueError("a record does not end where it says")
    return found


def _record(cursor: Cursor, raw: bytes, batch: DefaultRecordBatch) -> DefaultRecord:
    cursor.at += 1  # attributes, of which there are none
    timestamp, offset = _number(raw[FIRST_TIMESTAMP]) + cursor.number(), cursor.number()
    if batch.timestamp_type:
        timestamp = _number(raw[MAX_TIMESTAMP])  # the broker's
    key, value = cursor.field(), cursor.field()
    headers = [
        ((cursor.field() or b"").decode(errors="backslashreplace"), cursor.field())
        for _ in range(cursor.number())
    ]
    place = batch.base_offset + offset, timestamp, batch.timestamp_type
    return DefaultRecord(*place, key, value, headers)


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)
