"""The review threshold: it follows the budget whatever comes, and a replay moves nothing."""

import math
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.threshold import HEAD, LATEST, SPEED, Budget, Threshold, logit
from app.errors import StateError
from app.units import HOUR_MS

DAY = 24
START = 1_700_000_000_000
BUDGET = Budget(alerts=5.0, start=0.5, floor=0.05, ceiling=0.9)
Stream = Iterator[tuple[float, float]]  # hours since START, the logit of the score


def traffic(
    seed: int,
    days: int,
    rate: float = 200.0,
    mean: Callable[[float], float] = lambda hour: -5.0,
    busy: Callable[[float], float] = lambda hour: 1.0,
) -> Stream:
    """Transactions of days and nights, nine at noon for one at midnight; `rate` is an hour's mean.

    Logits are normal around `mean`, so scores of a fraud model: most near 0, few that stand out.
    """
    chance, hour = random.Random(seed), 0.0
    while True:
        tide = 1 - 0.8 * math.cos(2 * math.pi * hour / DAY)
        hour += chance.expovariate(rate * tide * busy(hour))
        if hour >= DAY * days:
            return
        yield hour, chance.gauss(mean(hour), 1.5)


def alerts_by_hour(
    stream: Stream, days: int, budget: Budget = BUDGET, told: Callable[[float], float] | None = None
) -> list[int]:
    """How many alerts each hour brings. `told` is the time that a transaction at some time has."""
    threshold, hours = Threshold(budget, epoch=1), [0] * (DAY * days)
    for offset, (hour, score) in enumerate(stream):
        alert = score >= logit(threshold.score)
        hours[int(hour)] += alert
        threshold.move(offset, START + round(HOUR_MS * (told or float)(hour)), alert)
    return hours


def mean_share(hours: list[int], budget: float = BUDGET.alerts) -> float:
    """Alerts an hour from the second day on, as a share of the budget."""
    return sum(hours[DAY:]) / (len(hours) - DAY) / budget


def passed(threshold: Threshold, hours: float, offset: int = 0, alert: bool = False) -> Threshold:
    """The threshold after events of one time, as many as time is the median of."""
    for n in range(LATEST):
        threshold.move(offset + n, START + round(HOUR_MS * hours), alert)
    return threshold


@pytest.mark.parametrize(("alerts", "rate"), [(2.0, 200.0), (15.0, 1000.0)])
def test_days_keep_to_the_budget(alerts: float, rate: float, seed: int):
    hours = alerts_by_hour(traffic(seed, 4, rate), 4, BUDGET._replace(alerts=alerts))
    assert mean_share(hours, alerts) == pytest.approx(1, abs=0.1)
    nights = [sum(hours[n : n + 6]) for n in range(DAY - 3, 3 * DAY, DAY)]
    assert sum(nights) / 18 == pytest.approx(alerts, rel=0.4), "far fewer transactions"


@pytest.mark.parametrize("start", [0.051, 0.9], ids=["far too low", "far too high"])
def test_it_settles_within_hours(start: float, seed: int):
    hours = alerts_by_hour(
        traffic(seed, 1, mean=lambda hour: -3.5), 1, BUDGET._replace(start=start)
    )
    assert sum(hours[6:18]) / 12 == pytest.approx(BUDGET.alerts, rel=0.3)


def test_what_it_flags_are_the_highest_scores(seed: int):
    """It stands nearly still when nothing changes, so luck decides of few."""
    chance, threshold, seen = random.Random(seed), Threshold(BUDGET._replace(alerts=15.0), 1), []
    for offset in range(24_000):
        score = chance.gauss(-5.0, 1.5)
        alert = score >= logit(threshold.score)
        threshold.move(offset, START + offset * HOUR_MS // 1000, alert)
        seen.append((score, alert))
    settled = seen[6000:]
    highest = sorted(score for score, _ in settled)[-18 * 15]
    assert sum(alert and score >= highest for score, alert in settled) > 0.82 * 18 * 15


def test_scores_that_drift_do_not_take_it_off_the_budget(seed: int):
    drifting = traffic(seed, 5, mean=lambda hour: -5.0 + min(hour / DAY, 4) / 2)
    assert mean_share(alerts_by_hour(drifting, 5)) == pytest.approx(1, abs=0.15)


def test_after_a_burst_it_comes_back_within_hours(seed: int):
    def hot(hour: float) -> bool:
        return 36 <= hour < 37

    stream = traffic(
        seed, 3, mean=lambda h: -1.0 if hot(h) else -5.0, busy=lambda h: 5.0 if hot(h) else 1.0
    )
    hours = alerts_by_hour(stream, 3)
    assert hours[36] > 4 * BUDGET.alerts, "no burst"
    assert hours[36] < 60, "some hundreds have such scores"
    assert sum(hours[43:67]) / DAY == pytest.approx(BUDGET.alerts, rel=0.15)


@pytest.mark.parametrize(
    "far",
    [lambda chance: -chance.expovariate(0.5), lambda chance: 23.0, lambda chance: -50 * 24.0],
    ids=["some hours late", "a day ahead", "weeks late"],
)
def test_times_that_are_wrong_for_some_do_not_take_it_off_the_budget(far, seed: int):
    chance = random.Random(seed + 1)

    def told(hour: float) -> float:
        return hour + (far(chance) if chance.random() < 0.05 else 0.0)

    hours = alerts_by_hour(traffic(seed, 3), 3, BUDGET._replace(alerts=2.0), told)
    assert mean_share(hours, 2.0) == pytest.approx(1, abs=0.15)


def test_the_order_of_near_events_does_not_matter_much(seed: int):
    chance = random.Random(seed + 1)
    hours = alerts_by_hour(
        traffic(seed, 3), 3, BUDGET._replace(alerts=2.0), lambda hour: hour - chance.random() / 6
    )
    assert mean_share(hours, 2.0) == pytest.approx(1, abs=0.15)


@given(
    gaps=st.lists(st.integers(0, HOUR_MS), min_size=LATEST, max_size=60),
    often=st.integers(2, 6),
)
def test_alerts_beyond_the_budget_are_its_rise_divided_by_the_step(gaps, often):
    """Between floor and ceiling, whatever the scores are."""
    wide = Budget(alerts=3.0, start=0.5, floor=0.0, ceiling=1.0)
    threshold, at, spent = Threshold(wide, epoch=1), START, 0
    for offset, gap in enumerate([*gaps, *[0] * LATEST]):
        at += gap
        alert = offset % often == 0 and offset < len(gaps)
        spent += alert
        threshold.move(offset, at, alert)
    began = sorted([START + sum(gaps[: n + 1]) for n in range(LATEST)])[LATEST // 2]
    beyond = spent - wide.alerts * (at - began) / HOUR_MS
    assert logit(threshold.score) / wide.step == pytest.approx(beyond, abs=1e-6)


def test_a_quiet_night_stops_at_the_floor_and_blocks_alone_at_the_ceiling():
    quiet = Threshold(BUDGET, epoch=1)
    for hour in range(12):
        passed(quiet, hour, offset=100 * hour)
    assert quiet.score == pytest.approx(BUDGET.floor)
    stormy = Threshold(BUDGET, epoch=1)
    for hour in range(12):
        passed(stormy, hour / 60, offset=100 * hour, alert=True)
    assert stormy.score == pytest.approx(BUDGET.ceiling)
    assert stormy.score <= BUDGET.ceiling
    floor, ceiling = logit(quiet.score), logit(stormy.score)
    quiet.move(2000, START, True)
    passed(stormy, 1, offset=2000)
    assert logit(quiet.score) == pytest.approx(floor + BUDGET.step), "at the first alert"
    assert logit(stormy.score) < ceiling - 0.7 * SPEED, "within an hour"


def test_a_gap_counts_for_an_hour_however_long_it_was():
    short, long = (passed(Threshold(BUDGET, epoch=1), 0) for _ in range(2))
    passed(short, 1, offset=100)
    passed(long, 100, offset=100)
    assert short.score == long.score < 0.5


def test_while_a_backlog_is_read_it_holds():
    threshold = passed(passed(Threshold(BUDGET, epoch=1), 0), 30, offset=100)
    passed(threshold, 10, offset=200)  # from the middle one of these on
    held = threshold.score, threshold.alerts_per_hour
    passed(threshold, 20, offset=300, alert=True)
    assert (threshold.score, threshold.alerts_per_hour) == held
    assert threshold.seen_through == 300 + LATEST - 1
    passed(threshold, 30, offset=400, alert=True)
    assert threshold.score > held[0]


def test_the_alerts_an_hour_are_those_of_the_last_hours(seed: int):
    threshold = Threshold(BUDGET, epoch=1)
    assert threshold.alerts_per_hour is None
    for offset in range(24 * 60):
        threshold.move(offset, START + offset * HOUR_MS // 60, alert=offset % 6 == 0)
    assert threshold.alerts_per_hour == pytest.approx(10, rel=0.1)


@settings(deadline=None)
@given(
    log=st.lists(st.tuples(st.integers(-3 * HOUR_MS, 5 * HOUR_MS), st.booleans()), max_size=40),
    crashes=st.dictionaries(st.integers(0, 39), st.integers(1, 40), max_size=4),
)
def test_whatever_is_replayed_the_bytes_are_those_without(log, crashes):
    """Stored and opened again for each event; replayed decisions may differ from the first ones."""
    stored = undisturbed = None
    for offset, (time, alert) in enumerate(log):
        for n in [*range(max(0, offset - crashes.get(offset, 0)), offset), offset]:
            at, flagged = START + log[n][0], alert if n == offset else not log[n][1]
            threshold = Threshold.decode(stored, BUDGET, 1)
            assert threshold.move(n, at, flagged) is (n == offset)
            stored = threshold.encode()
        threshold = Threshold.decode(undisturbed, BUDGET, 1)
        threshold.move(offset, START + time, alert)
        undisturbed = threshold.encode()
        assert stored == undisturbed


def test_in_a_new_epoch_offsets_start_again_and_the_threshold_goes_on():
    old = passed(Threshold(BUDGET, epoch=1), 0, offset=50, alert=True)
    new = Threshold.decode(old.encode(), BUDGET, epoch=2)
    assert new.score == old.score > 0.5
    assert new.move(0, START, True)
    assert new.seen_through == 0


def test_another_budget_goes_on_from_where_the_threshold_is():
    high = Threshold(BUDGET, epoch=1)
    passed(high, 0, alert=True)
    tighter = BUDGET._replace(floor=0.2, ceiling=0.6)
    assert Threshold.decode(high.encode(), tighter, 1).score == 0.6


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (Threshold(BUDGET, epoch=2).encode(), "of epoch 2, but this worker's is 1"),
        (b"\x02" + Threshold(BUDGET, epoch=1).encode()[1:], "format 2, which is newer"),
        (b"", "damaged"),
        (b"\x01", "damaged"),
        (passed(Threshold(BUDGET, epoch=1), 0).encode()[: HEAD.size + 3], "damaged"),
        (HEAD.pack(1, 1, 0, math.nan, 0, 0.0, 0.0, 0), "holds what is no number"),
    ],
    ids=["a later epoch", "a later format", "nothing", "cut at once", "cut later", "not a number"],
)
def test_what_cannot_be_read_is_named(raw: bytes, words: str):
    with pytest.raises(StateError, match=words):
        Threshold.decode(raw, BUDGET, epoch=1)
