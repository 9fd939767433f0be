"""Tests of the merchant statistics."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.messages import Origin, Previous
from app.errors import SnapshotError
from app.streams.fraud.merchants import PRIOR, Merchants
from app.streams.fraud.messages import Example
from app.units import DAY_MS

START = 20_000  # a day
NOON = START * DAY_MS + DAY_MS // 2
USUAL = {"amount_log_ratio": 0.1, "amount_zscore": 0.5}


def example(
    y: int | None = 1,
    day: float = 0.5,
    merchant: str = "m1",
    location: str = "FR",
    previous: Previous | None = None,
    w: float = 1.0,
    x: dict[str, float] = USUAL,
) -> Example:
    """A label that became known `day` days after the start."""
    return Example(
        id="t",
        x=x,
        y=y,
        w=w,
        previous=previous,
        score=0.5,
        version=0,
        merchant=merchant,
        location=location,
        at=0,
        known=START * DAY_MS + round(day * DAY_MS),
        origin=Origin(1, 0, 0),
        end_of_step=False,
    )


def learned(*examples: Example) -> Merchants:
    merchants = Merchants()
    for each in examples:
        merchants.learn(each)
    return merchants


def at(day: float) -> int:
    return START * DAY_MS + round(day * DAY_MS)


def copy(merchants: Merchants) -> Merchants:
    twin = Merchants()
    twin.load(merchants.parts())
    return twin


labels = st.builds(
    example,
    y=st.integers(0, 1),
    day=st.floats(0, 45),
    merchant=st.sampled_from(["m1", "m2"]),
    location=st.sampled_from(["FR", ""]),
    w=st.sampled_from([1.0, 4.0]),
    x=st.sampled_from([USUAL, {"amount_log_ratio": 2.0}]),
)
# In the order in which they became known, as nearly all are.
in_order = st.lists(labels, max_size=30).map(lambda some: sorted(some, key=lambda e: e.known))


def expected_risk(examples: list[Example], merchant: str, now: float, days: int) -> float:
    """The definition: whole day buckets, the oldest interpolated, smoothed to the overall share."""
    base = (sum(e.w for e in examples if e.y) + 1) / (sum(e.w for e in examples) + 100)
    today, elapsed = divmod(at(now), DAY_MS)
    known = bad = 0.0
    for e in examples:
        age = today - e.known // DAY_MS
        share = 1.0 if 0 <= age < days else 1 - elapsed / DAY_MS if age == days else 0.0
        if e.merchant == merchant:
            known += share * e.w
            bad += share * e.w * e.y
    return (bad + PRIOR * base) / (known + PRIOR)


@given(in_order, st.floats(0, 80))
def test_risks_are_the_smoothed_shares_of_fraud_in_their_windows(examples, later):
    now = max([0.0, *((e.known - at(0)) / DAY_MS for e in examples)]) + later
    merchants = learned(*examples)
    for merchant in ("m1", "m2"):
        view = merchants.view(merchant, "FR", at(now))
        risks = (view.risk_1d, view.risk_7d, view.risk_30d)
        expected = [expected_risk(examples, merchant, now, days) for days in (1, 7, 30)]
        assert risks == pytest.approx(expected, rel=1e-12)


@given(in_order, st.integers(0, 44))
def test_labels_known_on_a_later_day_do_not_count(examples, day):
    """Times may lie: a transaction sees the buckets of its own day and before."""
    newest = max([0, *(e.known // DAY_MS - START for e in examples)])
    if newest - day <= 15:  # else the ring has left the transaction's windows behind
        view = learned(*examples).view("m1", "FR", at(day + 0.5))
        expected = expected_risk(examples, "m1", day + 0.5, 7)
        assert view.risk_7d == pytest.approx(expected, rel=1e-12)


@given(in_order, in_order)
def test_a_loaded_copy_sees_and_learns_the_same_bits(before, after):
    merchants = learned(*before)
    twin = copy(merchants)
    for each in after:
        merchants.learn(each)
        twin.learn(each)
    assert list(twin.parts()) == list(merchants.parts())
    for merchant in ("m1", "m2", "m3"):
        now = at(46.3)
        assert twin.view(merchant, "FR", now) == merchants.view(merchant, "FR", now)


@given(in_order, st.integers(0, 1), st.integers(0, 40))
def test_a_withdrawn_label_leaves_no_trace_in_counts_and_windows(examples, y, day):
    merchants, without = learned(*examples), learned(*examples)
    merchants.learn(example(y, day=46))
    merchants.learn(example(None, day=46 + day, previous=Previous(y, 1.0, START + 46)))
    now = at(46.5)
    view, expected = merchants.view("m1", "FR", now), without.view("m1", "FR", now)
    if any(e.merchant == "m1" for e in examples):
        assert view[:4] == expected[:4]
        assert view.location_frauds == expected.location_frauds
    else:
        assert view[:4] == pytest.approx(expected[:4], rel=1e-12)


@given(in_order)
def test_a_corrected_label_counts_as_the_new_one_alone(examples):
    corrected = learned(
        *examples, example(0, 45), example(1, 46, previous=Previous(0, 1.0, START + 45))
    )
    right = learned(*examples, example(1, 46))
    now = at(46.9)
    assert corrected.view("m1", "FR", now)[:4] == right.view("m1", "FR", now)[:4]
    assert (
        corrected.view("m1", "FR", now).location_frauds
        == right.view("m1", "FR", now).location_frauds
    )


def test_an_unknown_merchant_has_the_overall_share():
    merchants = learned(example(1), *[example(0, merchant="m2")] * 3)
    view = merchants.view("m3", "FR", NOON)
    assert view[:3] == ((1 + 1) / (4 + 100),) * 3
    assert view[3:] == (0.0, 0, None, 0, None, None, 0.0, None, 0, None)


@pytest.mark.parametrize(
    ("labels", "run", "days"),
    [
        pytest.param([1], 1, 10.0, id="one fraud"),
        pytest.param([0, 1, 1], 2, 9.0, id="since the last legitimate label"),
        pytest.param([1, 1, 0], 0, None, id="ended"),
        pytest.param([1, None], 1, 10.0, id="a withdrawal leaves it"),
    ],
)
def test_the_present_run_of_fraud_labels(labels, run, days):
    merchants = Merchants()
    for day, y in enumerate(labels):
        previous = Previous(1, 1.0, START + day - 1) if y is None else None
        merchants.learn(example(y, day, previous=previous))
    view = merchants.view("m1", "FR", at(10))
    assert (view.run, view.run_days) == (run, days)


def test_a_correction_is_a_new_label_of_the_run():
    wrong = learned(example(1), example(0, previous=Previous(1, 1.0, START)))
    assert wrong.view("m1", "FR", NOON).run == 0
    right = learned(example(0), example(1, previous=Previous(0, 1.0, START)))
    assert right.view("m1", "FR", NOON).run == 1


@pytest.mark.parametrize("x", [{"amount_log_ratio": 0.9}, {"amount_zscore": 3.1}], ids=str)
def test_a_fraud_whose_amount_stands_out_adds_nothing_to_the_unexplained_run(x):
    view = learned(example(1), example(1, x=x)).view("m1", "FR", at(1.5))
    assert (view.run, view.unexplained_run, view.unexplained_days) == (2, 1, 1.0)


def test_the_age_of_an_unexplained_run_counts_from_its_first_transaction():
    first = msgspec.structs.replace(example(1, day=8), at=at(1))
    later = msgspec.structs.replace(example(1, day=9), at=at(0.5))
    view = learned(first, later).view("m1", "FR", at(10))
    assert (view.unexplained_days, view.unexplained_age) == (2.0, 9.0)


@pytest.mark.parametrize(
    ("ys", "alarm"),
    [
        pytest.param([0, 0], 0.0, id="none"),
        pytest.param([1], 1.0, id="one fraud"),
        pytest.param([1, 0, 0], 1 / 3, id="dies away"),
        pytest.param([1, 0, 0, 0, 0], 0.0, id="ends"),
        pytest.param([1, 0, 1, 0, 1], 7 / 3, id="outlasts single legitimate labels"),
        pytest.param([1] * 9, 4.0, id="is bounded"),
    ],
)
def test_an_alarm_goes_up_fast_and_down_slowly(ys, alarm):
    view = learned(*map(example, ys)).view("m1", "FR", at(1))
    assert view.alarm == pytest.approx(alarm)
    assert (view.alarm_age is None) == (alarm == 0)


def test_an_alarm_counts_its_age_from_the_transaction_that_raised_it():
    story = [(1, 1), (0, 2), (1, 3), (0, 4)]
    examples = [msgspec.structs.replace(example(y), at=at(day)) for y, day in story]
    assert learned(*examples).view("m1", "FR", at(10)).alarm_age == 9.0


def test_frauds_count_by_merchant_and_location():
    merchants = learned(example(1), example(1), example(0), example(1, location=""))
    counts = [merchants.view("m1", location, NOON).location_frauds for location in ("FR", "", "DE")]
    assert counts == [2, 1, 0]


def test_a_merchant_without_labels_for_long_is_forgotten():
    merchants = learned(*(example(1, 0, merchant=f"m{number}") for number in range(3000)))
    for number in range(3000):
        merchants.learn(example(0, 100, merchant=f"n{number}"))
    assert merchants.view("m1", "FR", at(100)).labels == 0
    assert len(merchants) < 3300  # those in shards that no new label has met


def test_a_late_label_still_lands_in_its_day():
    merchants = learned(example(0, 10), example(1, 6))
    assert merchants.view("m1", "FR", at(10.5)).risk_7d > 0.25
    assert merchants.view("m1", "FR", at(10.5)).risk_1d < 0.25


def test_a_label_from_before_the_ring_counts_in_the_totals_alone():
    view = learned(example(0, 40), example(1, 5)).view("m1", "FR", at(40.5))
    assert view.labels == 2
    assert view.risk_30d < 0.05


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"xyz1" + bytes(24)], id="something else"),
        pytest.param([b"mer3" + bytes(23)], id="cut short"),
        pytest.param([*Merchants().parts(), b"?"], id="an unknown part"),
    ],
)
def test_a_foreign_dump_is_refused(parts):
    with pytest.raises(SnapshotError, match="merchant statistics"):
        Merchants().load(parts)


def test_a_dump_has_a_head_the_merchants_and_the_patterns():
    assert [part[:1] for part in learned(example()).parts()] == [b"m", b"m", b"p"]


@given(in_order, st.floats(0, 60))
def test_without_risks_all_else_is_the_same(examples, day):
    merchants = learned(*examples)
    whole, rest = (merchants.view("m1", "FR", at(day), risks) for risks in (True, False))
    overall = merchants.view("never seen", "FR", at(day))
    assert rest == (*overall[:3], *whole[3:])
