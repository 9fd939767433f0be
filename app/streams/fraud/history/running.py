"""Running values of a customer: a left fold over the events in the order of their offsets."""

import math
from struct import Struct
from typing import TypeAlias

import msgspec

Place: TypeAlias = tuple[float, float]  # latitude and longitude, degrees
Journey: TypeAlias = tuple[int, float, float, float, float, int]

NOWHERE: Place = (math.inf, math.inf)  # the place of an event without coordinates
NEVER = -1
SPIKE = 2.225540928492468  # exp(.8)
CLIP = 2.5  # above SPIKE: what is clipped is a spike
AMOUNTS = Struct("<Qdddqq")  # the fields up to `last_spike`
JOURNEY = Struct("<Qddffq")  # the others, when a place is known


class Running(msgspec.Struct, frozen=True, gc=False):
    """The values after some events. Times are epoch ms, NEVER where there is none.

    Mean and spread follow Welford. `typical` is a running mean whose step is clipped: with
    the amount a and the value t before, it becomes t + (min(a, 2.5 t) - t) / n; while t is
    0, a is taken as it is. An event is a spike when log(a / t) > .8. The last
    time, spike and place are those of the latest event time: a late event replaces none.

    References
    ----------
    Welford, B. P. (1962). Note on a method for calculating corrected sums of squares and
    products. Technometrics 4(3), 419-420.

    Examples
    --------
    >>> running = Running()
    >>> for at, amount in enumerate([10.0, 20.0, 90.0]):
    ...     running = running.after(at, amount, NOWHERE)
    >>> running.mean, running.squares, running.typical, running.last_spike
    (40.0, 3800.0, 22.5, 2)
    """

    events: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared distances from the mean
    typical: float = 0.0
    last_at: int = NEVER
    last_spike: int = NEVER
    places: int = 0
    home_lat: float = 0.0
    home_lon: float = 0.0
    last_lat: float = 0.0
    last_lon: float = 0.0
    last_place_at: int = NEVER

    def after(self, at: int, amount: float, place: Place) -> "Running":
        """The values after one more event."""
        events, typical, last_spike = self.events + 1, self.typical, self.last_spike
        step = amount - self.mean
        mean = self.mean + step / events
        squares = self.squares + step * (amount - mean)
        clipped = amount
        if 0 < typical * SPIKE < amount:
            last_spike = max(last_spike, at)
            clipped = min(amount, CLIP * typical)
        typical += (clipped - typical) / events
        last_at = at if at > self.last_at else self.last_at
        if place != NOWHERE:
            journey = self._journey_after(at, place)
            return Running(events, mean, squares, typical, last_at, last_spike, *journey)
        return Running(  # spelled out: every transaction makes two of them
            events,
            mean,
            squares,
            typical,
            last_at,
            last_spike,
            self.places,
            self.home_lat,
            self.home_lon,
            self.last_lat,
            self.last_lon,
            self.last_place_at,
        )

    def encode(self, placed: bool) -> bytes:
        """The values as bytes; the journey only when a place is known."""
        amounts = AMOUNTS.pack(
            self.events, self.mean, self.squares, self.typical, self.last_at, self.last_spike
        )
        return amounts + JOURNEY.pack(*self._journey) if placed else amounts

    @classmethod
    def decode(cls, raw: bytes, position: int, placed: bool) -> tuple["Running", int]:
        """The values that begin at a position, and the position after them."""
        fields = AMOUNTS.unpack_from(raw, position)
        position += AMOUNTS.size
        if placed:
            fields += JOURNEY.unpack_from(raw, position)
            position += JOURNEY.size
        return cls(*fields), position

    @property
    def _journey(self) -> Journey:
        lat, lon = self.last_lat, self.last_lon
        return self.places, self.home_lat, self.home_lon, lat, lon, self.last_place_at

    def _journey_after(self, at: int, place: Place) -> Journey:
        lat, lon = place
        places = self.places + 1
        home_lat = self.home_lat + (lat - self.home_lat) / places
        # The shorter way round: the mean of 179 and -179 degrees is 180, not 0.
        east = (lon - self.home_lon + 180) % 360 - 180
        home_lon = (self.home_lon + east / places + 180) % 360 - 180
        if at < self.last_place_at:
            return places, home_lat, home_lon, self.last_lat, self.last_lon, self.last_place_at
        return places, home_lat, home_lon, lat, lon, at
