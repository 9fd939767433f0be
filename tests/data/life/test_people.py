"""What people say: how often, how late, how often wrong, and in words that the wire takes."""

from dataclasses import replace

import numpy as np
import pytest

from app.core.labels import Labels
from app.data.life.people import Case, People
from app.data.life.settings import Life
from app.errors import DataError
from app.streams.fraud.messages import read_feedback
from app.units import DAY_MS, HOUR_MS, MINUTE_MS
from app.wire import encode
from tests.cards import cards

AT = 1_700_000_000_000
CARDS = cards()
FRAUDS = [Case(f"f{n}", "ann", AT, True, "stolen") for n in range(4000)]
HONEST = [Case(f"h{n}", "bob", AT, False) for n in range(4000)]


def people(**life: object) -> People:
    return People(CARDS, Life(**life))


def test_analysts_answer_within_the_hour_and_are_wrong_as_often_as_set():
    team = people(wrong=0.1, actors=3)
    answers = [(case, team.answer(case, AT + 5)) for case in (*FRAUDS, *HONEST)]
    took = np.array([due.at - AT - 5 for _, due in answers])
    assert MINUTE_MS <= took.min() < took.max() <= HOUR_MS
    for cases in (FRAUDS, HONEST):
        wrong = [(due.feedback.label == "fraud") != c.positive for c, due in answers if c in cases]
        assert np.mean(wrong) == pytest.approx(0.1, abs=0.02)
    assert {due.feedback.actor for _, due in answers} == {f"analyst-{n}" for n in (1, 2, 3)}


def test_frauds_are_reported_after_about_the_delay_but_for_those_that_are_missed():
    victims = people(chargebacks=30 * DAY_MS, spread=0.1, missed=0.3)
    reports = [due for case in FRAUDS if (due := victims.chargeback(case)) is not None]
    delays = np.array([due.at - AT for due in reports]) / DAY_MS
    assert 27 <= delays.min() < delays.max() <= 33
    assert delays.mean() == pytest.approx(30, abs=0.2)
    assert len(reports) / len(FRAUDS) == pytest.approx(0.7, abs=0.03)
    assert {(due.feedback.source, due.feedback.label, due.feedback.reason) for due in reports} == {
        ("chargeback", "fraud", "stolen")
    }
    assert not any(map(victims.chargeback, HONEST))


def test_blocked_honest_customers_complain_within_two_days_as_often_as_set():
    blocked = people(complain=0.3)
    said = [due for case in HONEST if (due := blocked.complaint(case)) is not None]
    assert len(said) / len(HONEST) == pytest.approx(0.3, abs=0.03)
    assert all(AT <= due.at <= AT + 2 * DAY_MS for due in said)
    assert {(due.feedback.source, due.feedback.label) for due in said} == {("customer", "legit")}
    assert not any(map(blocked.complaint, FRAUDS))


def test_the_truth_about_what_nobody_knows_is_never_told():
    unknown = Case("u", "ann", AT, None)
    someone = people(complain=1.0)
    assert someone.chargeback(unknown) is None and someone.complaint(unknown) is None


def test_what_is_said_depends_on_the_seed_and_the_id_alone():
    first, again, other = (people(wrong=0.5, seed=seed) for seed in (1, 1, 2))
    said, repeated, differs = (
        [(team.answer(case, AT), team.chargeback(case)) for case in FRAUDS[:100]]
        for team in (first, again, other)
    )
    assert said == repeated != differs


def test_labels_pass_the_checks_of_the_wire_and_have_ids_of_their_own():
    team = people(wrong=0.2, complain=1.0)
    said = [team.answer(case, AT) for case in (*FRAUDS, *HONEST)]
    said += [due for case in FRAUDS if (due := team.chargeback(case)) is not None]
    said += [due for case in HONEST if (due := team.complaint(case)) is not None]
    assert all(read_feedback(encode(due.feedback)) == due.feedback for due in said)
    assert all(due.feedback.at == due.at for due in said)
    assert len({due.feedback.label_id for due in said}) == len(said)


def test_an_application_without_these_sources_says_which_it_lacks():
    words = Labels({"fraud": 1, "legit": 0}, {"analyst": 1, "maturity": 0})
    with pytest.raises(DataError, match="chargeback or customer"):
        People(replace(CARDS, labels=words), Life())
