"""An application's files of events, where it reads any."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Protocol

from app.core.domain import Application
from app.data.rows import Labelled
from app.errors import DataError


class Dataset(Protocol):
    """A file of events. Each iteration reads it from its start, in the file's order.

    Iterating raises DataError at a row that is not an event, naming row and field.
    """

    @property
    def name(self) -> str:
        """What the file is: a known data set's name, else the file's."""

    @property
    def rows(self) -> int | None:
        """How many there are, None when that takes reading it to the end."""

    @property
    def known(self) -> str | None:
        """The column with the time at which each label became known, if there is one."""

    def __iter__(self) -> Iterator[Labelled]: ...


def open_dataset(
    application: Application,
    path: Path,
    mapping: Mapping[str, str] | None = None,
    known: str | None = None,
) -> Dataset:
    """Open a file of an application's events.

    Parameters
    ----------
    mapping
        Column by field, for fields whose columns have other names.
    known
        The column with the time at which each label became known.

    Raises
    ------
    DataError
        The application reads no files, or not this one.
    """
    if not application.files:
        raise DataError(f"the application {application.name} reads no files")
    dataset: Dataset = resolve_name(application.files)(path, mapping, known)
    return dataset
