"""Where commands take their traffic from: the simulator, or a file."""

import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import typer

from app.data.batches import Batch, Simulated, recorded
from app.settings import seconds
from app.streams.fraud.files import open_dataset
from app.streams.fraud.simulator.traffic import Traffic

# Epoch ms of the first simulated hour. At 400 transactions a second a day of event time goes by
# in little more than a second, and Weir refuses transactions of the future: this gives hours.
START = 1_262_304_000_000  # 2010-01-01T00:00Z
ANSWER_WITHIN = 8 * 3600.0  # seconds of event time: a working day, half a second of the clock


class Source(NamedTuple):
    """Traffic, and who is told of the transactions that come up for review."""

    name: str
    batches: Iterable[Batch]
    flag: Callable[[str], None]
    events: int | None  # transactions, where that is known


def simulated(seed: int, events: int | None, drift: bool = False) -> Source:
    """Simulated traffic with analysts who answer what is flagged."""
    traffic = Traffic(
        seed=seed,
        start=START,
        answer_within=ANSWER_WITHIN,
        drift=drift,
    )
    batches = Simulated(traffic, until=int(time.time() * 1000), events=events)
    return Source(f"simulated traffic, seed {seed}", batches, batches.flag, events)


def from_file(path: Path, label_delay: float, events: int | None) -> Source:
    """A file's transactions, with their labels `label_delay` seconds of event time later.

    Raises
    ------
    DataError
        The file cannot be read as transactions.
    """
    data = open_dataset(path)
    size = data.rows if events is None else min(events, data.rows or events)
    batches = recorded(islice(data, events), round(label_delay * 1000))
    return Source(data.name, batches, _nobody, size)


def _nobody(id: str) -> None:
    """Nobody has to answer: a file holds its answers."""


def duration(text: str) -> float:
    """Seconds of a duration on the command line.

    >>> duration("7d")
    604800.0
    """
    try:
        value = seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    assert isinstance(value, float)
    return value
