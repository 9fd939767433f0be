"""The words for a label in files."""

from collections.abc import Mapping
from typing import Any

from app.core.labels import UNSURE, WITHDRAWAL, Labels
from app.errors import Refused

POSITIVE = ("true", "t", "yes", "y", "1", "1.0", "+1")
NEGATIVE = ("false", "f", "no", "n", "0", "0.0")
MINUS = ("-1", "-1.0")  # negative where 1 is positive, and nothing beside 0


class Truths:
    """Reads whether a cell says positive, None where it says nothing.

    Parameters
    ----------
    spelled
        Word of the application by its spelling in the file; then nothing else is a label.

    Examples
    --------
    >>> read = Truths(Labels({"fraud": 1, "legit": 0}, {}))
    >>> read("Fraud"), read("Yes"), read(0), read("unsure"), Truths(read.labels)(-1)
    (True, True, False, None, False)
    """

    def __init__(self, labels: Labels, spelled: Mapping[str, str] | None = None) -> None:
        self.labels, self.spelled = labels, dict(spelled or {})
        self._known: dict[Any, bool | None] = {}  # by cell: a column has few
        self._words = self._own() if self.spelled else self._usual()
        self._kinds: set[str] = set()

    def __call__(self, cell: Any) -> bool | None:
        """What a cell says. Raises Refused."""
        try:
            return self._known[cell, type(cell)]
        except (KeyError, TypeError):
            said = self._read(str(cell).strip().lower())
        if len(self._known) < 100:
            self._known[cell, type(cell)] = said
        return said

    def _read(self, word: str) -> bool | None:
        if word not in self._words:
            raise Refused(f"it is not a label; {self._help()}")
        if not self.spelled:
            self._check_zero(word)
        return self._words[word]

    def _check_zero(self, word: str) -> None:
        """-1 beside 0 may mean that nobody knows."""
        if word in MINUS or word in ("0", "0.0"):
            self._kinds.add("-1" if word in MINUS else "0")
        if len(self._kinds) > 1:
            raise Refused(
                "the column has labels -1 and 0, and either may be the negative one; "
                f"{self._help()}"
            )

    def _own(self) -> dict[str, bool | None]:
        taught = self.labels.teaches
        return {
            spelling.strip().lower(): taught[word] == 1 if word in taught else None
            for spelling, word in self.spelled.items()
        }

    def _usual(self) -> dict[str, bool | None]:
        return {
            **dict.fromkeys(POSITIVE, True),
            **dict.fromkeys((*NEGATIVE, *MINUS), False),
            **{word: y == 1 for word, y in self.labels.teaches.items()},
            **dict.fromkeys(("", UNSURE, WITHDRAWAL), None),
        }

    def _help(self) -> str:
        words = ",".join(f"{word}=WORD" for word in self.labels.teaches)
        if self.spelled:
            return f"--label-words names {', '.join(self.spelled)} alone"
        told = " or ".join(self.labels.teaches)
        return f"write {told}, yes or no, 1 or 0, or say --label-words {words}"
