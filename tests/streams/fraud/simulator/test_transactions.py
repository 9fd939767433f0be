"""Simulated traffic: equal bytes for equal settings, shares of fraud, habits, drift, labels."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest

from app.data.rows import Labelled
from app.errors import SettingsError
from app.streams.fraud.messages import read_transaction
from app.streams.fraud.simulator.simulation import Simulation
from app.streams.fraud.simulator.traffic import Traffic
from app.streams.fraud.simulator.transactions import transactions
from app.units import DAY_MS, MINUTE_MS
from app.wire import encode
from tests.cards import cards

PRINT_DIGEST = """
from tests.streams.fraud.simulator.test_transactions import digest
from app.streams.fraud.simulator.traffic import Traffic
print(digest(Traffic(seed=7, drift=True)))
"""


def first(count: int, traffic: Traffic) -> list[Labelled]:
    return list(islice(chain.from_iterable(transactions(traffic)), count))


def digest(traffic: Traffic, count: int = 3000) -> str:
    """Hash of messages, truth and labels."""
    state, source = hashlib.sha256(), Simulation(cards(), traffic, 1 << 62, count)
    for hour in source:
        for row in hour.rows:
            state.update(encode(row.event) + encode((row.positive, row.kind)))
            if row.event.amount > 100:
                source.flag(row.event.id)
        for due in hour.labels():
            state.update(encode(due.feedback))
    return state.hexdigest()


@pytest.fixture(scope="module")
def weeks() -> list[Labelled]:
    """Some 60 days of default traffic."""
    return first(30_000, Traffic(seed=5))


def test_the_same_settings_give_the_same_bytes_in_another_process():
    env = {**os.environ, "PYTHONHASHSEED": "77"}
    run = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST],
        cwd=Path(__file__).parents[4],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == digest(Traffic(seed=7, drift=True))


@pytest.mark.parametrize(
    "other",
    [Traffic(seed=8), Traffic(seed=7, start=0), Traffic(seed=7, customers=501)],
    ids=["seed", "start", "customers"],
)
def test_other_settings_give_other_traffic_and_other_ids(other):
    usual, changed = first(200, Traffic(seed=7)), first(200, other)
    assert [row.event.at for row in usual] != [row.event.at for row in changed]
    assert not {row.event.id for row in usual} & {row.event.id for row in changed}


def test_every_message_passes_the_checks_of_the_wire(weeks):
    for row in weeks[:5000]:
        assert read_transaction(encode(row.event)) == row.event


def test_time_never_goes_back_and_begins_at_the_start(weeks):
    at = np.array([row.event.at for row in weeks])
    assert at[0] >= Traffic().start > at[0] - DAY_MS / 4
    assert (np.diff(at) >= 0).all()


def test_ids_are_unique_and_the_truth_stays_out_of_the_message(weeks):
    assert len({row.event.id for row in weeks}) == len(weeks)
    assert {row.event.label for row in weeks} == {None}
    assert all(row.positive == (row.kind > 0) for row in weeks)


@pytest.mark.parametrize(
    ("scenario", "share"), [(1, 0.006), (2, 0.0035), (3, 0.003)], ids=["merchant", "card", "test"]
)
def test_each_kind_of_fraud_has_the_share_that_the_settings_give(weeks, scenario, share):
    found = Counter(row.kind for row in weeks)[scenario] / len(weeks)
    assert share * 0.6 < found < share * 1.4


def test_without_fraud_shares_nothing_is_fraud():
    rows = first(5000, Traffic(compromised=0, stolen=0, testing=0))
    assert not any(row.positive for row in rows)


def test_the_rate_is_transactions_of_a_customer_a_day():
    traffic = Traffic(seed=3, customers=2000, rate=3.0)
    rows = first(30_000, traffic)
    days = (rows[-1].event.at - traffic.start) / DAY_MS
    assert len(rows) / days / traffic.customers == pytest.approx(3.0, rel=0.1)


def test_compromised_merchants_stay_compromised_for_weeks(weeks):
    merchants = Counter(row.event.merchant for row in weeks if row.kind == 1)
    assert len(merchants) <= 8
    merchant, _ = merchants.most_common(1)[0]
    times = [row.event.at for row in weeks if row.kind == 1 and row.event.merchant == merchant]
    assert times[-1] - times[0] > 7 * DAY_MS


def test_stolen_cards_spend_several_times_what_their_owner_does(weeks):
    usual: dict[str, list[float]] = {}
    for row in weeks:
        if not row.positive:
            usual.setdefault(row.event.customer, []).append(row.event.amount)
    means = {customer: np.mean(amounts) for customer, amounts in usual.items()}
    owner, thief = (
        [
            row.event.amount / means[row.event.customer]
            for row in weeks
            if row.kind == kind and row.event.customer in means
        ]
        for kind in (0, 2)
    )
    assert np.median(thief) > 4 * np.median(owner)
    assert max(owner) > np.quantile(thief, 0.1)  # no single amount tells them apart


def test_card_tests_come_in_bursts_of_small_amounts_within_minutes(weeks):
    tests = [row.event for row in weeks if row.kind == 3]
    assert max(tx.amount for tx in tests) <= 3
    bursts: dict[tuple[str, str], list[int]] = {}
    for tx in tests:
        bursts.setdefault((tx.customer, tx.merchant), []).append(tx.at)
    assert all(6 <= len(times) <= 28 for times in bursts.values())
    assert np.median([times[-1] - times[0] for times in bursts.values()]) < 4 * MINUTE_MS


def test_customers_buy_near_home_and_mostly_where_they_always_do(weeks):
    visits: dict[str, list[str]] = {}
    countries: dict[str, list[str]] = {}
    for row in weeks:
        if not row.positive:
            visits.setdefault(row.event.customer, []).append(row.event.merchant)
            if row.event.channel == "pos":
                countries.setdefault(row.event.customer, []).append(row.event.country)
    favourite = [
        sum(n for _, n in Counter(m).most_common(8)) / len(m)
        for m in visits.values()
        if len(m) > 40
    ]
    at_home = [Counter(c).most_common(1)[0][1] / len(c) for c in countries.values()]
    assert np.mean(favourite) > 0.8
    assert np.mean(at_home) > 0.95


def test_drift_moves_habits_and_the_mix_of_frauds():
    still, moved = (first(20_000, Traffic(seed=2, drift=drift)) for drift in (False, True))

    def mix(rows: list[Labelled]) -> float:
        middle = rows[4000:11_000]  # days 8 to 22 of a swing that peaks at day 15
        kinds = Counter(row.kind for row in middle)
        return kinds[3] / (kinds[1] + kinds[3])

    def favourites(rows: list[Labelled]) -> float:
        pairs = Counter((row.event.customer, row.event.merchant) for row in rows[4000:11_000])
        return sum(n for n in pairs.values() if n > 2) / 7000

    assert mix(moved) > mix(still) + 0.2
    assert favourites(moved) < favourites(still) - 0.1


def test_nothing_has_drifted_at_the_start():
    still, moved = (next(transactions(Traffic(seed=2, drift=drift))) for drift in (False, True))
    assert [(row.event.at, row.event.amount) for row in moved] == [
        (row.event.at, row.event.amount) for row in still
    ]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("missed", 1.5),
        ("wrong", -0.1),
        ("customers", 7),
        ("merchants", 3),
        ("rate", 0),
        ("start", -1),
        ("answer_within", float("nan")),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(setting, value):
    with pytest.raises(SettingsError, match=setting):
        Traffic(**{setting: value})


def test_the_smallest_world_has_traffic():
    rows = first(500, Traffic(customers=8, merchants=16, rate=50))
    assert len({row.event.customer for row in rows}) == 8
