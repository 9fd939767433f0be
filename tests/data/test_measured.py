"""What is measured of a replay: which rows, in which weeks, without whom."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.random import default_rng

from app.core.messages import ModelUsed, Origin, Source
from app.core.settling import lesson
from app.data.budget import unknown
from app.data.measured import Measured, Table
from app.data.player import Truth, due
from app.data.replay import Settled
from app.data.rows import Labelled
from app.errors import DataError
from app.streams.fraud.messages import Prediction, Transaction
from app.units import DAY_MS
from tests.cards import cards

CARDS = cards()
FOREVER = (0, None)


def labelled(day: float, customer: str, fraud: bool | None, amount: float = 1.0) -> Labelled:
    at = round(day * DAY_MS)
    tx = Transaction(id=f"{at}{customer}", at=at, customer=customer, merchant="m", amount=amount)
    return Labelled(tx, fraud)


def settled(row: Labelled, score: float = 0.25) -> Settled:
    tx = row.event
    prediction = Prediction(
        id=tx.id,
        key=tx.key,
        merchant=tx.merchant,
        location="",
        amount=tx.amount,
        at=tx.at,
        score=score,
        decision="review" if score >= 0.5 else "approve",
        reasons=[],
        mode="model",
        model=ModelUsed("binned", "both", 0),
        features={},
        source=Source(0, 0),
        engine="",
    )
    label = due(CARDS, Truth(tx.id, tx.key, tx.at, bool(row.positive)), tx.at + 7 * DAY_MS)
    y = CARDS.labels.teaches[label.feedback.label]
    return Settled(prediction, lesson(CARDS, prediction, y, 1.0, label.at, Origin(1, 0, 0)))


def collector(models: int = 1, span: tuple[int, int | None] = FOREVER, **most: int) -> Measured:
    return Measured(models, span, CARDS.stake, **most)


def measured(rows: Sequence[Labelled], span: tuple[int, int | None] = FOREVER) -> Measured:
    result = collector(span=span)
    result.read(rows)
    result.add([[settled(row) for row in rows if row.positive is not None]])
    return result


def taken(result: Measured, remove: bool = False) -> list[list[float]]:
    table = result.table()
    return [table.days[week.rows].tolist() for week in result.weeks(table, remove)]


def test_a_row_holds_what_the_models_decided():
    rows = [labelled(3, "a", True, 9.5), labelled(3.5, "b", False), labelled(4, "a", False)]
    result = collector(models=2)
    result.read(rows)
    result.add([[settled(row, 0.75) for row in rows], [settled(row, 0.125) for row in rows]])
    table = result.table()
    assert table.days.tolist() == [3, 3, 4]
    ann, bob, again = table.keys.tolist()
    assert ann == again != bob
    assert (table.stakes.tolist(), table.ys.tolist()) == ([9.5, 1.0, 1.0], [1, 0, 0])
    assert [column.tolist() for column in table.scores] == [[0.75] * 3, [0.125] * 3]
    assert [column.tolist() for column in table.flagged] == [[1] * 3, [0] * 3]


def test_weeks_are_counted_from_the_first_transaction_and_empty_ones_are_none():
    days = [10, 16.9, 17, 40]
    assert taken(measured([labelled(day, "a", False) for day in days])) == [[10, 16], [17], [40]]


def test_weeks_are_counted_from_the_first_day_of_the_span_and_hold_nothing_outside_it():
    rows = [labelled(day, "a", False) for day in range(10, 30)]
    found = taken(measured(rows, (12 * DAY_MS, 21 * DAY_MS)))
    assert found == [list(range(12, 19)), [19, 20]]


def test_transactions_before_any_label_begin_the_first_week():
    rows = [labelled(10, "a", None), labelled(12, "a", False), labelled(17, "a", False)]
    assert taken(measured(rows)) == [[12], [17]]


def test_nothing_measured_is_no_week():
    assert taken(measured([labelled(1, "a", None)])) == []
    assert taken(measured([])) == []


def test_known_customers_leave_as_the_protocol_says_and_frauds_without_a_label_count(seed: int):
    rng = default_rng(seed)
    rows = [
        labelled(day, f"c{rng.integers(60)}", rng.random() < 0.03)
        for day in np.sort(rng.uniform(0, 35, 3000))
    ]
    begin = 10
    result = collector(span=(begin * DAY_MS, None))
    result.read(rows)
    result.add([[settled(row) for row in rows if row.event.at < 33 * DAY_MS]])
    table = result.table()
    days = [row.event.at // DAY_MS for row in rows]
    names, frauds = [row.event.key for row in rows], [bool(row.positive) for row in rows]
    for week in result.weeks(table, remove=True):
        stays = unknown(days, names, frauds, week.first) & (np.array(days) < 33)
        assert table.days[week.rows].tolist() == np.array(days)[stays].tolist()
        every = sum(week.first <= day < min(week.first + 7, 33) for day in days)
        assert week.left_out == every - stays.sum() > 0


@pytest.mark.parametrize("rows", [[], [2, 0]])
def test_rows_are_taken_in_all_columns(rows: list[int]):
    column = np.arange(3)
    table = Table(column, column, column, column, (column, column), (column,))
    for part in (
        *table.take(np.array(rows, np.int64))[:4],
        *table.take(np.array(rows, int)).scores,
    ):
        assert part.tolist() == rows


def test_more_decisions_than_can_be_measured_are_a_sentence():
    rows = [labelled(day, "ann", False) for day in (1, 2, 3)]
    learned = [[settled(row) for row in rows]]
    collector(most=3).add(learned)
    collector(span=(2 * DAY_MS, None), most=2).add(learned)
    with pytest.raises(DataError, match=r"more than 2 .*--from and --to"):
        collector(most=2).add(learned)
