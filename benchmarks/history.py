"""Bytes and CPU microseconds of a customer's record by ring size.

    python -m benchmarks.history

A step is what score does with the record of one transaction: decode, look for the id and
the offset, view, windows, insert, encode. Customers are seeded, with records that are full
and have day totals.
"""

from random import Random
from time import process_time

from app.fraud.history import Event, History, Limits

DAY = 86_400_000
SIZES = (8, 16, 24, 32, 64, 128, 256)
CUSTOMERS = 100
STEPS = 100  # measured for each customer, after its record is full


def customer(seed: int, events: int, places: bool) -> list[Event]:
    """A customer's events: 3 a day on average, amounts with a long tail."""
    random = Random(seed)
    at, offset, made = 1_500_000_000_000, 0, []
    for _ in range(events):
        at += round(random.expovariate(3 / DAY))
        offset += random.randrange(1, 5000)
        place = (random.uniform(45, 46), random.uniform(5, 6)) if places else (None, None)
        made.append(
            Event(
                offset,
                random.getrandbits(64),
                at,
                round(random.lognormvariate(3, 1), 2),
                random.getrandbits(64),
                *place,
            )
        )
    return made


def step(raw: bytes | None, event: Event, limits: Limits) -> bytes:
    """One transaction's use of its customer's record."""
    history = History.decode(raw, 1, limits)
    history.first_offset_of(event.id_hash)
    history.holds(event.offset)
    history.before(event.offset).windows(event.at)
    history.insert(event)
    return history.encode()


def measure(limits: Limits, places: bool) -> tuple[float, float]:
    """Mean bytes of a full record and CPU microseconds of a step."""
    size, seconds = 0, 0.0
    warm = 2 * (limits.events + limits.replay)
    for seed in range(CUSTOMERS):
        events = customer(seed, warm + STEPS, places)
        raw = None
        for event in events[:warm]:
            raw = step(raw, event, limits)
        started = process_time()
        for event in events[warm:]:
            raw = step(raw, event, limits)
        seconds += process_time() - started
        size += len(raw or b"")
    return size / CUSTOMERS, seconds / CUSTOMERS / STEPS * 1e6


def main() -> None:
    print("ring  replay   bytes  us/step   with places: bytes  us/step")
    for events in SIZES:
        limits = Limits(events, events // 2, 16)
        row = (*measure(limits, places=False), *measure(limits, places=True))
        print("{:4} {:7} {:7.0f} {:8.1f} {:20.0f} {:8.1f}".format(*limits[:2], *row))


if __name__ == "__main__":
    main()
