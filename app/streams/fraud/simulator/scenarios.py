"""Three kinds of fraud, each an addition to the legitimate traffic of a span of event time."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from app.streams.fraud.simulator.places import CITIES
from app.streams.fraud.simulator.population import Customers, Floats, Ints, Merchants, neighbour
from app.streams.fraud.simulator.traffic import Traffic
from app.units import DAY_MS, MINUTE_MS

COMPROMISED, STOLEN, TESTING = 1, 2, 3

DRIFT_DAYS = 60  # habits and the mix of frauds are back where they were after that
BURST = (6, 14)  # card tests in one burst
BURST_MS = 4 * MINUTE_MS


class Events(NamedTuple):
    """Transactions as columns: epoch ms, rows of customer and merchant, amount, scenario."""

    at: Ints
    customer: Ints
    merchant: Ints
    amount: Floats
    scenario: Ints

    def take(self, rows: Ints) -> "Events":
        """The given rows, in that order."""
        return Events._make(column[rows] for column in self)

    def cut(self, begin: int, end: int | None) -> "Events":
        """The rows from `begin` up to `end`."""
        return Events._make(column[begin:end] for column in self)


def join(parts: list[Events]) -> Events:
    """One after the other."""
    return Events._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


def swing(traffic: Traffic, now: int) -> float:
    """How far the world has drifted, -1 to 1; 0 without drift and at the start.

    >>> swing(Traffic(start=0, drift=True), 15 * DAY_MS), swing(Traffic(start=0), 15 * DAY_MS)
    (1.0, 0.0)
    """
    if not traffic.drift:
        return 0.0
    return float(np.sin(2 * np.pi * (now - traffic.start) / (DRIFT_DAYS * DAY_MS)))


class Held:
    """What fraudsters hold at a time: each target for a span of days, then another."""

    def __init__(self, rng: Generator, of: int, count: int, days: tuple[float, float]) -> None:
        self.rng, self.of, self.days = rng, of, days
        self.targets = rng.integers(of, size=count)
        self.until = np.zeros(count)

    def draw(self, now: int, count: int) -> Ints:
        """Targets of `count` frauds."""
        over = np.flatnonzero(self.until <= now)
        if len(over):
            # The first targets end at different times, else all would change at once.
            days = self.rng.uniform(*self.days, len(over))
            days *= np.where(self.until[over] == 0, self.rng.random(len(over)), 1)
            self.targets[over] = self.rng.integers(self.of, size=len(over))
            self.until[over] = now + days * DAY_MS
        return self.targets[self.rng.integers(len(self.targets), size=count)]


class Fraudsters:
    """The three scenarios, with what they hold at present."""

    def __init__(
        self, rng: Generator, traffic: Traffic, customers: Customers, merchants: Merchants
    ) -> None:
        self.rng, self.traffic = rng, traffic
        self.customers, self.merchants = customers, merchants
        # One merchant in 200, one card in 250: few enough that each shows a pattern.
        self.merchants_held = Held(rng, merchants.count, -(-merchants.count // 200), (10, 28))
        self.cards_held = Held(rng, customers.count, -(-customers.count // 250), (3, 7))

    def commit(self, now: int, span: int, legitimate: int) -> Events:
        """Frauds that begin in [now, now + span), ms, beside that many legitimate transactions."""
        drifted = swing(self.traffic, now)
        usual = self.customers.count * self.traffic.rate * span / DAY_MS
        return join(
            [
                self.at_compromised_merchants(
                    now, span, self.traffic.compromised * legitimate * (1 - 0.8 * drifted)
                ),
                self.with_stolen_cards(now, span, self.traffic.stolen * usual, drifted),
                self.in_test_bursts(now, span, self.traffic.testing * usual * (1 + 0.8 * drifted)),
            ]
        )

    def at_compromised_merchants(self, now: int, span: int, expected: float) -> Events:
        """Usual customers, usual amounts: only the merchant's labels give it away."""
        count = int(self.rng.poisson(expected))
        merchant = self.merchants_held.draw(now, count)
        customer = np.where(
            merchant < self.merchants.shops,
            neighbour(self.rng, merchant % len(CITIES), self.customers.count),
            self.rng.integers(self.customers.count, size=count),
        )
        usual = self.customers.mean[customer] * self.merchants.factor[merchant]
        amount = usual * self.rng.lognormal(0, self.customers.spread[customer])
        return self._events(now, span, customer, merchant, amount, COMPROMISED)

    def with_stolen_cards(self, now: int, span: int, expected: float, drifted: float) -> Events:
        """More than the owner spends, at any hour, in other cities or online."""
        count = int(self.rng.poisson(expected))
        customer = self.cards_held.draw(now, count)
        city = (self.customers.city[customer] + self.rng.integers(1, 3, count)) % len(CITIES)
        merchant = np.where(
            self.rng.random(count) < 0.6,
            self.merchants.in_city(self.rng, city),
            self.merchants.online(self.rng, count),
        )
        larger = self.rng.lognormal(np.log(7 - 4 * drifted), 0.5, count)
        amount = self.customers.mean[customer] * larger
        return self._events(now, span, customer, merchant, amount, STOLEN)

    def in_test_bursts(self, now: int, span: int, expected: float) -> Events:
        """Small amounts on one card at one online merchant within minutes."""
        bursts = int(self.rng.poisson(expected / (sum(BURST) / 2)))
        sizes = self.rng.integers(BURST[0], BURST[1] + 1, bursts)
        count = int(sizes.sum())
        customer = np.repeat(self.rng.integers(self.customers.count, size=bursts), sizes)
        merchant = np.repeat(self.merchants.online(self.rng, bursts), sizes)
        begin = np.repeat(now + self.rng.integers(span, size=bursts), sizes)
        amount = self.rng.uniform(0.5, 3, count)
        events = self._events(0, BURST_MS, customer, merchant, amount, TESTING)
        return events._replace(at=begin + events.at)

    def _events(
        self, now: int, span: int, customer: Ints, merchant: Ints, amount: Floats, scenario: int
    ) -> Events:
        count = len(customer)
        at = now + self.rng.integers(span, size=count)
        return Events(at, customer, merchant, amount, np.full(count, scenario))
