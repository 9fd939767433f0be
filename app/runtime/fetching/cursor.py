"""Reading the records of a batch byte by byte, where aiokafka's parser does not do."""


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


def header_count(data: bytes, enough: int) -> int:
    """How many headers the records of a batch have together; it stops once there are `enough`.

    Each takes two bytes here and a hundred as an object, so they are counted before they are made.
    Where the records are damaged the count ends: the parser says so.
    """
    cursor, count = Cursor(data), 0
    try:
        while cursor.at < len(data) and count < enough:
            end = cursor.number() + cursor.at
            cursor.at += 1  # attributes
            cursor.number(), cursor.number()  # timestamp, offset
            cursor.field(), cursor.field()  # key, value
            count += cursor.number()
            cursor.at = end
    except (IndexError, ValueError):
        pass
    return count
