"""The desk of a team that reviews: the queue of cases, and which one is taken up next."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

from app.core.hashing import hash64
from app.data.life.people import Case
from app.data.life.settings import Life, Strategy
from app.units import DAY_MS

AT_RANDOM = 10  # each tenth review, with the strategy that draws some
Order = Callable[[Case, float], float]  # the lowest is taken up first

ORDERS: dict[Strategy, Order] = {
    "risk": lambda case, score: -score,
    "risk+random": lambda case, score: -score,
    "uncertain": lambda case, score: abs(score - 0.5),
}


class Desk:
    """Cases of the last day that were not blocked, and the capacity of a team to look at them.

    Capacity grows with time. Where there is nothing to look at it is kept, a day's at most. Two
    days' cases are in memory at most.
    """

    def __init__(self, life: Life) -> None:
        self.life = life
        self._numbers = count()
        self._ranked: list[tuple[float, int, Case]] = []  # heaps
        self._drawn: list[tuple[float, int, Case]] = []
        self._taken: dict[str, int] = {}  # out of one heap, perhaps in the other; and their times
        self._cleared = 0
        self._begin = 0  # epoch ms from which capacity grows; 0: not yet
        self._used = 0.0  # of the capacity since then
        self._reviews = 0

    def put(self, case: Case, score: float) -> None:
        """Add a case to the queue, with its score (0 to 1). Cases come in order of time."""
        self._begin = self._begin or case.at
        number = next(self._numbers)
        heappush(self._ranked, (ORDERS[self.life.strategy](case, score), number, case))
        if self.life.strategy == "risk+random":
            heappush(self._drawn, (hash64(f"{self.life.seed}:{case.id}"), number, case))

    def take(self, now: int, known: Callable[[str], bool]) -> list[Case]:
        """The cases that the team has time for by `now` (epoch ms), in its order.

        `known` says of an event's id whether somebody spoke of it: those are passed over.
        """
        grown = self.life.reviews * (now - self._begin) / DAY_MS if self._begin else 0.0
        self._used = max(self._used, grown - max(1.0, self.life.reviews))
        taken: list[Case] = []
        while grown - self._used >= 1 and (case := self._next(now, known)) is not None:
            self._used += 1
            taken.append(case)
        self._clear(now)
        return taken

    def _next(self, now: int, known: Callable[[str], bool]) -> Case | None:
        self._reviews += 1
        at_random = self.life.strategy == "risk+random" and self._reviews % AT_RANDOM == 0
        heap = self._drawn if at_random else self._ranked
        while heap:
            _, _, case = heappop(heap)
            if case.id in self._taken:
                del self._taken[case.id]
            elif case.at > now - DAY_MS and not known(case.id):
                if self.life.strategy == "risk+random":
                    self._taken[case.id] = case.at
                return case
        self._reviews -= 1
        return None

    def _clear(self, now: int) -> None:
        """Forget once a day what is too old to be taken up."""
        before = now - DAY_MS
        if self._cleared > before:
            return
        self._cleared = now
        self._ranked = [one for one in self._ranked if one[2].at > before]
        self._drawn = [one for one in self._drawn if one[2].at > before]
        self._taken = {id: at for id, at in self._taken.items() if at > before}
        heapify(self._ranked)
        heapify(self._drawn)
