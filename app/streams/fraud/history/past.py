"""What a transaction may see of its customer."""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from app.streams.fraud.history.buckets import NO_BUCKETS, Buckets
from app.streams.fraud.history.running import NEVER, Running
from app.streams.fraud.history.totals import Totals
from app.streams.fraud.history.widths import WINDOWS


class Past(msgspec.Struct, gc=False):
    """A customer as one transaction sees it: the events with a smaller offset, and no others.

    Sequences are in the order of offsets, oldest first, and hold the latest events only;
    times are epoch ms.
    """

    ats: tuple[int, ...]
    amounts: tuple[float, ...]
    merchants: tuple[int, ...]  # 64 bit hashes
    running: Running
    older: Totals  # the events before those of the sequences
    frauds: tuple[int, ...]  # when this customer's recent fraud labels became known
    whole: bool  # False when events that belong here have left the record
    buckets: Buckets = NO_BUCKETS  # the last day of those before the sequences
    habits: tuple[bytes, ...] = ()  # for each field that asks for it, the slots of `habits`

    @property
    def count(self) -> int:
        """Number of all earlier transactions."""
        return self.running.events

    @property
    def mean(self) -> float:
        """Mean amount of all earlier transactions, 0 without one."""
        return self.running.mean

    @property
    def variance(self) -> float:
        """Sample variance of all earlier amounts, 0 below two."""
        return self.running.squares / (self.running.events - 1) if self.running.events > 1 else 0.0

    @property
    def typical(self) -> float:
        """Robust typical amount, 0 without an earlier transaction; see `Running`."""
        return self.running.typical

    @property
    def last_at(self) -> int | None:
        """Time of the latest earlier transaction."""
        return None if self.running.last_at == NEVER else self.running.last_at

    @property
    def last_spike(self) -> int | None:
        """Time of the latest transaction whose amount stood out; see `Running`."""
        return None if self.running.last_spike == NEVER else self.running.last_spike

    @property
    def home(self) -> tuple[float, float] | None:
        """Mean latitude and longitude of the transactions that had a place, degrees."""
        return (self.running.home_lat, self.running.home_lon) if self.running.places else None

    def by_time(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Times and amounts of the events in the order of their times."""
        ats, amounts = self.ats, self.amounts
        ordered = tuple(sorted(ats))
        if ordered == ats:  # all but a few
            return ats, amounts
        return ordered, tuple(amounts[i] for i in sorted(range(len(ats)), key=ats.__getitem__))

    def windows(self, at: int, widths: Sequence[int] = WINDOWS) -> tuple[tuple[float, float], ...]:
        """(count, sum of amounts) over (at - w, at] for each of the ascending `widths`, in ms.

        The transaction at hand is not included, nor is any with a later time than `at`.
        Exact over the latest events; older ones come from buckets of a twelfth of the width, for
        more than a day from day totals: see `Buckets.within`, `Totals.within`.
        """
        (ats, amounts), older, buckets = self.by_time(), self.older, self.buckets
        newest = top = len(ats) if not ats or ats[-1] <= at else bisect_right(ats, at)
        total, latest = 0.0, older.latest
        windows: list[tuple[float, float]] = []
        for width in widths:
            start = at - width
            if top and ats[top - 1] > start:
                oldest = bisect_right(ats, start, 0, top)
                total += sum(amounts[oldest:top])
                top = oldest
            if latest > start:
                if buckets is NO_BUCKETS:
                    count, summed = older.within(start, at)
                else:
                    count, summed = buckets.within(width, start, at, older)
                windows.append((newest - top + count, total + summed))
            else:
                windows.append((newest - top, total))
        return tuple(windows)
