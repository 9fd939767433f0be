"""The latest events of a customer, packed in columns in the order of their offsets."""

from struct import Struct
from typing import NamedTuple

import msgspec

from app.streams.fraud.history.columns import Steps, column, find
from app.streams.fraud.history.running import NOWHERE, Place

# events, flags, then for offsets and for times: what the first step starts from, the last value
HEADER = Struct("<HBqqqq")
WIDE_OFFSETS, WIDE_TIMES, PLACED = 1, 2, 4
HASH = Struct("<Q")
AMOUNT = Struct("<d")
PLACE = Struct("<ff")  # to about a metre
MISSING = PLACE.pack(*NOWHERE)


class Event(NamedTuple):
    """A transaction as its customer's record keeps it."""

    offset: int
    id_hash: int
    at: int  # epoch ms
    amount: float
    merchant: int
    lat: float | None = None
    lon: float | None = None
    words: tuple[int, ...] = ()  # of the fields whose habits are kept, see `habits`


class Ring(msgspec.Struct, gc=False):
    """Events in columns of bytes: appending and dropping open no column.

    An event takes 32 bytes, 8 more in a ring that has ever had a place, and 4 more while two
    consecutive times (or offsets) are more than 2^31 apart. The column of places is empty
    until the first one arrives. Order is up to the caller: offsets must ascend.
    """

    offsets: Steps
    ats: Steps
    ids: bytes = b""
    amounts: bytes = b""
    merchants: bytes = b""
    places: bytes = b""

    def __len__(self) -> int:
        return len(self.ids) // HASH.size

    def append(self, event: Event) -> Place:
        """Add the newest event; its place as kept, which is what a replay reads back."""
        offset, id_hash, at, amount, merchant, lat, lon, _ = event
        place = MISSING if lat is None or lon is None else PLACE.pack(lat, lon)
        if self.places or place != MISSING:
            self.places = (self.places or MISSING * len(self)) + place
        self.offsets.append(offset)
        self.ats.append(at)
        self.ids += HASH.pack(id_hash)
        self.amounts += AMOUNT.pack(amount)
        self.merchants += HASH.pack(merchant)
        return _place(place)

    def drop_oldest(self) -> tuple[int, int, float, Place]:
        """Drop the oldest event: its offset, time, amount and place."""
        (amount,) = AMOUNT.unpack_from(self.amounts)
        place = _place(self.places or MISSING)
        self.ids = self.ids[HASH.size :]
        self.amounts = self.amounts[AMOUNT.size :]
        self.merchants = self.merchants[HASH.size :]
        self.places = self.places[PLACE.size :]
        return self.offsets.drop_oldest(), self.ats.drop_oldest(), amount, place

    def index(self, id_hash: int) -> int:
        """Index of the oldest event with this transaction id, or -1."""
        return find(self.ids, HASH.pack(id_hash)) // HASH.size

    def all_amounts(self) -> tuple[float, ...]:
        return column("d", len(self)).unpack(self.amounts)

    def some_merchants(self, start: int, stop: int) -> tuple[int, ...]:
        return column("Q", stop - start).unpack_from(self.merchants, start * HASH.size)

    def all_places(self) -> list[Place]:
        """The place of each event, NOWHERE where it has none."""
        return list(PLACE.iter_unpack(self.places or MISSING * len(self)))

    def events(self) -> list[Event]:
        """The events, oldest first."""
        columns = zip(
            self.offsets.values(),
            column("Q", len(self)).unpack(self.ids),
            self.ats.values(),
            self.all_amounts(),
            self.some_merchants(0, len(self)),
            self.all_places(),
            strict=True,
        )
        return [
            Event(*fields, *((None, None) if place == NOWHERE else place))
            for *fields, place in columns
        ]

    def encode(self) -> bytes:
        offsets, ats = self.offsets, self.ats
        flags = WIDE_OFFSETS * offsets.wide + WIDE_TIMES * ats.wide + PLACED * bool(self.places)
        ends = (offsets.origin, offsets.last, ats.origin, ats.last)
        return b"".join(
            (
                HEADER.pack(len(self), flags, *ends),
                self.ids,
                self.amounts,
                self.merchants,
                self.places,
                offsets.packed,
                ats.packed,
            )
        )

    @classmethod
    def decode(cls, raw: bytes, position: int) -> tuple["Ring", int]:
        """The ring that begins at a position, and the position after it."""
        size, flags, first_offset, last_offset, first_at, last_at = HEADER.unpack_from(
            raw, position
        )
        wide_offsets, wide_times = bool(flags & WIDE_OFFSETS), bool(flags & WIDE_TIMES)
        ids = position + HEADER.size
        amounts = ids + size * HASH.size
        merchants = amounts + size * AMOUNT.size
        places = merchants + size * HASH.size
        offsets = places + (size * PLACE.size if flags & PLACED else 0)
        ats = offsets + size * (8 if wide_offsets else 4)
        end = ats + size * (8 if wide_times else 4)
        ring = cls(
            Steps(first_offset, last_offset, raw[offsets:ats], wide_offsets),
            Steps(first_at, last_at, raw[ats:end], wide_times),
            raw[ids:amounts],
            raw[amounts:merchants],
            raw[merchants:places],
            raw[places:offsets],
        )
        return ring, end


def _place(packed: bytes) -> Place:
    lat, lon = PLACE.unpack_from(packed)
    return lat, lon
