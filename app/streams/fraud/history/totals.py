"""Totals by day of the events that are no longer kept individually."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from struct import pack, unpack_from

import msgspec

from app.streams.fraud.history.running import NEVER
from app.streams.fraud.history.widths import cut, share
from app.units import DAY_MS

DAYS_KEPT = 31  # 30 days before an event that is up to a day late


class Totals(msgspec.Struct, frozen=True, gc=False):
    """Count and sum of amounts by day (days since 1970, ascending) of the events before the ring.

    Days more than 31 before the latest one are dropped.
    """

    days: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    sums: tuple[float, ...] = ()
    latest: int = NEVER  # the latest event time among them, epoch ms

    def plus(self, ats: Sequence[int], amounts: Iterable[float]) -> "Totals":
        """The totals with more events, added one by one in the order given."""
        if not ats:
            return self
        days, counts, sums = list(self.days), list(self.counts), list(self.sums)
        last, count, total = (days.pop(), counts.pop(), sums.pop()) if days else (NEVER, 0, 0.0)
        for at, amount in zip(ats, amounts, strict=False):
            day = at // DAY_MS
            if day == last:
                count += 1
                total += amount
            elif day > last:
                if count:
                    days.append(last)
                    counts.append(count)
                    sums.append(total)
                last, count, total = day, 1, amount
            else:
                place = bisect_left(days, day)
                if place == len(days) or days[place] != day:
                    days.insert(place, day)
                    counts.insert(place, 0)
                    sums.insert(place, 0.0)
                counts[place] += 1
                sums[place] += amount
        days.append(last)
        counts.append(count)
        sums.append(total)
        if days[0] < last - DAYS_KEPT:
            old = bisect_left(days, last - DAYS_KEPT)
            del days[:old], counts[:old], sums[:old]
        return Totals(tuple(days), tuple(counts), tuple(sums), max(self.latest, max(ats)))

    def within(self, start: int, end: int) -> tuple[float, float]:
        """Count and sum of the events after `start`, up to `end`.

        A day that is cut counts by the share of it that is inside; its events are assumed to be
        spread evenly from the day's start to its end, or to the latest of them all.
        """
        if self.latest <= start:
            return 0.0, 0.0
        first = bisect_left(self.days, (start + 1) // DAY_MS)
        stop = bisect_right(self.days, end // DAY_MS)
        if first >= stop:
            return 0.0, 0.0
        if end < self.latest:
            return self._until(first, stop - 1, start, end)
        begin = self.days[first] * DAY_MS
        finish = min(begin + DAY_MS, self.latest + 1)
        share = min((finish - 1 - start) / (finish - begin), 1.0)
        return (
            share * self.counts[first] + sum(self.counts[first + 1 : stop]),
            share * self.sums[first] + sum(self.sums[first + 1 : stop]),
        )

    def _until(self, low: int, high: int, start: int, end: int) -> tuple[float, float]:
        """The same where `end` lies before the latest event, and may cut a day as well."""
        shares = self._share(low, start, end), self._share(high, start, end)
        return cut(self.counts, low, high, shares), cut(self.sums, low, high, shares)

    def encode(self) -> bytes:
        days = len(self.days)
        return pack(f"<H{days}I{days}I{days}d", days, *self.days, *self.counts, *self.sums)

    @classmethod
    def decode(cls, raw: bytes, position: int, latest: int) -> tuple["Totals", int]:
        """The totals that begin at a position, and the position after them."""
        (days,) = unpack_from("<H", raw, position)
        fields = unpack_from(f"<{days}I{days}I{days}d", raw, position + 2)
        totals = cls(fields[:days], fields[days : 2 * days], fields[2 * days :], latest)
        return totals, position + 2 + 16 * days

    def _share(self, place: int, start: int, end: int) -> float:
        begin = self.days[place] * DAY_MS
        return share(begin, min(begin + DAY_MS, self.latest + 1), start, end)
