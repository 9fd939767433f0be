"""Bytes, CPU microseconds and, given data, average precision of the customer record by ring size.

Then both for the default size by the customer's rate: the busier ones have buckets.

    python -m benchmarks.history [handbook_2018-04-01_2018-08-14.parquet]

A step is what score does with the record of one transaction: decode, look for the id and
the offset, view, windows, insert, encode. Customers are seeded, their records full, with
day totals.

Average precision is that of the default model on the four weeks 2018-06-20 to 07-17, each
score from before its label, labels 7 days late, learning since 2018-05-01.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from math import exp
from pathlib import Path
from random import Random
from time import process_time

from app.apps import load
from app.core.hashing import hash64
from app.core.messages import Origin
from app.core.metrics import average_precision
from app.core.models.zoo import Model, make_model
from app.data.player import play
from app.data.rows import Due, Labelled
from app.settings import read_settings
from app.streams.fraud.extract import extract
from app.streams.fraud.features import GRIDS
from app.streams.fraud.files import open_dataset
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.history.ring import Event
from app.streams.fraud.merchants import Merchants
from app.streams.fraud.messages import Example

DAY = 86_400_000
SIZES = (8, 16, 24, 32, 64, 128, 256)
RATES = (3, 20, 100, 1440, 86_400, 8_640_000)  # transactions a day
DEFAULT = Limits(events=24, replay=12, labels=16)
CUSTOMERS = 100
STEPS = 100  # measured for each customer, after its record is full


def customer(seed: int, events: int, places: bool, rate: float = 3) -> list[Event]:
    """A customer's events: 3 a day on average, or `rate`, amounts with a long tail."""
    random = Random(seed)
    at, offset, made = 1_500_000_000_000, 0, []
    for _ in range(events):
        at += round(random.expovariate(rate / DAY))
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


def step(raw: bytes, event: Event, limits: Limits) -> bytes:
    """One transaction's use of its customer's record."""
    history = History.decode(raw, 1, limits)
    history.first_offset_of(event.id_hash)
    history.before(event.offset).windows(event.at)
    history.insert(event)
    return history.encode()


def measure(
    limits: Limits, places: bool, rate: float = 3, before: int = 0, customers: int = CUSTOMERS
) -> tuple[float, float]:
    """Mean bytes of a full record and CPU microseconds of a step.

    `before` so many events come before those that are measured, at least twice a record's.
    """
    size, seconds = 0, 0.0
    warm = max(before, 2 * (limits.events + limits.replay))
    for seed in range(customers):
        events = customer(seed, warm + STEPS, places, rate)
        history = History(1, limits)
        for event in events[:warm]:
            history.insert(event)
        raw = history.encode()
        started = process_time()
        for event in events[warm:]:
            raw = step(raw, event, limits)
        seconds += process_time() - started
        size += len(raw)
    return size / customers, seconds / customers / STEPS * 1e6


def ms(month: int, day: int) -> int:
    return round(datetime(2018, month, day, tzinfo=UTC).timestamp() * 1000)


def some_weeks(path: Path) -> Iterator[Labelled]:
    for row in open_dataset(path):
        if row.event.at >= ms(7, 18):
            return
        if row.event.at >= ms(5, 1):
            yield row


def scores(path: Path, limits: Limits, model: Model) -> Iterator[tuple[int, bool, float]]:
    """Time, truth and score of every transaction; the model learns each 7 days later."""
    merchants = Merchants()
    histories: dict[str, History] = {}
    seen: dict[str, tuple[Labelled, dict[str, float]]] = {}
    for offset, item in enumerate(play(load(read_settings()), some_weeks(path), 7 * DAY)):
        if isinstance(item, Due):
            row, x = seen.pop(item.feedback.id)
            origin = Origin(1, 0, offset)
            if row.positive:
                id_hash = hash64(row.event.id)
                histories[row.event.customer].learn_label(id_hash, origin, item.at, True)
            example = Example(
                id=row.event.id,
                x=x,
                y=int(bool(row.positive)),
                w=1.0,
                previous=None,
                score=0.0,
                version=0,
                merchant=row.event.merchant,
                location="",
                at=row.event.at,
                known=item.at,
                origin=origin,
                end_of_step=True,
            )
            model.learn_one(x, bool(row.positive))
            merchants.learn(example)
        else:
            tx = item.event
            history = histories.setdefault(tx.customer, History(1, limits))
            x = extract(tx, history.before(offset), merchants.view(tx.merchant, "", tx.at))
            history.insert(Event(offset, hash64(tx.id), tx.at, tx.amount, hash64(tx.merchant)))
            seen[tx.id] = item, x
            yield tx.at, bool(item.fraud), 1 / (1 + exp(-model.logit_one(x)))


def precision(path: Path, limits: Limits) -> float:
    """Mean over four weeks of the average precision."""
    weeks: list[list[tuple[bool, float]]] = [[], [], [], []]
    for at, fraud, score in scores(path, limits, make_model("binned", GRIDS)):
        week = (at - ms(6, 20)) // (7 * DAY)
        if week >= 0:
            weeks[week].append((fraud, score))
    return sum(average_precision(*zip(*week, strict=True)) or 0.0 for week in weeks) / 4


def main(path: Path | None) -> None:
    print("ring  replay   bytes  us/step   with places: bytes  us/step   average precision")
    for events in SIZES:
        limits = Limits(events, events // 2, 16)
        row = (*measure(limits, places=False), *measure(limits, places=True))
        quality = f"{precision(path, limits):.4f}" if path else "-"
        text = "{:4} {:7} {:7.0f} {:8.1f} {:20.0f} {:8.1f} {:>19}"
        print(text.format(*limits[:2], *row, quality), flush=True)
    print("\ntransactions a day   bytes  us/step")
    for rate in RATES:
        row = measure(DEFAULT, False, rate, before=min(2 * rate, 50_000), customers=10)
        print("{:18} {:7.0f} {:8.1f}".format(rate, *row), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
