"""What commands publish: simulated traffic, or a file's."""

import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from app.core.domain import Application
from app.data.files import open_dataset
from app.data.hours import Hour, recorded
from app.data.simulation import simulation


class Workload(NamedTuple):
    """Traffic by the hour, and who is told of the events that come up for review."""

    name: str
    hours: Iterable[Hour]
    flag: Callable[[str], None]


def simulated(
    application: Application, seed: int, events: int | None, drift: bool = False
) -> Workload:
    """Simulated traffic with people who answer what is flagged.

    Raises
    ------
    DataError
        The application has no simulated traffic.
    """
    hours = simulation(application, seed, round(time.time() * 1000), events, drift)
    return Workload(f"simulated traffic, seed {seed}", hours, hours.flag)


def from_file(
    application: Application, path: Path, label_delay: float, events: int | None
) -> Workload:
    """A file's events, with their labels `label_delay` seconds of event time later.

    Raises
    ------
    DataError
        The file cannot be read as the application's events.
    """
    dataset = open_dataset(application, path)
    rows, delay = islice(dataset, events), round(label_delay * 1000)
    return Workload(dataset.name, recorded(application, rows, delay), _nobody)


def _nobody(id: str) -> None:
    """Nobody has to answer: a file holds its answers."""
