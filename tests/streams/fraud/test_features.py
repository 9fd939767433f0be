"""Tests of the features."""

from math import isfinite, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.hashing import hash64
from app.core.messages import Origin
from app.core.models.logit import check_features
from app.errors import SettingsError
from app.streams.fraud.extract import FILLS, extract, kilometres
from app.streams.fraud.features import FEATURES, FULL, GRIDS, SETS, SMALL, feature_set
from app.streams.fraud.history.past import Past
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.history.ring import Event
from app.streams.fraud.merchants import MerchantView
from app.streams.fraud.messages import Transaction
from app.units import DAY_MS, HOUR_MS, MINUTE_MS

NOW = 19_723 * DAY_MS + 12 * HOUR_MS  # Monday, 2024-01-01, noon
QUIET = MerchantView(0.01, 0.01, 0.01)
ROME, PARIS = (41.9, 12.5), (48.86, 2.35)

Paid = tuple[int, float]  # when, before NOW in ms, and the amount


def past(*paid: Paid, place: tuple[float, float] | None = None, merchant: str = "m1") -> Past:
    """What a customer with these earlier transactions has behind them at NOW."""
    history = History.decode(None, epoch=1, limits=Limits(events=32, replay=0, labels=4))
    lat, lon = place or (None, None)
    for offset, (ago, amount) in enumerate(paid):
        event = Event(offset, hash64(f"t{offset}"), NOW - ago, amount, hash64(merchant), lat, lon)
        assert history.insert(event)
    return history.before(len(paid))


def seen(
    amount: float = 20.0,
    behind: Past | None = None,
    merchant: MerchantView = QUIET,
    at: int = NOW,
    place: tuple[float, float] | None = None,
    features: str = FULL.name,
) -> dict[str, float]:
    lat, lon = place or (None, None)
    tx = Transaction(id="t", at=at, customer="c", merchant="m1", amount=amount, lat=lat, lon=lon)
    return extract(tx, behind or past(), merchant, features)


amounts = st.floats(0, 1e12)
places = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))
agos = st.integers(-DAY_MS, 400 * DAY_MS)


@given(st.lists(st.tuples(agos, amounts), max_size=40), amounts, places, places)
def test_values_are_finite_fit_for_models_and_in_the_order_of_the_table(paid, amount, here, there):
    x = seen(amount, past(*paid, place=there), place=here)
    assert all(type(value) is float and isfinite(value) for value in x.values())
    check_features(x)
    assert list(x) == [feature.name for feature in FEATURES if feature.name in x]


@given(st.lists(st.tuples(agos, amounts), max_size=40), amounts, places, places)
def test_a_set_has_the_values_that_all_features_have_and_no_other(paid, amount, here, there):
    behind = past(*paid, place=there)
    everything = seen(amount, behind, place=here)
    for name, chosen in SETS.items():
        x = seen(amount, behind, place=here, features=name)
        assert list(x.items()) == [item for item in everything.items() if item[0] in chosen.grids]


def test_sets_are_of_the_table_in_its_order():
    for name, chosen in SETS.items():
        assert feature_set(name) is chosen
        assert list(chosen.grids.items()) == [(n, g) for n, g in GRIDS.items() if n in chosen.grids]
    assert FULL.grids == GRIDS
    assert 12 <= len(SMALL.grids) <= 16
    with pytest.raises(SettingsError, match="'fraud-tiny'; choose one of fraud-full, fraud-small"):
        feature_set("fraud-tiny")


def test_a_group_fills_its_own_features():
    for name, fill in FILLS.items():
        x: dict[str, float] = {}
        run = MerchantView(0.5, 0.5, 0.5, 9.0, 2, 3.0, 1, 2.0, 8.0, 1.0, 8.0, 1, 0.1)
        behind = past((DAY_MS, 10.0), (HOUR_MS, 90.0), (MINUTE_MS, 10.0), place=ROME)
        tx = Transaction(id="t", at=NOW, customer="c", merchant="m1", amount=5.0, lat=1.0, lon=1.0)
        fill(x, tx, behind, run)
        assert list(x) == [feature.name for feature in FEATURES if feature.group == name]


def test_everything_has_a_value_where_everything_is_known():
    run = MerchantView(0.5, 0.5, 0.5, 9.0, 2, 3.0, 1, 2.0, 8.0, 1.0, 8.0, 1, 0.1)
    behind = past((DAY_MS, 10.0), (HOUR_MS, 90.0), (MINUTE_MS, 10.0), place=ROME)
    x = seen(10.0, behind, run, place=PARIS)
    assert list(x) == [feature.name for feature in FEATURES]


def test_a_first_transaction_has_nothing_to_compare_with():
    x = seen()
    missing = {feature.name for feature in FEATURES} - set(x)
    assert missing == {
        "amount_log_ratio",
        "amount_zscore",
        "largest_log_ratio_14d",
        "log_ratio_to_largest_14d",
        "days_since_spike",
        "log_seconds_since_last",
        "merchant_amount_rate",
        "km_from_home",
        "kmh_from_last",
        "merchant_run_days",
        "merchant_unexplained_days",
        "merchant_unexplained_age",
        "merchant_alarm_age",
    }


def test_the_table_is_fit_for_binned_models():
    assert len(GRIDS) == len(FEATURES)
    for feature in FEATURES:
        assert list(feature.grid) == sorted(set(feature.grid)), feature.name
        assert feature.sentence.endswith("."), feature.name


@pytest.mark.parametrize(
    ("at", "hour", "night", "weekend"),
    [
        pytest.param(0, 0.0, 1.0, 0.0, id="the first Thursday of 1970"),
        pytest.param(NOW, 12.0, 0.0, 0.0, id="Monday noon"),
        pytest.param(NOW - 5 * HOUR_MS - 1, 6.0, 1.0, 0.0, id="just before seven"),
        pytest.param(NOW - 5 * HOUR_MS, 7.0, 0.0, 0.0, id="seven"),
        pytest.param(NOW - DAY_MS, 12.0, 0.0, 1.0, id="Sunday"),
        pytest.param(NOW + 5 * DAY_MS, 12.0, 0.0, 1.0, id="Saturday"),
    ],
)
def test_hour_night_and_weekend_come_from_the_record(at, hour, night, weekend):
    x = seen(at=at)
    assert (x["hour"], x["night"], x["weekend"]) == (hour, night, weekend)


def test_windows_count_the_transaction_itself():
    x = seen(60.0, past((2 * HOUR_MS, 20.0), (3 * MINUTE_MS, 10.0), (30_000, 20.0)))
    assert [x[f"count_{w}"] for w in ("1m", "5m", "60m", "1d")] == [2.0, 3.0, 3.0, 4.0]
    assert [x[f"mean_{w}"] for w in ("1m", "5m", "60m", "1d")] == [40.0, 30.0, 30.0, 27.5]


def test_an_amount_is_compared_with_the_customers_own():
    x = seen(100.0, past(*[(DAY_MS, 10.0)] * 5))
    assert x["amount_log_ratio"] == pytest.approx(log(10))
    assert x["amount_zscore"] == pytest.approx((100 - 10) / (10**2 / 2 / 7) ** 0.5)


def test_one_high_amount_is_remembered_as_a_spike():
    x = seen(10.0, past((3 * DAY_MS, 10.0), (2 * DAY_MS, 80.0), (DAY_MS, 10.0)))
    assert x["days_since_spike"] == 2.0
    assert x["largest_log_ratio_14d"] > 1.5
    assert x["log_ratio_to_largest_14d"] == pytest.approx(log(10 / 80))
    assert seen(10.0, past((20 * DAY_MS, 80.0))).get("largest_log_ratio_14d") is None


def test_speed_is_taken_from_the_last_place_over_ten_minutes_at_least():
    way = kilometres(*ROME, *PARIS)
    slow = seen(place=PARIS, behind=past((2 * HOUR_MS, 10.0), place=ROME))
    assert slow["kmh_from_last"] == pytest.approx(way / 2, rel=1e-4)
    assert slow["km_from_home"] == pytest.approx(way, rel=1e-4)
    fast = seen(place=PARIS, behind=past((1, 10.0), place=ROME))
    assert fast["kmh_from_last"] == pytest.approx(way * 6, rel=1e-4)


def test_a_known_merchant_is_not_new():
    assert seen(behind=past((DAY_MS, 10.0), merchant="m1"))["first_at_merchant"] == 0.0
    assert seen(behind=past((DAY_MS, 10.0), merchant="m2"))["first_at_merchant"] == 1.0


def test_fraud_labels_of_the_last_fourteen_days_count():
    history = History.decode(None, epoch=1, limits=Limits(events=4, replay=0, labels=4))
    for number, days in enumerate((1, 13, 15)):
        history.learn_label(number, Origin(1, 0, number), NOW - days * DAY_MS, True)
    assert seen(behind=history.before(0))["customer_frauds_14d"] == 2.0
