"""The load says of itself what is true, and the plan of a seed is always the same."""

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.load import SCRIPTS, Load
from tests.chaos.plan import make_plan

LOAD = Load(seed=3, customers=20, merchants=66)


def test_a_transactions_id_tells_its_number():
    assert [LOAD.number(LOAD.transaction(n).id) for n in range(50)] == list(range(50))


def test_a_customers_totals_are_those_of_its_transactions():
    sums: dict[str, tuple[int, float]] = {}
    for n in range(205):
        tx = LOAD.transaction(n)
        count, total = sums.get(tx.customer, (0, 0.0))
        sums[tx.customer] = count + 1, total + tx.amount
    assert {LOAD.customer(c): LOAD.totals(c, 205) for c in range(20)} == sums


def test_the_last_day_is_that_of_the_times():
    numbers = LOAD.turns(4, 1000)
    latest = LOAD.at(numbers[-1])
    within = [n for n in numbers if LOAD.at(n) > latest - 86_400_000]
    assert LOAD.last_day(4, 1000) == (len(within), sum(map(LOAD.amount, within)))
    assert len(within) < len(numbers)


def test_every_script_is_played_on_frauds_and_on_good_ones():
    seen = {(LOAD.script(n), LOAD.fraud(n)) for n in range(2000)}
    assert seen == {(script, fraud) for script in SCRIPTS for fraud in (True, False)}


@pytest.mark.parametrize("n", range(len(SCRIPTS)))
def test_the_last_word_of_a_script_is_what_holds(n: int):
    lines = LOAD.script(n)
    final = lines[-1].says if lines else "none"
    strongest = [line for line in lines if line.source == "chargeback"]
    truth = final == "truth" or bool(strongest)
    assert LOAD.holds(n) == (int(LOAD.fraud(n)) if truth else None)


def test_some_customers_are_sent_astray_always_and_the_others_never():
    astray = {LOAD.customer(n) for n in range(200) if LOAD.astray(n)}
    assert astray == {"c3-3", "c3-13"}
    assert all(LOAD.astray(n) == (LOAD.customer(n) in astray) for n in range(1000))


def test_a_row_of_seeds_strikes_every_fault():
    struck = {name for seed in range(1, 21) for name in make_plan(seed).faults}
    assert struck == set(FAULTS)
    assert all(len(make_plan(seed).faults) >= 5 for seed in range(1, 21))
    assert make_plan(4) == make_plan(4)
