"""An application's simulated traffic, where it has some."""

from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Protocol

from app.core.domain import Application
from app.data.hours import Hour
from app.errors import DataError


class Simulation(Protocol):
    """Hours of simulated events, with the labels that people give."""

    def flag(self, id: str) -> None:
        """An event came up for review: somebody will answer."""

    def __iter__(self) -> Iterator[Hour]: ...


def simulation(
    application: Application,
    seed: int,
    until: int,
    events: int | None = None,
    drift: bool = False,
) -> Simulation:
    """The traffic of a seed.

    Parameters
    ----------
    until
        Epoch ms at which it ends, if it does not end before.
    events
        Number of events after which it ends; None for no such limit.
    drift
        Whether habits move over the weeks.

    Raises
    ------
    DataError
        The application has no simulated traffic.
    """
    if not application.traffic:
        raise DataError(f"the application {application.name} has no simulated traffic")
    made: Simulation = resolve_name(application.traffic)(application, seed, until, events, drift)
    return made
