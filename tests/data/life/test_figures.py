"""Figures of a life, counted by hand."""

from collections import Counter

import numpy as np
import pytest

from app.core.batch import Decided
from app.data.life.figures import life_figures
from app.data.life.people import Case, People
from app.data.life.settings import Life
from app.data.life.witness import Facts, Told, Witness
from app.data.measured import Table
from app.data.rows import Labelled
from app.errors import DataError
from app.units import DAY_MS
from tests.cards import cards
from tests.serving.memory import payment

BEGIN = 17_000
CARDS = cards()


def lived() -> tuple[Table, Facts]:
    """Six decisions: days 0, 9, 10, 35, 35 and 61; the frauds are the second and the last three."""
    table = Table(
        days=BEGIN + np.array([0, 9, 10, 35, 35, 61]),
        keys=np.arange(6),
        stakes=np.array([1.0, 10.0, 1.0, 20.0, 30.0, 40.0]),
        ys=np.array([0, 1, 0, 1, 1, 1]),
        scores=(np.array([0.2, 0.1, 0.95, 0.95, 0.6, 0.99]),),
        flagged=(np.array([0, 0, 1, 1, 1, 1]),),
    )
    facts = Facts(
        begin=BEGIN,
        kinds=np.array([0, 2, 0, 1, 2, 1]),
        decisions=(np.array([0, 0, 2, 2, 1, 2]),),
        stopped=(np.array([False, False, False, False, True, False]),),
        told=(
            Counter({Told(BEGIN + 6, "analyst", "fraud"): 2, Told(BEGIN, "analyst", "fraud"): 1}),
        ),
    )
    return table, facts


def test_spans_of_days_count_from_the_start_and_empty_ones_are_left_out():
    spans = life_figures(*lived(), 0)["by_days"]
    assert [(span["days"], span["n"], span["positives"]) for span in spans] == [
        ("0-10", 2, 1),
        ("10-20", 1, 0),
        ("30-60", 2, 2),
        ("60-90", 1, 1),
    ]
    first, second, *_ = spans
    assert first["average_precision"] == 0.5
    assert first["mean_score_over_base"] == pytest.approx(0.15 / 0.5)
    assert first["average_precision_without"]["2"] is None, "the only fraud is of that kind"
    assert second["average_precision"] is second["mean_score_over_base"] is None


def test_blocks_and_reviews_have_their_precision_month_by_month():
    months = life_figures(*lived(), 0)["blocks_by_month"]
    assert [(one["month"], one["blocks"], one["precision_of_blocks"]) for one in months] == [
        (1, 1, 0.0),
        (2, 1, 1.0),
        (3, 1, 1.0),
    ]
    assert [one["precision_of_reviews"] for one in months] == [None, 1.0, None]


def test_value_is_caught_where_frauds_are_blocked_or_a_review_stopped_them():
    life = life_figures(*lived(), 0)
    assert life["value_caught"] == pytest.approx(90 / 100)
    assert [span["value_caught"] for span in life["by_days"]] == [0.0, None, 1.0, 1.0]


def test_labels_are_counted_by_week():
    assert life_figures(*lived(), 0)["labels_told"] == [
        {"from": "2016-07-18", "source": "analyst", "label": "fraud", "n": 3}
    ]


def decided(n: int, decision: str, fresh: bool = True) -> Decided:
    made = CARDS.prediction(
        **{name: 0 for name in ("id", "key", "mode", "model", "features", "source", "engine")},
        **{"at": 0, "score": 0.5, "decision": decision, "reasons": [], "merchant": "m"},
        **{"amount": 10.0 * n, "location": ""},
    )
    return Decided(b"", decision, made if fresh else None)


def test_a_witness_notes_each_event_of_the_span_once_if_the_truth_of_it_is_known():
    rows = [
        Labelled(payment(1), True, kind=3),
        Labelled(payment(2), None),
        Labelled(payment(1), True),
        Labelled(payment(4), False),
        Labelled(payment(60 * 24), False),
    ]
    end = rows[-1].event.at
    witness = Witness(CARDS, 1, (0, end))
    made = [decided(1, "block"), decided(2, "approve"), decided(1, "block", fresh=False)]
    places = witness.decided(rows, [[*made, decided(4, "review"), decided(5, "approve")]])
    assert places == [0, 3]
    people = People(CARDS, Life())
    answer = people.answer(Case("t1", "ann", end, True), end)
    wrong = people.answer(Case("t4", "ann", end, True), end)
    witness.told(0, [answer, wrong])
    facts, table = witness.facts(), witness.table()
    assert facts.kinds.tolist() == [3, 0] and facts.decisions[0].tolist() == [2, 1]
    assert facts.stopped[0].tolist() == [True, False], "an honest one is not caught"
    assert table.stakes.tolist() == [10.0, 40.0] and table.flagged[0].tolist() == [1, 1]
    assert facts.begin == rows[0].event.at // DAY_MS
    assert sum(facts.told[0].values()) == 2


def test_more_decisions_than_can_be_measured_are_one_sentence():
    witness = Witness(CARDS, 1, (0, None), most=1)
    rows = [Labelled(payment(n), False) for n in (1, 2)]
    with pytest.raises(DataError, match="--from and --to"):
        witness.decided(rows, [[decided(1, "approve"), decided(2, "approve")]])
