"""What a team looks at: how much of it, when, and which."""

import pytest

from app.data.life.desk import Desk
from app.data.life.people import Case
from app.data.life.settings import Life
from app.units import DAY_MS, HOUR_MS

AT = 1_700_000_000_000


def nobody(id: str) -> bool:
    return False


def day(desk: Desk, scores: list[float], hours: int = 24) -> list[str]:
    """Cases that come evenly over some hours, and what is taken up, looked at by the hour."""
    taken: list[str] = []
    for hour in range(hours):
        for n in range(hour, len(scores), hours):
            desk.put(Case(f"c{n}", "ann", AT + hour * HOUR_MS, False), scores[n])
        taken += [case.id for case in desk.take(AT + (hour + 1) * HOUR_MS, nobody)]
    return taken


@pytest.mark.parametrize(("reviews", "taken"), [(48.0, 48), (12.0, 12), (1.0, 1), (0.5, 0)])
def test_a_teams_capacity_grows_by_the_hour(reviews: float, taken: int):
    assert len(day(Desk(Life(reviews=reviews)), [0.1] * 2400)) == taken


def test_capacity_that_finds_nothing_is_kept_for_a_day_at_most():
    desk = Desk(Life(reviews=10))
    day(desk, [0.1] * 24)
    assert not desk.take(AT + 10 * DAY_MS, nobody)
    later = AT + 10 * DAY_MS + 1
    for n in range(100):
        desk.put(Case(f"later{n}", "ann", later, False), 0.5)
    assert len(desk.take(later, nobody)) == 10


@pytest.mark.parametrize(
    ("strategy", "first"),
    [("risk", ["c9", "c8", "c7"]), ("uncertain", ["c5", "c4", "c6"])],
)
def test_a_strategy_says_what_is_taken_up_first(strategy: str, first: list[str]):
    desk = Desk(Life(reviews=3, strategy=strategy))
    for n in range(10):
        desk.put(Case(f"c{n}", "ann", AT, False), n / 10 + 0.001 * (n > 5))
    taken = []
    for hour in range(25):
        taken += [case.id for case in desk.take(AT + hour * HOUR_MS - 1, nobody)]
    assert taken == first[:2]  # the third is due when all are a day old


def test_with_some_at_random_each_tenth_review_is_one_and_none_comes_twice():
    scores = [n / 24_000 for n in range(24_000)]
    by_risk = day(Desk(Life(reviews=240)), scores)
    mixed = day(Desk(Life(reviews=240, strategy="risk+random")), scores)
    other = day(Desk(Life(reviews=240, strategy="risk+random", seed=2)), scores)
    assert len(set(mixed)) == len(mixed) == 240
    drawn = mixed[9::10]
    assert drawn != other[9::10]
    places = [int(id[1:]) for id in drawn]
    assert 0.3 < sum(places) / len(places) / 24_000 < 0.7
    assert len(set(by_risk) & set(mixed)) >= 200


def test_what_is_a_day_old_or_was_spoken_of_is_not_taken_up():
    desk = Desk(Life(reviews=24))
    for n in range(3):
        desk.put(Case(f"c{n}", "ann", AT + n * HOUR_MS, False), 0.9 - n / 10)
    taken = desk.take(AT + DAY_MS, "c1".__eq__)
    assert [case.id for case in taken] == ["c2"]


def test_it_forgets_what_is_too_old():
    desk = Desk(Life(reviews=24, strategy="risk+random"))
    for n in range(1000):
        desk.put(Case(f"c{n}", "ann", AT + n * HOUR_MS, False), 0.5)
        desk.take(AT + n * HOUR_MS, nobody)
    assert len(desk._ranked) + len(desk._drawn) + len(desk._taken) < 150
