"""Records whose headers have names that are not UTF-8: aiokafka refuses the whole batch for one."""

from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatch

from app.runtime.codecs import CODECS, DECODERS

HEADER = 61  # bytes of a batch in front of its records
FIRST_TIMESTAMP, MAX_TIMESTAMP = slice(27, 35), slice(35, 43)


class Cursor:
    """A place in the records of a batch.

    Everything is read as it is written there; IndexError or ValueError where that ends too early.
    """

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self) -> int:
        """A variable length integer, zigzag coded.

        >>> Cursor(bytes([0xAC, 0x02])).number(), Cursor(bytes([1])).number()
        (150, -1)
        """
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def field(self) -> bytes | None:
        """Bytes with their length in front; None for the length -1."""
        length = self.number()
        if length == -1:
            return None
        end = self.at + length
        if length < 0 or end > len(self.data):
            raise ValueError("a record is cut")
        begin, self.at = self.at, end
        return self.data[begin:end]


def records(raw: bytes, batch: DefaultRecordBatch) -> list[DefaultRecord]:
    """The records of a batch, with names of headers escaped where they are not UTF-8.

    Parameters
    ----------
    raw, batch
        The bytes of the batch, and its header as aiokafka reads it.
    """
    data = raw[HEADER:]
    if batch.compression_type:
        data = DECODERS[CODECS[batch.compression_type - 1]](data)
    cursor = Cursor(data)
    found = []
    while cursor.at < len(data):
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
