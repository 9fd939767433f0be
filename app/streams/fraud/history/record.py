"""The customer record: latest events, running values, totals of what has left, fraud labels.

A record keeps the R latest events that features use and M older ones, so that a replay of
up to M events sees what was seen at first. Events are identified by their offset in the
transactions topic: one that is present, or has left, is not inserted again.
`app.streams.fraud.history.layout` says how it is stored.
"""

from bisect import bisect_left
from collections.abc import Mapping
from struct import error as StructError
from typing import NamedTuple

from app.core.formats import reader_of
from app.core.hashing import cached_hash64
from app.core.messages import Origin, Source
from app.errors import StateError
from app.streams.fraud.history import origins, recent
from app.streams.fraud.history.buckets import NO_BUCKETS, REACH, Buckets
from app.streams.fraud.history.columns import Steps
from app.streams.fraud.history.habits import NONE, Asked, Habit, chosen
from app.streams.fraud.history.layout import NO_HABITS, READERS, pack, reached
from app.streams.fraud.history.past import Past
from app.streams.fraud.history.ring import Event, Ring
from app.streams.fraud.history.running import NEVER, Running
from app.streams.fraud.history.totals import Totals
from app.streams.fraud.messages import Transaction

NOTHING = Running()
NONE_LEFT = Totals()
NOT_ASKED = Asked()


class Limits(NamedTuple):
    """How much a record keeps."""

    events: int  # R: latest events that features use
    replay: int  # M: older events kept besides
    labels: int  # recent fraud labels
    habits: Asked = NOT_ASKED  # the fields whose words are remembered


class History:
    """One customer's record, open for one step.

    A replay sees what was seen at first, and leaves the bytes as they are:

    >>> from app.core.hashing import hash64
    >>> limits = Limits(events=2, replay=1, labels=4)
    >>> history = History(epoch=1, limits=limits)
    >>> for offset, amount in enumerate([5.0, 7.0, 6.0, 40.0]):
    ...     seen = history.before(offset)
    ...     inserted = history.insert(Event(offset, hash64(f"t{offset}"), offset, amount, 9))
    >>> seen.amounts, seen.count, seen.windows(at=3)[0]
    ((7.0, 6.0), 3, (3.0, 18.0))
    >>> again = History.decode(history.encode(), 1, limits)
    >>> again.before(3) == seen, again.insert(Event(3, hash64("t3"), 3, 40.0, 9))
    (True, False)
    >>> again.encode() == history.encode(), again.seen_through
    (True, 3)
    """

    __slots__ = (
        "_base",
        "_buckets",
        "_habits",
        "_head",
        "_labels",
        "_origins",
        "_reached",
        "_ring",
        "_totals",
        "epoch",
        "limits",
        "seen_through",
    )

    def __init__(
        self,
        epoch: int,
        limits: Limits,
        seen_through: int = -1,
        head: Running = NOTHING,
        base: Running = NOTHING,
        ring: Ring | None = None,
        totals: Totals = NONE_LEFT,
        labels: bytes = b"",
        buckets: Buckets = NO_BUCKETS,
        entered: bytes = b"",
        habits: Mapping[int, Habit] = NO_HABITS,
    ) -> None:
        self.epoch = epoch
        self.limits = limits
        self.seen_through = seen_through  # the highest offset processed in this epoch
        self._head = head  # after the newest event
        self._base = base  # before the oldest event kept
        self._ring = Ring(Steps(), Steps()) if ring is None else ring
        self._totals = totals
        self._buckets = buckets
        self._labels = labels
        self._origins = entered
        asked = limits.habits.fields
        self._habits = chosen(habits, asked) if asked else ()
        self._reached = NEVER  # a time before the M newest events, once they were looked at

    @classmethod
    def decode(cls, raw: bytes | None, epoch: int, limits: Limits) -> "History":
        """Open a record; None opens an empty one.

        In a record of an older epoch offsets no longer mean anything. Its events stay, at
        offsets below 0: features and the duplicate rule still know them, and they exclude
        no event of the new epoch. Words of a field that asks for them no more are dropped.

        Raises
        ------
        StateError
            The record is of a later epoch, of an unsupported format, or damaged.
        """
        if not raw:
            return cls(epoch, limits)
        read = reader_of(READERS, raw[0], "a customer record")
        try:
            sections = read(raw, limits.replay)
        except StructError as error:
            raise StateError(f"a customer record is damaged: {error}") from None
        history = cls(sections[0], limits, *sections[1:])
        if history.epoch != epoch:
            history._begin(epoch)
        return history

    def encode(self) -> bytes:
        """The record as bytes."""
        return pack(
            self.epoch,
            self.seen_through,
            self._head,
            self._base,
            self._ring,
            self._totals,
            self._labels,
            self._buckets,
            self._origins,
            self.limits.habits.fields,
            self._habits,
        )

    def count(
        self, tx: Transaction, id_hash: int, offset: int, origin: Source | None = None
    ) -> None:
        """Take in a transaction, unless its offset was processed before."""
        merchant = cached_hash64(tx.merchant)
        words = self.limits.habits.words_of(tx) if self._habits else ()
        event = Event(offset, id_hash, tx.at, tx.amount, merchant, tx.lat, tx.lon, words)
        if self.insert(event) and origin is not None:
            self._origins = origins.note(self._origins, origin)

    def insert(self, event: Event) -> bool:
        """Add the newest event; False when its offset was processed before.

        Offsets in a log ascend, so an event that is not above the highest one comes from
        a replay: it is in the record, has left it, or was passed over.
        """
        if event.offset <= self.seen_through:
            return False
        self._append(event)
        self.seen_through = event.offset
        return True

    def pass_over(self, offset: int, origin: Source | None = None) -> None:
        """Process an event without counting it: it repeats a transaction."""
        if offset > self.seen_through:
            self.seen_through = offset
            if origin is not None:
                self._origins = origins.note(self._origins, origin)

    def entered(self, origin: Source) -> bool:
        """Whether what lay there, or behind it in the same partition, was processed before."""
        return origins.known(self._origins, origin)

    def events(self) -> list[Event]:
        """All events kept, oldest first."""
        return self._ring.events()

    def labels(self) -> list[recent.Row]:
        """The recent labels kept, in the order of their origins."""
        return recent.unpack(self._labels)

    def first_offset_of(self, id_hash: int) -> int | None:
        """The lowest offset at which a transaction id is kept, None where it is not.

        An event of an earlier epoch has an offset below 0.
        """
        index = self._ring.index(id_hash)
        return None if index < 0 else self._ring.offsets.values()[index]

    def before(self, offset: int) -> Past:
        """What the event at `offset` may see: the R latest events with a smaller offset.

        The same bits at a replay as at first, while at most M events have come after.
        Later it is what the record still knows, and not `whole`.
        """
        ring, base = self._ring, self._base
        ats, amounts = ring.ats.values(), ring.all_amounts()
        stop, running = len(ats), self._head
        habits = tuple(habit.head for habit in self._habits) if self._habits else ()
        if ats and offset <= ring.offsets.last:
            stop = bisect_left(ring.offsets.values(), offset)
            running = base
            habits = tuple(habit.before(stop, amounts) for habit in self._habits)
            for event in zip(ats[:stop], amounts, ring.all_places(), strict=False):
                running = running.after(*event)
        start = max(0, stop - self.limits.events)
        older, buckets = self._totals.plus(ats[:start], amounts[:start]), self._buckets
        if buckets is not NO_BUCKETS or older.latest > running.last_at - REACH:
            buckets = buckets.plus(ats[:start], amounts[:start], running.last_at)
        if 0 < self.limits.replay <= start:
            self._reached = ats[-self.limits.replay]
        return Past(
            ats=ats[start:stop],
            amounts=amounts[start:stop],
            merchants=ring.some_merchants(start, stop),
            running=running,
            older=older,
            frauds=recent.frauds(self._labels) if self._labels else (),
            whole=stop == len(ats) or stop >= self.limits.events or not base.events,
            buckets=buckets,
            habits=habits,
        )

    def learn_label(self, tx_hash: int, origin: Origin, known: int, fraud: bool) -> bool:
        """Note which label of a transaction holds; False when that changes nothing.

        Parameters
        ----------
        origin
            The feedback record that decided it. One that is not above what the transaction
            has already is ignored.
        known
            When the label became known, epoch ms.
        fraud
            False when the label was corrected to legitimate, or withdrawn.
        """
        labels = recent.settle(self._labels, (tx_hash, origin, known, fraud), self.limits.labels)
        changed = labels != self._labels
        self._labels = labels
        return changed

    def _append(self, event: Event) -> None:
        if self._habits:
            words = event.words or (NONE,) * len(self._habits)
            for habit, word in zip(self._habits, words, strict=True):
                habit.add(word, event.amount, len(self._ring))
        place = self._ring.append(event)
        self._head = self._head.after(event.at, event.amount, place)
        while len(self._ring) > self.limits.events + self.limits.replay:
            _, at, amount, place = self._ring.drop_oldest()
            self._base = self._base.after(at, amount, place)
            self._totals = self._totals.plus((at,), (amount,))
            self._leave(at, amount)
            if self._habits:
                for habit in self._habits:
                    habit.leave(amount)

    def _leave(self, at: int, amount: float) -> None:
        """Put an event that has left the ring into its buckets, and let old ones go.

        A replay of M events must find what they saw: the customer has come only as far as
        before those M.
        """
        ats, replay, due = self._ring.ats, self.limits.replay, at + REACH
        if self._buckets is NO_BUCKETS and (self._reached >= due or ats.before_last(replay) >= due):
            return  # all but the busiest customers
        self._buckets = self._buckets.plus((at,), (amount,), reached(ats, self._base, replay))

    def _begin(self, epoch: int) -> None:
        if self.epoch > epoch:
            raise StateError(
                f"a customer record is of epoch {self.epoch}, but this worker's is {epoch}"
            )
        self.epoch = epoch
        self.seen_through = -1
        self._origins = b""
        self._ring.offsets = Steps.of(range(-len(self._ring), 0))
