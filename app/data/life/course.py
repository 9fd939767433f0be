"""The course of a life: events as they are decided, hour by hour, and what is said of them."""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count, takewhile

from app.core.domain import Application
from app.core.labels import MATURITY
from app.core.messages import Decision
from app.data.life.ageing import Ageing
from app.data.life.desk import Desk
from app.data.life.people import COMPLAINT, Case, People
from app.data.life.settings import Life
from app.data.overflow import Later
from app.data.rows import Due


class Course:
    """The labels that fall due in a life: told of decisions, it says what people say of them.

    The team reviews what was not blocked, flagged or not: who has time for fifty looks at the
    fifty of highest risk. A positive that a review recognized is stopped and one that was blocked
    never happened, so nobody reports them. All other positives are reported later, unless they
    are missed, and that corrects what was said before. Some owners of what was blocked for nothing
    complain. What nobody spoke of matures as workers let it.

    Parameters
    ----------
    application
        Its words and sources are those of the labels.
    life
        How people behave.
    """

    def __init__(self, application: Application, life: Life) -> None:
        self.life, self.people = life, People(application, life)
        self._positive = application.labels.word(1)
        self._desk, self._ageing = Desk(life), Ageing(application, life)
        self._reports = Later(Case)  # positives, by when they are reported
        self._soon: list[tuple[int, int, Due, Case]] = []  # a heap: answers and complaints
        self._numbers = count()
        self._spoken: dict[str, int] = {}  # events that people spoke of, and when; oldest first
        self._stopped: dict[str, int] = {}  # positives that a review recognized, and when
        self._cleared: dict[str, int] = {}  # negatives that a review recognized, and when

    def decided(self, case: Case, decision: Decision, score: float) -> None:
        """Take in the first decision on an event. Events come in order of time."""
        self._ageing.decided(case.id, case.key, case.at, decision)
        if decision == "block":
            self._expect(self.people.complaint(case), case)
            return
        if case.positive is not None and self.life.reviews:
            self._desk.put(case, score)
        report = self.people.chargeback(case)
        if report is not None:
            self._reports.add(report.at, case)

    def review(self, case: Case, at: int) -> None:
        """An analyst takes up a case."""
        self._expect(self.people.answer(case, at), case)

    def due(self, until: int) -> list[Due]:
        """The labels that fall due up to `until` (epoch ms), in order of time.

        After them the team takes up cases, whose answers come later.
        """
        fallen = sorted((*self._said(until), *self._ageing.due()), key=_order)
        spoken = [due for due in fallen if self._counts(due)]
        for case in self._desk.take(until, self._spoken.__contains__):
            self.review(case, until)
        for times in (self._spoken, self._stopped, self._cleared):
            _forget(times, until - self.life.longest)
        return spoken

    def _expect(self, due: Due | None, case: Case) -> None:
        if due is not None:
            heappush(self._soon, (due.at, next(self._numbers), due, case))

    def _said(self, until: int) -> Iterator[Due]:
        """What people would say up to a time."""
        while self._soon and self._soon[0][0] <= until:
            _, _, due, case = heappop(self._soon)
            positive = due.feedback.label == self._positive
            if due.feedback.source != COMPLAINT:
                if positive == bool(case.positive):
                    (self._stopped if positive else self._cleared)[case.id] = due.at
            elif case.id in self._cleared:
                continue  # it went through: nobody complains
            yield due
        for _, case in self._reports.due(until):
            report = self.people.chargeback(case)
            if report is not None and self._stopped.get(case.id, report.at) >= report.at:
                yield report

    def _counts(self, due: Due) -> bool:
        """Whether it is said: what people spoke of does not mature."""
        if due.feedback.source == MATURITY:
            return due.feedback.id not in self._spoken
        self._spoken[due.feedback.id] = due.at
        return True


def _order(due: Due) -> tuple[int, bool]:
    """People come before time."""
    return due.at, due.feedback.source == MATURITY


def _forget(times: dict[str, int], before: int) -> None:
    """Remove what lies before a time from the start of times that are in order."""
    for id in [id for id, _ in takewhile(lambda item: item[1] < before, times.items())]:
        del times[id]
