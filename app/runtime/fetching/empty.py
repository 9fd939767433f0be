"""Offsets in which a log holds nothing to work on: aborted records and transaction markers."""

from aiokafka import TopicPartition


class EmptyStretches:
    """The latest empty stretch that was read in each partition.

    A fetch notes it in the consumer's thread. It is how the log is, whatever becomes of the
    fetch, so it stays true when partitions change hands.
    """

    def __init__(self) -> None:
        self._known: dict[TopicPartition, tuple[int, int]] = {}

    def note(self, tp: TopicPartition, begin: int, end: int) -> None:
        """There is nothing from `begin` up to `end`, which is not included."""
        known = self._known.get(tp)
        self._known[tp] = (known[0] if known and known[1] == begin else begin), end

    def all(self) -> list[tuple[TopicPartition, int, int]]:
        """Partition, begin and end of each."""
        return [(tp, *stretch) for tp, stretch in tuple(self._known.items())]

    def covers(self, tp: TopicPartition, begin: int, end: int) -> bool:
        """Whether all of these offsets are empty.

        >>> empty, tp = EmptyStretches(), TopicPartition("transactions", 0)
        >>> empty.note(tp, 3, 5)
        >>> empty.note(tp, 5, 9)
        >>> empty.covers(tp, 4, 9), empty.covers(tp, 4, 10)
        (True, False)
        """
        first, last = self._known.get(tp, (0, 0))
        return first <= begin and end <= last

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()
