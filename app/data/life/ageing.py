"""What nobody spoke of for long enough, found as workers find it: by `app.core.maturity`."""

import hashlib
from typing import NamedTuple

from app.core.domain import Application
from app.core.labels import MATURITY
from app.core.maturity import sampled
from app.core.messages import Decision
from app.core.partitioning import partition_of
from app.data.life.settings import Life
from app.data.overflow import MOST, Later
from app.data.rows import Due
from app.units import HOUR_MS

SOONEST = 8 * HOUR_MS


class Aged(NamedTuple):
    """A decision that may mature."""

    id: str
    key: str


class Ageing:
    """Decisions on their way to maturity.

    In event time a prediction is written when its event happens. Ages are measured in each
    partition by itself, up to its newest prediction.
    """

    def __init__(self, application: Application, life: Life) -> None:
        self.application, self.life = application, life
        partitions = application.partitions
        most = max(1, MOST // partitions)
        self._waiting = [Later(Aged, most) for _ in range(partitions)]
        self._starts: list[int | None] = [None] * partitions
        self._newest = [0] * partitions

    def decided(self, id: str, key: str, at: int, decision: Decision) -> None:
        """A prediction is written."""
        partition = partition_of(key, len(self._newest))
        start = self._starts[partition]
        if start is None:
            start = self._starts[partition] = at
        self._newest[partition] = max(at, self._newest[partition])
        if not self.life.maturity or decision == "block" or not sampled(id, self.life.share):
            return
        age = self.life.maturity if decision == "review" else self._age(at - start)
        self._waiting[partition].add(at + age, Aged(id, key))

    def _age(self, since: int) -> int:
        return min(self.life.maturity, max(SOONEST, since))

    def due(self) -> list[Due]:
        """What is old enough by the newest prediction of its partition."""
        return [
            self._label(aged, at)
            for newest, waiting in zip(self._newest, self._waiting, strict=True)
            for at, aged in waiting.due(newest)
        ]

    def _label(self, aged: Aged, at: int) -> Due:
        feedback = self.application.feedback(
            id=aged.id,
            key=aged.key,
            label=self.application.labels.word(0),
            source=MATURITY,
            at=at,
            label_id=hashlib.blake2b(f"maturity\0{aged.id}".encode(), digest_size=12).hexdigest(),
        )
        return Due(at, feedback)
