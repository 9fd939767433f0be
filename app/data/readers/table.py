"""What every format gives: a table with columns, and its rows as a stream."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

Row = Sequence[Any]
Broken = Callable[[str, str, Row], None]  # told of a row that cannot be read: reason, column, cells


class Layout(NamedTuple):
    """How text is laid out; an empty string: as the file itself shows it."""

    delimiter: str = ""
    quote: str = ""
    encoding: str = ""


SHOWN = Layout()


class Rows(Protocol):
    """One pass over a table.

    A row has a value for each column that was asked for, None where the file has none: text
    from CSV, JSON values from JSON, Python values from Parquet.
    """

    @property
    def line(self) -> int | None:
        """The line of a text file on which the latest row ends."""

    def __iter__(self) -> Iterator[Row]: ...


class Table(Protocol):
    """A file that has been looked at and can be read again and again.

    `kinds` says what a column holds where the file says so: `whole`, `float`, `truth`, `time`,
    `date` and `other`; anything else is text. `size` is the number of rows where the file says
    it. `told` is the format in words.
    """

    @property
    def columns(self) -> list[str]: ...
    @property
    def kinds(self) -> Mapping[str, str]: ...
    @property
    def size(self) -> int | None: ...
    @property
    def told(self) -> str: ...

    def rows(self, columns: Sequence[str], broken: Broken) -> Rows:
        """A pass that yields these columns. A row that cannot be read is told to `broken`.

        Raises
        ------
        DataError
            The file cannot be read on.
        """
