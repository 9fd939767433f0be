"""How a file is to be read, as options say it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.data.cells import Missing, missing_of
from app.data.readers.table import Layout
from app.data.times import TimeSpec

Negative = Literal["refuse", "skip", "absolute"]
ROW = "row"  # stands for the row's number where a field has no column
PLUS = "|"  # between the values of several columns that are one field


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """What is said of a file; what is not said is recognised, or the default.

    Parameters
    ----------
    columns
        Columns by field; several are joined. `label` and `scenario` are fields here.
    constants
        A value by field, the same in all rows.
    by_row
        The id of an event is its row: row-1 for the first.
    known
        The column with the time at which each label became known.
    label_words
        Word of the application by its spelling in the file.
    negative
        What becomes of negative amounts, which are refunds.
    decimal
        The decimal sign of amounts that are text.
    missing
        What stands for no value.
    layout
        Of text.
    time
        How times are written; None for a known set's own way, else epoch ms or ISO text.
    start
        The moment from which times are counted, where that alone is said.
    hashed
        Fields that become pseudonyms, made by `pseudonym`.
    sort
        Whether the rows are sorted by time first. None: where a known set needs it.
    skip_bad
        Whether rows that cannot be used are left out, and written to `bad_rows`, by default a
        file beside this one.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    by_row: bool = False
    known: str | None = None
    label_words: Mapping[str, str] = field(default_factory=dict)
    negative: Negative = "refuse"
    decimal: str = ""
    missing: Missing = field(default_factory=missing_of)
    layout: Layout = Layout()
    time: TimeSpec | None = None
    start: str | None = None
    hashed: frozenset[str] = frozenset()
    pseudonym: Callable[[str], str] | None = None
    sort: bool | None = None
    skip_bad: bool = False
    bad_rows: Path | None = None
