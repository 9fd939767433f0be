"""Simulated traffic in spans: which labels come, and that flags change them."""

import pytest

from app.data.hours import Hour
from app.data.rows import Due
from app.data.simulation import simulation
from app.streams.fraud.simulator.labels import labels
from app.streams.fraud.simulator.simulation import SPAN_MS, START, Simulation
from app.streams.fraud.simulator.traffic import Traffic
from app.units import HOUR_MS
from tests.cards import cards

TRAFFIC = Traffic(seed=3)
FOREVER = 1 << 62


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
    played = spans(Simulation(TRAFFIC, FOREVER, events))
    rows = [row for span, _ in played for row in span.rows]
    assert len(rows) == events
    given = {due.feedback.label_id for _, labels in played for due in labels}
    expected = [due for row in rows for due in labels(TRAFFIC, row, flagged=False)]
    assert given == {due.feedback.label_id for due in expected if due.at <= rows[-1].event.at}


def test_simulated_traffic_ends_before_the_present():
    end = TRAFFIC.start + 30 * HOUR_MS
    rows = [row for span in Simulation(TRAFFIC, end) for row in span.rows]
    assert end - 2 * HOUR_MS < rows[-1].event.at < end


def test_labels_of_a_span_are_due_in_it_and_come_in_order():
    for span, due in spans(Simulation(TRAFFIC, FOREVER, 3000)):
        place = span.rows[0].event.at // SPAN_MS
        assert [label.at for label in due] == sorted(label.at for label in due)
        assert all(label.at // SPAN_MS <= place for label in due)


def test_what_comes_up_for_review_gets_an_analysts_answer_and_keeps_the_rest_of_its_labels():
    rows = [row for span, _ in spans(Simulation(TRAFFIC, FOREVER, 5000)) for row in span.rows]
    flagged = {row.event.id for row in rows if row.positive} | {row.event.id for row in rows[::50]}
    played = spans(Simulation(TRAFFIC, FOREVER, 5000), flagged)
    given = {due.feedback.label_id for _, due in played for due in due}
    for row in rows:
        expected = [
            due.feedback.label_id
            for due in labels(TRAFFIC, row, row.event.id in flagged)
            if due.at <= rows[-1].event.at
        ]
        assert given.issuperset(expected)
        given.difference_update(expected)
    assert not given


def test_a_flag_given_twice_or_for_something_unknown_changes_nothing():
    source = Simulation(TRAFFIC, FOREVER, 1000)
    given = []
    for span in source:
        for _ in range(2):
            source.flag(span.rows[0].event.id)
            source.flag("unknown")
        given += [due.feedback.label_id for due in span.labels()]
    assert given and len(given) == len(set(given))


def test_what_has_all_its_labels_is_forgotten():
    source = Simulation(Traffic(seed=3, maturity=3600.0, chargeback_delay=3600.0), FOREVER, 20_000)
    spans(source)
    assert len(source._rows) < 1000


def test_the_application_names_it_and_the_same_seed_gives_the_same_traffic():
    first, again, other = (
        [row for hour in simulation(cards(), seed, FOREVER, 200) for row in hour.rows]
        for seed in (5, 5, 6)
    )
    assert first == again != other
    assert len(first) == 200 and START <= first[0].event.at < START + SPAN_MS
