"""Seeded card traffic without end: habits, places, and three kinds of fraud.

The scheme follows the simulator of the Fraud Detection Handbook (Le Borgne, Siblini,
Lebichot, Bontempi, 2022), with hours, places, card testing and drift added.
"""

import hashlib
from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.random import SeedSequence, default_rng

from app.data.rows import Labelled
from app.streams.fraud.messages import Transaction
from app.streams.fraud.simulator.population import FAVOURITES, Customers, Merchants, Venue
from app.streams.fraud.simulator.scenarios import Events, Fraudsters, join, swing
from app.streams.fraud.simulator.traffic import Traffic
from app.units import HOUR_MS

SMALLEST = 0.5  # amount
ELSEWHERE = 0.12  # share of transactions at another shop of the own city
TRAVEL = 0.005  # share in any city
# A customer goes to the second of the preferred merchants half as often as to the first, ...
PREFERENCE = np.cumsum(1 / np.arange(1, FAVOURITES + 1)) / np.sum(1 / np.arange(1, FAVOURITES + 1))


def transactions(traffic: Traffic) -> Iterator[list[Labelled]]:
    """Endless traffic in event-time order, one list for each hour that has any.

    Memory is bounded by the population and one hour. The truth stands beside the message.

    Examples
    --------
    >>> hour = next(transactions(Traffic(seed=1)))
    >>> hour[0].event.at < hour[-1].event.at, hour[0].event.label
    (True, None)
    """
    world = World(traffic)
    tag, first = run_tag(traffic), 0
    for events in world.hours():
        yield rows(events, world.merchants.venues, tag, first)
        first += len(events.at)


class World:
    """The population of the settings, and what happens in it hour by hour."""

    def __init__(self, traffic: Traffic) -> None:
        # One source of chance each, so that a change of one leaves the others alone.
        places, people, habits, crime = map(default_rng, SeedSequence(traffic.seed).spawn(4))
        self.traffic, self.rng = traffic, habits
        self.merchants = Merchants(places, traffic.merchants)
        self.customers = Customers(people, traffic.customers, traffic.rate, self.merchants)
        self.fraudsters = Fraudsters(crime, traffic, self.customers, self.merchants)

    def hours(self) -> Iterator[Events]:
        """Events of each hour that has any, in order of time."""
        begun: list[Events] = []
        for now in count(self.traffic.start, HOUR_MS):
            usual = self.spend(now)
            begun += [usual, self.fraudsters.commit(now, HOUR_MS, len(usual.at))]
            events = join(begun)
            events = events.take(events.at.argsort(kind="stable"))
            # A burst may run over the end of its hour.
            inside = int(events.at.searchsorted(now + HOUR_MS))
            begun = [events.cut(inside, None)]
            if inside:
                yield events.cut(0, inside)

    def spend(self, now: int) -> Events:
        """Legitimate transactions in the hour from `now`."""
        rng, customers, merchants = self.rng, self.customers, self.merchants
        drifted = swing(self.traffic, now)
        hour = (now // HOUR_MS + round(3 * drifted)) % 24
        visits = rng.poisson(customers.rate * customers.hours[:, hour])
        who = np.repeat(np.arange(customers.count), visits)
        where = customers.favourites[who, PREFERENCE[:-1].searchsorted(rng.random(len(who)))]
        chance = rng.random(len(who))
        elsewhere = chance < ELSEWHERE + 0.3 * abs(drifted)
        where = np.where(elsewhere, merchants.in_city(rng, customers.city[who]), where)
        travels = chance > 1 - TRAVEL
        where = np.where(travels, rng.integers(merchants.shops, size=len(who)), where)
        mean = customers.mean[who] * np.exp(customers.tilt[who] * drifted)
        amount = mean * merchants.factor[where] * rng.lognormal(0, customers.spread[who])
        at = now + rng.integers(HOUR_MS, size=len(who))
        return Events(at, who, where, amount, np.zeros(len(who), np.int64))


def rows(events: Events, venues: list[Venue], tag: str, first: int) -> list[Labelled]:
    """The events as messages, numbered from `first`."""
    amounts = np.maximum(events.amount, SMALLEST).round(2)
    columns = (events.at, events.customer, events.merchant, amounts, events.scenario)
    table = zip(*(column.tolist() for column in columns), strict=True)
    return [
        Labelled(message(f"{tag}-{number}", at, who, venues[where], amount), kind > 0, kind)
        for number, (at, who, where, amount, kind) in enumerate(table, first)
    ]


def message(id: str, at: int, who: int, venue: Venue, amount: float) -> Transaction:
    """One transaction as Weir reads it."""
    return Transaction(
        id=id,
        at=at,
        customer=f"c{who:05d}",
        merchant=venue.merchant,
        amount=amount,
        currency=venue.currency,
        category=venue.category,
        channel=venue.channel,
        country=venue.country,
        lat=venue.lat,
        lon=venue.lon,
    )


def run_tag(traffic: Traffic) -> str:
    """Start of the transaction ids: other settings never repeat an id on the same broker.

    >>> run_tag(Traffic(seed=1)) == run_tag(Traffic(seed=2))
    False
    """
    return "t" + hashlib.blake2b(repr(traffic).encode(), digest_size=4).hexdigest()
