"""How fast simulated traffic is made: `python benchmarks/simulator.py [--transactions N]`.

Three figures, each transactions per second of CPU time of one process: the events as
columns, the same as messages with their truth, and the same as JSON bytes ready to be
published. Making the population is included in each.
"""

import argparse
import time
from collections.abc import Iterable
from itertools import chain, islice

from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import World, transactions
from app.wire import encode

WORLDS = {
    "500 customers": Traffic(),
    "500 customers, drift": Traffic(drift=True),
    "50,000 customers": Traffic(customers=50_000, merchants=10_000),
}


def rate(items: Iterable[object], count: int) -> float:
    """Items per second of CPU time over the first `count` of them."""
    begun = time.process_time()
    made = sum(1 for _ in islice(items, count))
    return made / (time.process_time() - begun)


def events(traffic: Traffic) -> Iterable[object]:
    """Columns, counted by event."""
    return chain.from_iterable(range(len(hour.at)) for hour in World(traffic).hours())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=200_000)
    count = parser.parse_args().transactions
    print(f"{'per second of CPU':24}{'columns':>12}{'messages':>12}{'JSON bytes':>12}")
    for name, traffic in WORLDS.items():
        columns = rate(events(traffic), count)
        messages = rate(chain.from_iterable(transactions(traffic)), count)
        rows = chain.from_iterable(transactions(traffic))
        raw = rate((encode(row.event) for row in rows), count)
        print(f"{name:24}{columns:12,.0f}{messages:12,.0f}{raw:12,.0f}")


if __name__ == "__main__":
    main()
