"""The course of a life: who speaks of an event, in which order, and what is never said."""

from collections import Counter
from itertools import islice

import pytest

from app.core.partitioning import partition_of
from app.data.life.course import Course
from app.data.life.people import Case
from app.data.life.settings import Life
from app.data.overflow import Later
from app.data.rows import Due
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import DAY_MS, HOUR_MS
from tests.cards import cards

AT = 1_700_000_000_000
CARDS = cards(partitions=2)
ALL = {"share": 1.0, "reviews": 24_000.0}
OURS, THEIRS = ("ann", "dan") if partition_of("ann", 2) == 0 else ("dan", "ann")


def told(case: Case, decision: str, life: Life) -> list[tuple[str, str]]:
    """All that is said of an event, in its order, while others are decided each hour."""
    course, said = Course(CARDS, life), list[Due]()
    course.decided(case, decision, 0.3)
    for hour in range(1, 24 * 60):
        tick = Case(f"tick{hour}", case.key, case.at + hour * HOUR_MS, None)
        course.decided(tick, "approve", 0.1)
        said += course.due(tick.at)
    assert [due.at for due in said] == sorted(due.at for due in said)
    ours = (due.feedback for due in said if due.feedback.id == case.id)
    return [(label.source, label.label) for label in ours]


@pytest.mark.parametrize(
    ("fraud", "decision", "life", "says"),
    [
        pytest.param(False, "approve", {"reviews": 0}, ["maturity legit"], id="legitimate"),
        pytest.param(False, "review", {"reviews": 0}, ["maturity legit"], id="flagged, unanswered"),
        pytest.param(False, "approve", {}, ["analyst legit"], id="looked at"),
        pytest.param(False, "block", {"complain": 1}, ["customer legit"], id="blocked, complains"),
        pytest.param(False, "block", {"complain": 0}, [], id="blocked, says nothing"),
        pytest.param(True, "block", {"complain": 1}, [], id="blocked fraud"),
        pytest.param(True, "approve", {}, ["analyst fraud"], id="fraud that a review stopped"),
        pytest.param(
            True, "review", {"wrong": 1}, ["analyst legit", "chargeback fraud"], id="cleared fraud"
        ),
        pytest.param(
            True, "approve", {"wrong": 1, "missed": 1}, ["analyst legit"], id="cleared, unreported"
        ),
        pytest.param(
            True,
            "approve",
            {"reviews": 0, "chargebacks": 6 * HOUR_MS, "spread": 0},
            ["chargeback fraud"],
            id="fraud reported before it matures",
        ),
        pytest.param(
            True,
            "approve",
            {"reviews": 0},
            ["maturity legit", "chargeback fraud"],
            id="fraud reported after it matured",
        ),
        pytest.param(
            True, "approve", {"reviews": 0, "missed": 1}, ["maturity legit"], id="unreported fraud"
        ),
        pytest.param(
            True, "approve", {"reviews": 0, "maturity": 0}, ["chargeback fraud"], id="off"
        ),
    ],
)
def test_who_speaks_of_an_event(fraud: bool, decision: str, life: dict, says: list[str]):
    case = Case("t1", "ann", AT, fraud)
    assert [" ".join(one) for one in told(case, decision, Life(**{**ALL, **life}))] == says


def test_what_nobody_knows_the_truth_of_is_not_reviewed_and_matures():
    assert told(Case("t1", "ann", AT, None), "approve", Life(**ALL)) == [("maturity", "legit")]


def test_a_review_answered_wrongly_as_fraud_is_nobodys_chargeback():
    said = told(Case("t1", "ann", AT, False), "approve", Life(**{**ALL, "wrong": 1.0}))
    assert said == [("analyst", "fraud")]


def matured(course: Course, until: int) -> dict[str, int]:
    return {due.feedback.id: due.at for due in course.due(until)}


def test_maturity_comes_early_at_first_and_never_before_eight_hours():
    course = Course(CARDS, Life(reviews=0, share=1.0, maturity=3 * DAY_MS))
    due: dict[str, int] = {}
    for hour in range(24 * 10):
        at = AT + hour * HOUR_MS
        course.decided(Case(f"t{hour}", "ann", at, False), "approve", 0.1)
        due |= matured(course, at)
    ages = {int(id[1:]): (at - AT) // HOUR_MS - int(id[1:]) for id, at in due.items()}
    assert [ages[hour] for hour in (0, 8, 20, 71, 72, 150)] == [8, 8, 20, 71, 72, 72]
    assert max(ages) == 24 * 10 - 1 - 72


def test_what_was_sent_to_review_matures_at_the_full_age_alone():
    course = Course(CARDS, Life(reviews=0, share=1.0, maturity=3 * DAY_MS))
    course.decided(Case("flagged", "ann", AT, False), "review", 0.6)
    course.decided(Case("late", "ann", AT + 3 * DAY_MS - 1, False), "approve", 0.1)
    assert not matured(course, AT + 3 * DAY_MS)
    course.decided(Case("later", "ann", AT + 3 * DAY_MS, False), "approve", 0.1)
    assert matured(course, AT + 3 * DAY_MS) == {"flagged": AT + 3 * DAY_MS}


def test_ages_are_those_of_each_partition():
    course = Course(CARDS, Life(reviews=0, share=1.0))
    course.decided(Case("ours", OURS, AT, False), "approve", 0.1)
    course.decided(Case("theirs", THEIRS, AT + 8 * HOUR_MS, False), "approve", 0.1)
    assert not matured(course, AT + 10 * HOUR_MS)
    course.decided(Case("again", OURS, AT + 9 * HOUR_MS, False), "approve", 0.1)
    assert list(matured(course, AT + 10 * HOUR_MS)) == ["ours"]


def play(life: Life, hours: int = 400) -> list[Due]:
    """A life of simulated traffic in which what is large is suspicious, and the largest blocked."""
    course, said = Course(CARDS, life), list[Due]()
    for rows in islice(transactions(Traffic(seed=8, stolen=0.02, testing=0.02)), hours):
        for row in rows:
            score = row.event.amount / (row.event.amount + 200)
            decision = "block" if score > 0.9 else "review" if score > 0.6 else "approve"
            event = row.event
            course.decided(Case(event.id, event.key, event.at, row.positive), decision, score)
        said += course.due(rows[-1].event.at) if rows else []
    return said


LIVELY = Life(wrong=0.1, missed=0.3, chargebacks=4 * DAY_MS, spread=0.5, maturity=5 * DAY_MS)


def test_what_waits_in_a_file_changes_nothing(monkeypatch):
    usual = play(LIVELY)
    monkeypatch.setattr("app.data.life.course.Later", lambda kind: Later(kind, 10))
    monkeypatch.setattr("app.data.life.ageing.Later", lambda kind, most: Later(kind, 10))
    assert play(LIVELY) == usual
    assert min(Counter(due.feedback.source for due in usual).values()) > 5


def test_two_lives_of_a_seed_are_the_same_and_those_of_two_seeds_are_not():
    first, again, other = (play(Life(wrong=0.1, seed=seed), 100) for seed in (1, 1, 2))
    assert first == again != other


def test_of_what_matures_a_share_is_learned():
    full, part = (
        Counter(due.feedback.source for due in play(Life(reviews=0, share=share)))["maturity"]
        for share in (1.0, 0.25)
    )
    assert part / full == pytest.approx(0.25, abs=0.03)
