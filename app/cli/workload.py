"""What commands publish: simulated traffic, or a file's."""

import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from app.core.domain import Application
from app.data.files import open_dataset
from app.data.hours import Hour, after, recorded
from app.data.options import FileOptions
from app.data.simulation import simulation


class Workload(NamedTuple):
    """Traffic by the hour, and who is told of the events that come up for review."""

    name: str
    hours: Iterable[Hour]
    flag: Callable[[str], None]
    notes: Callable[[], list[str]] = list  # what was left out, in sentences, at the end


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
    application: Application,
    path: Path,
    label_delay: float,
    events: int | None,
    reading: FileOptions,
    published: int = 0,
) -> Workload:
    """A file's events, with their labels `label_delay` seconds of event time later.

    Parameters
    ----------
    published
        Events at its start that are not published again.

    Raises
    ------
    DataError
        The file cannot be read as the application's events.
    """
    dataset = open_dataset(application, path, reading)
    rows, delay = islice(dataset, events), round(label_delay * 1000)
    hours = after(recorded(application, rows, delay), published)
    return Workload(dataset.name, hours, _nobody, dataset.notes)


def _nobody(id: str) -> None:
    """Nobody has to answer: a file holds its answers."""
