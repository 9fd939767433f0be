"""What a life cannot be."""

import pytest

from app.data.life.settings import Life
from app.errors import DataError
from app.units import DAY_MS


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("strategy", "luck", "--strategy luck"),
        ("missed", 1.5, "--missed 1.5 is no share between 0 and 1"),
        ("wrong", -0.1, "--wrong -0.1"),
        ("complain", float("nan"), "--complain nan"),
        ("reviews", -1.0, "--reviews -1"),
        ("reviews", float("inf"), "--reviews inf"),
        ("chargebacks", -1, "--chargebacks -1"),
        ("actors", 0, "--actors 0"),
    ],
)
def test_what_means_nothing_is_named(name: str, value: object, says: str):
    with pytest.raises(DataError) as error:
        Life(**{name: value})
    assert str(error.value).startswith(says)


@pytest.mark.parametrize(
    ("life", "days"),
    [
        (Life(chargebacks=30 * DAY_MS, spread=0.1, maturity=20 * DAY_MS), 33),
        (Life(chargebacks=DAY_MS, maturity=20 * DAY_MS), 20),
        (Life(chargebacks=0, maturity=0), 2),
    ],
)
def test_it_knows_when_the_last_word_on_an_event_is_said(life: Life, days: int):
    assert life.longest >= days * DAY_MS
