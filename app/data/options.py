"""How a file is to be read, as options say it."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from app.data.cells import Missing, missing_of
from app.data.readers.table import SHOWN, Layout
from app.pan import CARD_FIELDS

Negative = Literal["refuse", "skip", "absolute"]
ROW = "row"  # stands for the row's number where a field has no column
PLUS = "|"  # between the values of several columns that are one field


class Times(NamedTuple):
    """What is said of how times are written; see `TimeSpec`."""

    unit: str | None = None
    start: str | None = None
    format: str | None = None
    zone: str | None = None
    columns: tuple[str, ...] = ()


UNSAID = Times()


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """What is said of a file; what is not said is recognised, or the default.

    Parameters
    ----------
    columns
        Columns by field; several are joined. `label` and `scenario` are fields here.
    constants
        A value by field, the same in all rows; ROW as an id, or a customer, is each row's own.
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
        How times are written; by default a known set's own way, else epoch ms or ISO text.
    hashed
        Fields that become pseudonyms, made by `pseudonym`.
    sort
        Whether the rows are sorted by time first. None: where a known set needs it.
    card_fields
        Fields in which card numbers are refused.
    declared
        The fields of one's own that are read, words (str) and numbers (float), by name.
    fields
        The file that declares them, where that is not the settings'.
    skip_bad
        Whether rows that cannot be used are left out, and written to `bad_rows`, by default a
        file beside this one.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    known: str | None = None
    label_words: Mapping[str, str] = field(default_factory=dict)
    negative: Negative = "refuse"
    decimal: str = ""
    missing: Missing = field(default_factory=missing_of)
    layout: Layout = SHOWN
    time: Times = UNSAID
    hashed: frozenset[str] = frozenset()
    pseudonym: Callable[[str], str] | None = None
    sort: bool | None = None
    card_fields: Container[str] | None = CARD_FIELDS
    declared: Mapping[str, type] = field(default_factory=dict)
    fields: Path | None = None
    skip_bad: bool = False
    bad_rows: Path | None = None


AS_IT_IS = FileOptions()
