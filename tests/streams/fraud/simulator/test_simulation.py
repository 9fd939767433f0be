"""Simulated traffic in spans: which labels come, and that flags change them."""

from collections.abc import Callable

import numpy as np
import pytest

from app.data.hours import Hour
from app.data.rows import Due, Labelled
from app.data.simulation import simulation
from app.streams.fraud.simulator.labels import REASONS
from app.streams.fraud.simulator.simulation import SPAN_MS, START, Simulation
from app.streams.fraud.simulator.traffic import Traffic
from app.units import DAY_MS, HOUR_MS
from tests.cards import cards

CARDS = cards()
TRAFFIC = Traffic(seed=3)
FOREVER = 1 << 62


def simulated(traffic: Traffic, events: int | None, until: int = FOREVER) -> Simulation:
    return Simulation(CARDS, traffic, until, events)


def said(traffic: Traffic, events: int, flag: Callable[[Labelled], bool]) -> dict[str, list[Due]]:
    """What is said of each transaction, in order, where those that `flag` names come up."""
    source, given = simulated(traffic, events), dict[str, list[Due]]()
    for span in source:
        for row in span.rows:
            given[row.event.id] = []
            if flag(row):
                source.flag(row.event.id)
        for due in span.labels():
            given[due.feedback.id].append(due)
    return given


def spans(source: Simulation, flagged: set[str] = frozenset()) -> list[tuple[Hour, list[Due]]]:
    """Every span with its labels; what is in `flagged` comes up for review."""
    played = []
    for span in source:
        for row in span.rows:
            if row.event.id in flagged:
                source.flag(row.event.id)
        played.append((span, span.labels()))
    return played


@pytest.mark.parametrize("events", [1, 500, 2000])
def test_simulated_traffic_ends_after_so_many_transactions_with_the_labels_due_by_then(events):
    played = spans(simulated(TRAFFIC, events))
    rows = [row for span, _ in played for row in span.rows]
    assert len(rows) == events
    assert all(label.at <= rows[-1].event.at for _, due in played for label in due)
    assert any(due for _, due in played) is (events > 100)


def test_simulated_traffic_ends_before_the_present():
    end = TRAFFIC.start + 30 * HOUR_MS
    rows = [row for span in simulated(TRAFFIC, None, end) for row in span.rows]
    assert end - 2 * HOUR_MS < rows[-1].event.at < end


def test_labels_of_a_span_are_due_in_it_and_come_in_order():
    for span, due in spans(simulated(TRAFFIC, 3000)):
        place = span.rows[0].event.at // SPAN_MS
        assert [label.at for label in due] == sorted(label.at for label in due)
        assert all(label.at // SPAN_MS <= place for label in due)


@pytest.mark.parametrize(
    ("fraud", "flagged", "life", "sources"),
    [
        (False, False, {}, ["maturity"]),
        (False, True, {}, ["analyst"]),
        (True, False, {"missed": 1}, ["maturity"]),
        (True, False, {"missed": 0}, ["maturity", "chargeback"]),
        (True, True, {"wrong": 0}, ["analyst"]),
        (True, True, {"wrong": 1, "missed": 0}, ["analyst", "chargeback"]),
        (True, True, {"wrong": 1, "missed": 1}, ["analyst"]),
    ],
    ids=[
        "legitimate",
        "false alarm",
        "unreported fraud",
        "reported fraud",
        "caught fraud",
        "caught, cleared by mistake",
        "caught, cleared by mistake, unreported",
    ],
)
def test_who_labels_a_transaction(fraud, flagged, life, sources):
    usual = {"wrong": 0, "missed": 0.0, "maturity": 3600.0 * 12, "chargeback_delay": 3600.0 * 24}
    traffic = Traffic(seed=3, compromised=0.05, stolen=0.05, **{**usual, **life})
    given = said(traffic, 3000, lambda row: flagged and bool(row.positive) == fraud)
    rows = [row for span in simulated(traffic, 1500) for row in span.rows]
    asked = [given[row.event.id] for row in rows if bool(row.positive) == fraud]
    assert len(asked) > 30
    for labels in asked:
        assert [due.feedback.source for due in labels] == sources


def test_analysts_answer_within_the_time_that_is_set_and_frauds_come_back_with_their_reason():
    traffic = Traffic(seed=3, answer_within=30, chargeback_delay=2 * DAY_MS / 1000, maturity=0)
    rows = {row.event.id: row for span in simulated(traffic, 8000) for row in span.rows}
    flagged = set(list(rows)[::2])
    given = said(traffic, 8000, lambda row: row.event.id in flagged)
    took: dict[str, list[float]] = {"analyst": [], "chargeback": []}
    for id, labels in given.items():
        for due in labels:
            took[due.feedback.source].append((due.at - rows[id].event.at) / 1000)
            if due.feedback.label == "fraud" and rows[id].positive:
                assert due.feedback.reason == REASONS[rows[id].kind]
    assert 2 <= min(took["analyst"]) < max(took["analyst"]) <= 30
    days = np.array(took["chargeback"]) * 1000 / DAY_MS
    assert 1 <= days.min() < days.max() <= 3
    assert days.mean() == pytest.approx(2, rel=0.15)


def test_a_flag_given_twice_or_for_something_unknown_changes_nothing():
    source = simulated(TRAFFIC, 1000)
    given = []
    for span in source:
        for _ in range(2):
            source.flag(span.rows[0].event.id)
            source.flag("unknown")
        given += [due.feedback.label_id for due in span.labels()]
    assert given and len(given) == len(set(given))


def test_what_has_all_its_labels_is_forgotten():
    source = simulated(Traffic(seed=3, maturity=3600.0, chargeback_delay=3600.0), 20_000)
    spans(source)
    assert len(source._cases) < 2000


def test_the_application_names_it_and_the_same_seed_gives_the_same_traffic():
    first, again, other = (
        [row for hour in simulation(CARDS, seed, FOREVER, 200) for row in hour.rows]
        for seed in (5, 5, 6)
    )
    assert first == again != other
    assert len(first) == 200 and START <= first[0].event.at < START + SPAN_MS
