"""Merchants with places and customers with habits, as arrays indexed by merchant and customer.

Both are dealt out to the cities in turn: row i lives in city i modulo the number of cities,
so that one of a given city is drawn without a table.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from app.streams.fraud.simulator.places import CITIES, SHOPS, WEB, Trade

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEARBY = 6  # preferred shops near home
FAVOURITES = NEARBY + 2  # and preferred online merchants
CANDIDATES = 24  # shops among which the nearest become the preferred ones
SPREAD = 0.12  # degrees around the city centre
WEB_SHARE = 0.2  # of merchants


class Venue(NamedTuple):
    """The fields of a transaction that its merchant determines."""

    merchant: str
    category: str
    channel: str
    country: str
    currency: str
    lat: float | None
    lon: float | None


class Merchants:
    """Shops first, online merchants after them.

    `place` is degrees (lat, lon), `factor` the usual amount against a customer's mean.
    """

    def __init__(self, rng: Generator, count: int) -> None:
        self.count = count
        self.shops = count - max(1, round(WEB_SHARE * count))
        self.place = around(rng, np.arange(count) % len(CITIES))
        trades = [*draw(rng, SHOPS, self.shops), *draw(rng, WEB, count - self.shops)]
        self.factor = np.array([trade.factor for trade in trades]) * rng.lognormal(0, 0.2, count)
        self.venues = [self._venue(row, trade) for row, trade in enumerate(trades)]

    def _venue(self, row: int, trade: Trade) -> Venue:
        city = CITIES[row % len(CITIES)]
        channel = "online" if trade.online else "pos"
        lat, lon = (None, None) if trade.online else map(float, self.place[row].round(4))
        return Venue(f"m{row:05d}", trade.name, channel, city.country, city.currency, lat, lon)

    def in_city(self, rng: Generator, city: Ints) -> Ints:
        """A shop in each of the given cities."""
        return neighbour(rng, city, self.shops)

    def online(self, rng: Generator, size: int | tuple[int, ...]) -> Ints:
        """Online merchants, each as likely as the other."""
        return rng.integers(self.shops, self.count, size)


class Customers:
    """Habits: mean amount, its spread, transactions a day, hours, and preferred merchants."""

    def __init__(self, rng: Generator, count: int, rate: float, merchants: Merchants) -> None:
        self.count = count
        self.city = np.arange(count) % len(CITIES)
        self.home = around(rng, self.city)
        self.mean = np.clip(rng.lognormal(np.log(40), 0.6, count), 5, 500)
        self.spread = rng.uniform(0.15, 0.4, count)
        self.rate = rate * rng.gamma(2.0, 0.5, count)
        self.hours = day_shapes()[rng.integers(3, size=count)]
        self.tilt = rng.normal(0, 0.3, count)  # where the amounts drift, in natural logarithms
        self.favourites = self._favourites(rng, merchants)

    def _favourites(self, rng: Generator, merchants: Merchants) -> Ints:
        shops = merchants.in_city(rng, np.repeat(self.city[:, None], CANDIDATES, axis=1))
        away = ((merchants.place[shops] - self.home[:, None]) ** 2).sum(axis=2)
        nearest = np.take_along_axis(shops, away.argsort(axis=1, kind="stable")[:, :NEARBY], axis=1)
        return np.hstack([nearest, merchants.online(rng, (self.count, FAVOURITES - NEARBY))])


def around(rng: Generator, city: Ints) -> Floats:
    """Places near the centres of the given cities, degrees, shape (n, 2)."""
    centres = np.array([(place.lat, place.lon) for place in CITIES])
    return centres[city] + rng.normal(0, SPREAD, (len(city), 2))


def neighbour(rng: Generator, city: Ints, count: int) -> Ints:
    """One of `count` rows in each of the given cities."""
    inhabitants = (count - 1 - city) // len(CITIES) + 1
    return city + len(CITIES) * rng.integers(0, inhabitants)


def draw(rng: Generator, trades: tuple[Trade, ...], count: int) -> list[Trade]:
    """As many categories as merchants."""
    return [trades[pick] for pick in rng.integers(len(trades), size=count)]


def day_shapes() -> Floats:
    """Share of a day's transactions by hour, for people of the day, the evening and the night."""
    hour = np.arange(24)
    peaks = np.array([12.0, 18.0, 22.0])[:, None]
    away = np.abs(hour - peaks)
    shape: Floats = np.exp(-0.5 * (np.minimum(away, 24 - away) / 3.5) ** 2) + 0.02
    shape /= shape.sum(axis=1, keepdims=True)
    return shape
