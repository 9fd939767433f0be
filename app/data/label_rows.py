"""How a row of a file of labels becomes a label: cell by cell, then as the wire checks it.

A label that has neither a time nor a `label_id` gets an id made of what it says, and of how
often the file has said the same before it. So a file that is published twice says nothing
twice, and what one file says twice, with something else between, is said twice.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.core.domain import Application
from app.core.labels import MATURITY, STREAM, WITHDRAWAL, Labels
from app.core.messages import Feedback
from app.data.bad_rows import Problem
from app.data.cells import id_reader, text_reader
from app.data.options import FileOptions
from app.data.readers.table import Row, Table
from app.data.times import time_reader
from app.data.timespec import TimeSpec
from app.data.truths import NEGATIVE, POSITIVE
from app.errors import Refused
from app.wire import encode

NAMED = re.compile(r"`(?:\$\.)?(\w+)`")


class LabelReading:
    """How the rows of a file of labels are read, `columns` of each."""

    def __init__(
        self,
        application: Application,
        table: Table,
        options: FileOptions,
        names: Mapping[str, tuple[str, ...]],
        usual: Mapping[str, str],
    ) -> None:
        self.application, self.options, self.names = application, options, names
        self.usual: dict[str, Any] = {field: value for field, value in usual.items() if value}
        self.columns = [name for columns in names.values() for name in columns]
        self._says = word_reader(application.labels, options.label_words)
        self._seen: Counter[bytes] = Counter()
        self._reads = {one: self._reader(one, table) for one in names if one != "label"}

    def __call__(self, row: Row) -> Feedback | None:
        """The label in a row, None where it says nothing. Raises Problem."""
        cells = iter(row)
        parts = {field: [next(cells) for _ in names] for field, names in self.names.items()}
        (label,) = parts.pop("label")
        try:
            word = self._says(label)
        except Refused as reason:
            raise Problem(f"`label`: {reason}", self.names["label"][0], label) from None
        if word is None:
            return None
        values = self.usual.copy()
        for field, its in parts.items():
            if (value := self._value(field, its)) is not None:
                values[field] = value
        for field in ("id", "key"):
            if field not in values:
                name = name_of(self.application, field)
                raise Problem(f"`{name}` is missing", self.names[field][0], parts[field][0])
        return self._checked(self.application.feedback(label=word, **values), parts)

    def _value(self, field: str, cells: Sequence[Any]) -> Any:
        if any(cell in self.options.missing for cell in cells):
            return None
        joined = len(cells) > 1
        try:
            value = self._reads[field](cells if joined else cells[0])
        except Refused as reason:
            told = tuple(cells) if joined else cells[0]
            raise Problem(str(reason), " + ".join(self.names[field]), told) from None
        hashed = name_of(self.application, field) in self.options.hashed
        if hashed and self.options.pseudonym is not None and value is not None:
            return self.options.pseudonym(value)
        return value

    def _checked(self, said: Feedback, parts: Mapping[str, Sequence[Any]]) -> Feedback:
        """A label as a worker would read it, with an id of its own."""
        try:
            if said.source in (STREAM, MATURITY):
                raise Refused(f"`source` is {said.source!r}, which nobody says by hand")
            said = self.application.read_feedback(encode(said))
        except Refused as reason:
            raise self._problem(str(reason), parts) from None
        if said.at is None and not said.label_id:
            said.label_id = self._own_id(said)
        return said

    def _problem(self, reason: str, parts: Mapping[str, Sequence[Any]]) -> Problem:
        """A reason that the wire gives, with the column of the field that it names."""
        told = NAMED.findall(reason)
        for field, cells in parts.items():
            if name_of(self.application, field) in told:
                return Problem(reason, " + ".join(self.names[field]), cells[0])
        return Problem(reason)

    def _own_id(self, said: Feedback) -> str:
        """An id made of what a label says, and of how often that was said before in this file."""
        parts = (said.id, said.key, said.label, said.source, said.actor, said.reason, said.note)
        content = hashlib.blake2b("\0".join(parts).encode(), digest_size=12)
        times = self._seen[content.digest()]
        self._seen[content.digest()] += 1
        return f"file-{content.hexdigest()}" + (f"-{times + 1}" if times else "")

    def _reader(self, field: str, table: Table) -> Callable[[Any], Any]:
        """What reads the cell, or the cells, of a field."""
        if field != "at":
            name = name_of(self.application, field)
            return id_reader(name) if field in ("id", "key") else text_reader(name)
        times = self.options.time
        spec = TimeSpec(times.unit, times.start, times.format, times.zone or "UTC", times.columns)
        kinds = {table.kinds.get(name) for name in self.names["at"]}
        if not spec.columns and kinds <= {"time", "date"}:  # types say it themselves
            spec = TimeSpec(unit="ms" if kinds == {"time"} else None, zone=spec.zone)
        return time_reader(spec)


def name_of(application: Application, field: str) -> str:
    """The name of a field in JSON, which is its name for people."""
    return application.key if field == "key" else field


def word_reader(labels: Labels, spelled: Mapping[str, str]) -> Callable[[Any], str | None]:
    """What reads the word that a cell says, None where it says nothing. It raises Refused.

    >>> read = word_reader(Labels({"fraud": 1, "legit": 0}, {}), {})
    >>> [read(cell) for cell in ("Fraud", "no", 1, "none", None)]
    ['fraud', 'legit', 'fraud', 'none', None]
    """
    words = {
        **dict.fromkeys(POSITIVE, labels.word(1)),
        **dict.fromkeys(NEGATIVE, labels.word(0)),
        **{word: word for word in labels.words},
    }
    if spelled:
        words = {spelling.strip().lower(): word for spelling, word in spelled.items()}
    told = f"write {', '.join(labels.words)}, yes or no, 1 or 0, or say --label-words"

    def read(cell: Any) -> str | None:
        text = "" if cell is None else str(cell).strip()
        word = words.get(text.lower())
        if word == WITHDRAWAL and not spelled and text != WITHDRAWAL:
            return None  # None, as programs write that there is no value
        if word is None and text.lower() not in ("", "nan", "null", "none", r"\n"):
            raise Refused(f"it is not a label; {told}")
        return word

    return read
