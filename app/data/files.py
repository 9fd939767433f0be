"""An application's files of events, where it reads any."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple, Protocol

from app.core.domain import Application
from app.data.options import AS_IT_IS, FileOptions
from app.data.rows import Labelled
from app.errors import DataError


class Assignment(NamedTuple):
    """Where the values of a field come from, for people."""

    field: str
    source: str
    note: str = ""


class Dataset(Protocol):
    """A file of events. Each iteration reads it from its start, in the file's order.

    Iterating raises DataError at a row that is not an event, naming row, column and value.
    """

    @property
    def name(self) -> str:
        """What the file is: a known data set's name, else the file's."""

    @property
    def told(self) -> str:
        """Its format in words."""

    @property
    def rows(self) -> int | None:
        """How many there are, None when that takes reading it to the end."""

    @property
    def known(self) -> str | None:
        """The column with the time at which each label became known, if there is one."""

    @property
    def sorts(self) -> bool:
        """Whether the rows are sorted before they are yielded."""

    def __iter__(self) -> Iterator[Labelled]: ...

    def mapping(self) -> list[Assignment]:
        """Which columns are read as which fields."""

    def sample(self, count: int) -> list[Labelled]:
        """The first events, in the file's order."""

    def notes(self) -> list[str]:
        """What the latest iteration left out, in sentences."""


class Guess(NamedTuple):
    """What a field may be read from, and what speaks for it."""

    field: str
    column: str
    evidence: str


class Candidate(NamedTuple):
    """A column that could be a field of one's own: a `word` or a `number`.

    `option` is what --columns needs for it, '' for a column that is read by its name.
    """

    name: str
    kind: str
    column: str
    evidence: str
    option: str = ""


class Proposal(NamedTuple):
    """What a file seems to be.

    `options` is what to add to a command, `missing` the fields for which nothing was found,
    `candidates` are columns that could be fields of one's own, `passed` those that are none and
    why.
    """

    told: str
    columns: Sequence[str]
    guesses: Sequence[Guess]
    options: Sequence[str]
    missing: Sequence[str]
    candidates: Sequence[Candidate] = ()
    passed: Sequence[tuple[str, str]] = ()


def open_dataset(application: Application, path: Path, options: FileOptions = AS_IT_IS) -> Dataset:
    """Open a file of an application's events.

    Raises
    ------
    DataError
        The application reads no files, or not this one.
    """
    options = replace(options, card_fields=application.card_fields, declared=application.declared)
    dataset: Dataset = resolve_name(_files(application))(path, options)
    return dataset


def propose(application: Application, path: Path, options: FileOptions = AS_IT_IS) -> Proposal:
    """Look at a file whose columns nobody has named. Raises DataError as `open_dataset` does."""
    module, _, _ = _files(application).partition(":")
    proposal: Proposal = resolve_name(f"{module}:propose")(path, options)
    return proposal


def _files(application: Application) -> str:
    if not application.files:
        raise DataError(f"the application {application.name} reads no files")
    return application.files
