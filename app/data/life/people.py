"""Who says what of an event, and when: analysts, those who paid, those who did not.

Every draw comes from the seed and the event's id, so the answers are the same in whatever order
the events are asked about.
"""

from typing import NamedTuple

from app.core.domain import Application
from app.core.messages import label_id
from app.data.chances import chances
from app.data.life.settings import Life
from app.data.rows import Due
from app.errors import DataError
from app.units import DAY_MS

CHARGEBACK, COMPLAINT = "chargeback", "customer"  # sources


class Case(NamedTuple):
    """An event and the truth about it, which nobody in here but its owner knows.

    `reason` is what a label that says positive gives as its reason.
    """

    id: str
    key: str
    at: int  # epoch ms
    positive: bool | None  # None: nobody will ever know
    reason: str = ""


class People:
    """What people say, as labels of an application.

    Raises
    ------
    DataError
        The application does not know the sources of their labels.
    """

    def __init__(self, application: Application, life: Life) -> None:
        self.application, self.life = application, life
        sources = (application.labels.reviewer, CHARGEBACK, COMPLAINT)
        unknown = [source for source in sources if source not in application.labels.ranks]
        if unknown:
            raise DataError(
                f"no life can be played with {application.name}: it knows no labels whose "
                f"source is {' or '.join(unknown)}"
            )

    def answer(self, case: Case, at: int) -> Due:
        """An analyst's answer to a case taken up at a time; sometimes wrong."""
        life = self.life
        mistaken, took, _, _ = chances(life.seed, case.id)
        positive = bool(case.positive) != (mistaken < life.wrong)
        longest = max(life.quickest, life.slowest)
        due = at + round(life.quickest + took * (longest - life.quickest))
        actor = f"analyst-{1 + int(took * 1e6) % life.actors}"
        return self._said(case, due, self.application.labels.reviewer, positive, actor)

    def chargeback(self, case: Case) -> Due | None:
        """What comes of a positive that nobody stopped, if somebody reports it."""
        life = self.life
        _, _, unseen, took = chances(life.seed, case.id)
        if not case.positive or unseen < life.missed:
            return None
        delay = life.chargebacks * (1 - life.spread + 2 * life.spread * took)
        return self._said(case, case.at + round(delay), CHARGEBACK, positive=True)

    def complaint(self, case: Case) -> Due | None:
        """What the owner of a blocked negative says, within two days; not everybody does."""
        _, _, loud, took = chances(self.life.seed, case.id)
        if case.positive is not False or loud >= self.life.complain:
            return None
        return self._said(case, case.at + round(2 * DAY_MS * took), COMPLAINT, positive=False)

    def _said(self, case: Case, at: int, source: str, positive: bool, actor: str = "") -> Due:
        feedback = self.application.feedback(
            id=case.id,
            key=case.key,
            label=self.application.labels.word(int(positive)),
            source=source,
            actor=actor,
            at=at,
            reason=case.reason if positive else "",
        )
        feedback.label_id = label_id(feedback)
        return Due(at, feedback)
