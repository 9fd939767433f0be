"""Simulated payments with a category that matters: frauds stand out within their category alone.

A category has prices of its own: medians from 5 to 800, a spread of .55 around each in the
logarithm. A customer has a few merchants for most payments, each merchant one category. Stolen
cards are used one to four times within two days, at merchants drawn at random; of these payments
two in three cost 2.5 to 8 times what is usual in the category, the others what is usual. One
honest payment in a hundred is as dear. Nothing here was chosen by what a model makes of it.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from app.data.rows import Labelled
from app.streams.fraud.messages import make_transaction
from benchmarks.life.streams import DAY_MS, Stream

START = 1_767_225_600_000  # epoch ms: 2026-01-01
DAYS = 120
CATEGORIES = 12
PRICES = (5.0, 800.0)  # medians of the cheapest category and of the dearest
SPREAD = 0.55
CUSTOMERS, MERCHANTS = 700, 300
RATE = 1.2  # payments of a customer a day
OWN, ROAMING = 6, 0.2  # merchants of a customer, and the share of payments elsewhere
STOLEN = 0.0035  # cards stolen for each customer and day
DEAR, HONEST = 2 / 3, 0.01  # shares of dear payments: of the thief's, and of the owners'
TIMES = (2.5, 8.0)  # of the usual price


def category_matters(seed: int = 1, days: int = DAYS, customers: int = CUSTOMERS) -> Stream:
    """The payments of so many days: about 100,000 with 700 frauds by default."""
    return Stream(f"category {seed} {days} {customers}", partial(payments, seed, days, customers))


def payments(seed: int, days: int, customers: int) -> Iterator[Labelled]:
    """The transactions of a seed, in the order of time."""
    random = np.random.default_rng(seed)
    lowest, highest = np.log(PRICES)
    usual = random.permutation(np.linspace(lowest, highest, CATEGORIES))
    category = random.integers(0, CATEGORIES, MERCHANTS)
    own = random.integers(0, MERCHANTS, (customers, OWN))
    at, who, where, fraud = _events(random, days, own)
    price = usual[category[where]] + random.normal(0, SPREAD, len(at))
    dear = random.random(len(at)) < np.where(fraud, DEAR, HONEST)
    price += np.where(dear, np.log(random.uniform(*TIMES, len(at))), 0)
    for place in np.argsort(at, kind="stable"):
        event = make_transaction(
            {
                "id": f"t{place}",
                "at": int(at[place]),
                "customer": f"c{who[place]}",
                "merchant": f"m{where[place]}",
                "amount": round(float(np.exp(price[place])), 2),
                "category": f"category-{category[where[place]]}",
            }
        )
        yield Labelled(event, bool(fraud[place]), int(fraud[place]))


def _events(random: np.random.Generator, days: int, own: np.ndarray) -> tuple[np.ndarray, ...]:
    """Times, customers, merchants and truth, those of the owners first."""
    customers, length = len(own), days * DAY_MS
    honest = random.poisson(RATE * days, customers)
    who = np.repeat(np.arange(customers), honest)
    day = random.integers(0, days, len(who))
    hour = random.normal(14, 4, len(who)) % 24
    at = day * DAY_MS + (hour * 3_600_000).astype(np.int64)
    roams = random.random(len(who)) < ROAMING
    anywhere = random.integers(0, MERCHANTS, len(who))
    where = np.where(roams, anywhere, own[who, random.integers(0, OWN, len(who))])
    thefts = random.poisson(STOLEN * days * customers)
    uses = random.integers(1, 5, thefts)
    victim = np.repeat(random.integers(0, customers, thefts), uses)
    begun = np.repeat(random.integers(0, length - 2 * DAY_MS, thefts), uses)
    used = begun + random.integers(0, 2 * DAY_MS, len(victim))
    return (
        START + np.concatenate([at, used]),
        np.concatenate([who, victim]),
        np.concatenate([where, random.integers(0, MERCHANTS, len(victim))]),
        np.repeat([False, True], [len(at), len(used)]),
    )
