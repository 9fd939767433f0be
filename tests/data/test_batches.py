"""Traffic in spans: what belongs to which, which labels come, and that flags change them."""

from itertools import islice

import pytest

from app.data.batches import SPAN_MS, Batch, Simulated, recorded
from app.data.player import play
from app.data.rows import Due, Labelled
from app.streams.fraud.simulator.labels import labels
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import HOUR_MS, transactions

TRAFFIC = Traffic(seed=3)
FOREVER = 1 << 62


@pytest.fixture(scope="module")
def rows() -> list[Labelled]:
    hours = islice(transactions(TRAFFIC), 72)
    return [row for hour in hours for row in hour]


def spans(source: Simulated, flagged: set[str] = frozenset()) -> list[tuple[Batch, list[Due]]]:
    """Every batch with its labels; what is in `flagged` comes up for review."""
    played = []
    for batch in source:
        for row in batch.rows:
            if row.tx.id in flagged:
                source.flag(row.tx.id)
        played.append((batch, batch.labels()))
    return played


def test_an_hour_of_recorded_traffic_holds_its_transactions_and_the_labels_due_in_it(rows):
    for batch in recorded(rows, HOUR_MS):
        hours = {row.tx.at // HOUR_MS for row in batch.rows}
        assert len(hours | {due.at // HOUR_MS for due in batch.labels()}) == 1


def test_recorded_batches_hold_exactly_what_the_player_plays(rows):
    steps = list(play(rows, 7 * HOUR_MS))
    batches = list(recorded(rows, 7 * HOUR_MS))
    assert [row for b in batches for row in b.rows] == [s for s in steps if isinstance(s, Labelled)]
    assert [due for b in batches for due in b.labels()] == [s for s in steps if isinstance(s, Due)]


def test_no_transaction_comes_before_a_label_due_an_hour_before_it(rows):
    latest = 0
    for batch in recorded(rows, 5 * HOUR_MS):
        assert all(row.tx.at - HOUR_MS < latest + HOUR_MS or not latest for row in batch.rows)
        latest = max([due.at for due in batch.labels()], default=latest)


@pytest.mark.parametrize("events", [1, 500, 2000])
def test_simulated_traffic_ends_after_so_many_transactions_with_the_labels_due_by_then(events):
    played = spans(Simulated(TRAFFIC, FOREVER, events))
    rows = [row for batch, _ in played for row in batch.rows]
    assert len(rows) == events
    given = {due.feedback.label_id for _, labels in played for due in labels}
    expected = [due for row in rows for due in labels(TRAFFIC, row, flagged=False)]
    assert given == {due.feedback.label_id for due in expected if due.at <= rows[-1].tx.at}


def test_simulated_traffic_ends_before_the_present():
    end = TRAFFIC.start + 30 * HOUR_MS
    rows = [row for batch in Simulated(TRAFFIC, end) for row in batch.rows]
    assert end - 2 * HOUR_MS < rows[-1].tx.at < end


def test_labels_of_a_span_are_due_in_it_and_come_in_order():
    for batch, due in spans(Simulated(TRAFFIC, FOREVER, 3000)):
        span = batch.rows[0].tx.at // SPAN_MS
        assert [label.at for label in due] == sorted(label.at for label in due)
        assert all(label.at // SPAN_MS <= span for label in due)


def test_what_comes_up_for_review_gets_an_analysts_answer_and_keeps_the_rest_of_its_labels():
    rows = [row for batch, _ in spans(Simulated(TRAFFIC, FOREVER, 5000)) for row in batch.rows]
    flagged = {row.tx.id for row in rows if row.fraud} | {row.tx.id for row in rows[::50]}
    played = spans(Simulated(TRAFFIC, FOREVER, 5000), flagged)
    given = {due.feedback.label_id for _, due in played for due in due}
    for row in rows:
        expected = [
            due.feedback.label_id
            for due in labels(TRAFFIC, row, row.tx.id in flagged)
            if due.at <= rows[-1].tx.at
        ]
        assert given.issuperset(expected)
        given.difference_update(expected)
    assert not given


def test_a_flag_given_twice_or_for_something_unknown_changes_nothing():
    source = Simulated(TRAFFIC, FOREVER, 1000)
    given = []
    for batch in source:
        for _ in range(2):
            source.flag(batch.rows[0].tx.id)
            source.flag("unknown")
        given += [due.feedback.label_id for due in batch.labels()]
    assert given and len(given) == len(set(given))


def test_what_has_all_its_labels_is_forgotten():
    source = Simulated(Traffic(seed=3, maturity=3600.0, chargeback_delay=3600.0), FOREVER, 20_000)
    spans(source)
    assert len(source._rows) < 1000
