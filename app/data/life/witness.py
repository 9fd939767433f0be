"""All decisions of lives that are played, beside the truth that people in them may never learn."""

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from app.core.batch import Decided
from app.core.domain import Application
from app.core.hashing import hash64
from app.data.measured import MOST, Column, Measured
from app.data.rows import Due, Labelled
from app.units import DAY_MS

DECISIONS = ("approve", "review", "block")


class Told(NamedTuple):
    """Labels that were given on a day (since 1970) by a source."""

    day: int
    source: str
    label: str


class Facts(NamedTuple):
    """What is known of measured decisions besides what is in their table, in its order.

    `kinds` are those of the positives, 0 for negatives; `decisions` places in DECISIONS and
    `stopped` whether a review recognized the positive, a column a model. `told` counts the labels
    of each model's life, all that were given, and `begin` is the day on which lives begin.
    """

    begin: int
    kinds: Column
    decisions: tuple[Column, ...]
    stopped: tuple[Column, ...]
    told: tuple[Counter[Told], ...]


class Witness(Measured):
    """Collects decisions as they are made, with the truth.

    Beside what `Measured` keeps a decision takes 9 bytes, and 1 for each model.

    Parameters
    ----------
    application
        Its words say which labels recognize a positive.
    models, span, most
        As those of `Measured`.
    """

    def __init__(
        self,
        application: Application,
        models: int,
        span: tuple[int, int | None],
        most: int = MOST,
    ) -> None:
        super().__init__(models, span, application.stake, most)
        self._labels = application.labels
        self._begin: int | None = None
        self._kinds, self._ids = array("b"), array("Q")
        self._decisions = [array("b") for _ in range(models)]
        self._recognized = [array("Q") for _ in range(models)]
        self._told = [Counter[Told]() for _ in range(models)]

    def decided(self, rows: Sequence[Labelled], decided: Sequence[Sequence[Decided]]) -> list[int]:
        """Note what each model decided on events; returns the places of those that are measured.

        Those are events of the span of which the truth is known, each id once.
        """
        self.read(rows)
        if self._begin is None and rows:
            self._begin = rows[0].event.at // DAY_MS
        places = [
            place
            for place, row in enumerate(rows)
            if row.positive is not None
            and self._counts(row.event.at)
            and decided[0][place].fresh is not None
        ]
        for place in places:
            row, prediction = rows[place], decided[0][place].fresh
            self._days.append(row.event.at // DAY_MS)
            self._keys.append(hash64(row.event.key))
            self._ids.append(hash64(row.event.id))
            self._stakes.append(self.stake(prediction))
            self._ys.append(bool(row.positive))
            self._kinds.append(min(row.kind, 127))
        for model, ones in enumerate(decided):
            for place in places:
                one: Any = ones[place]
                self._scores[model].append(one.fresh.score)
                self._flagged[model].append(one.decision != "approve")
                self._decisions[model].append(DECISIONS.index(one.decision))
        self.check_room()
        return places

    def told(self, model: int, labels: Sequence[Due]) -> None:
        """Note the labels that a model was given."""
        positive = self._labels.word(1)
        for at, said in labels:
            self._told[model][Told(at // DAY_MS, said.source, said.label)] += 1
            if said.source == self._labels.reviewer and said.label == positive:
                self._recognized[model].append(hash64(said.id))

    def facts(self) -> Facts:
        """What goes with `table`."""
        ids, ys = np.asarray(self._ids), np.asarray(self._ys) == 1
        return Facts(
            self._begin or 0,
            np.asarray(self._kinds),
            tuple(map(np.asarray, self._decisions)),
            tuple(ys & np.isin(ids, np.asarray(found)) for found in self._recognized),
            tuple(self._told),
        )
