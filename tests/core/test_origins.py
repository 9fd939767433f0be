"""Origins that are far ahead: one that was made up silences no partition."""

import pytest

from app.core.fold import LearningState
from app.core.folding import fold_entry
from app.core.messages import Origin
from app.core.origins import FAR
from tests.core.samples import example, state


def counted(*origins: Origin, into: LearningState | None = None) -> list[bool]:
    into = into or state()
    return [
        fold_entry(into, example(n, origin), into.version + n) for n, origin in enumerate(origins)
    ]


NEAR, AWAY, VERY = Origin(1, 0, 5), Origin(1, 0, 6 + FAR), Origin(1, 0, 9 * FAR)


@pytest.mark.parametrize(
    ("origins", "count"),
    [
        ((NEAR, Origin(1, 0, 5 + FAR)), [True, True]),
        ((NEAR, AWAY, Origin(1, 0, 6)), [True, False, True]),
        ((NEAR, AWAY, AWAY, Origin(1, 0, 7 + FAR)), [True, False, True, True]),
        ((NEAR, AWAY, Origin(1, 0, 8 + FAR)), [True, False, True]),
        ((NEAR, AWAY, Origin(1, 1, 3), AWAY), [True, False, True, True]),
        ((NEAR, VERY, Origin(1, 0, 6), VERY), [True, False, True, False]),
        ((NEAR, VERY, AWAY, AWAY), [True, False, False, True]),
        ((NEAR, Origin(11, 0, 0)), [True, True]),
        ((NEAR, Origin(12, 0, 0), Origin(12, 0, 0)), [True, False, True]),
        ((AWAY, AWAY), [False, True]),
        ((Origin(20261130, 0, 0), Origin(20261130, 0, 0)), [False, True]),
        (
            (Origin(1, 0, 3 * FAR), Origin(1, 0, 3 * FAR), Origin(2, 0, 3 * FAR)),
            [False, True, True],
        ),
    ],
    ids=[
        "as far as may be",
        "one that is further is passed over, and the partition goes on",
        "said again it counts",
        "so does the next one behind it",
        "another partition's in between do not matter",
        "one of its own does",
        "two that are far from one another",
        "an epoch as far as may be",
        "further epochs are said twice",
        "so is a first offset",
        "and a first epoch",
        "offsets that go on in a new epoch",
    ],
)
def test_one_origin_that_is_far_ahead_silences_no_partition(origins, count):
    assert counted(*origins) == count


def test_what_was_said_once_is_part_of_a_snapshot():
    one, other = state(), state()
    assert counted(NEAR, AWAY, into=one) == [True, False]
    other.load(one.parts())
    assert counted(AWAY, into=other) == [True]
