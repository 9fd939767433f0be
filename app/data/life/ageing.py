"""Maturity in a life that is played: by the rule of `app.core.maturity`, as workers have it."""

from typing import NamedTuple

from app.core.domain import Application
from app.core.maturity import Maturity, sampled
from app.core.messages import Decision
from app.core.partitioning import partition_of
from app.data.life.settings import Life
from app.data.overflow import MOST, Later
from app.data.rows import Due


class Aged(NamedTuple):
    """A decision that may mature."""

    id: str
    key: str
    written: int


class Ageing:
    """Decisions that wait until they are old enough, and the labels that maturity then gives.

    In event time a prediction is written when its event happens. Ages are measured in each
    partition by itself, up to its newest prediction. `WEIR_MATURITY_RATE` does not show here: no
    traffic that is replayed has so many events in a second.
    """

    def __init__(self, application: Application, life: Life) -> None:
        self.rule = Maturity(application, life.maturity, life.horizon, life.share)
        partitions = application.partitions
        most = max(1, MOST // partitions)
        self._waiting = [Later(Aged, most) for _ in range(partitions)]
        self._starts: list[int | None] = [None] * partitions
        self._newest = [0] * partitions

    def decided(self, id: str, key: str, at: int, decision: Decision) -> None:
        """Take in a decision, made at a time (epoch ms)."""
        partition, rule = partition_of(key, len(self._newest)), self.rule
        start = self._starts[partition]
        if start is None:
            start = self._starts[partition] = at
        self._newest[partition] = max(at, self._newest[partition])
        if rule.after and rule.matures(decision, at, start) and sampled(id, rule.share):
            due = rule.due_at(at, start, decision)
            self._waiting[partition].add(due, Aged(id, key, at))

    def due(self) -> list[Due]:
        """The labels of what is old enough by the newest prediction of its partition."""
        return [
            Due(at, self.rule.label(aged.id, aged.key, at, self.rule.share))
            for newest, waiting in zip(self._newest, self._waiting, strict=True)
            for at, aged in waiting.due(newest)
            if not self.rule.forgotten(aged.written, newest)
        ]
