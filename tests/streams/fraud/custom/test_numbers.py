"""Edges among quantiles: fixed once, from the first examples that have the number."""

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import SnapshotError
from app.streams.fraud.custom.numbers import FIRST, MOST, TOGETHER, Numbers, edges_of

values = st.floats(-1e18, 1e18) | st.integers(-3, 3).map(float)


def filled(count: int) -> Numbers:
    numbers = Numbers(["age", "score"])
    for id in range(count):
        numbers.learn(id, {"age": float(id % 90), "other": 1.0})
    return numbers


@given(st.lists(values, min_size=1, max_size=200))
def test_edges_lie_between_values_that_were_seen(seen):
    edges = edges_of(seen)
    assert len(edges) <= MOST and edges == sorted(set(edges))
    for edge in edges:
        assert min(seen) < edge <= max(seen)
    bins = [bisect_right(edges, value) for value in seen]
    assert set(bins) == set(range(len(edges) + 1)), "a bin without a value"


@given(st.lists(values, min_size=9, max_size=200, unique=True))
def test_distinct_values_are_spread_evenly(seen):
    edges = edges_of(seen)
    counts = [sum(bisect_right(edges, one) == n for one in seen) for n in range(MOST + 1)]
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("seen", "edges"),
    [
        ([1.0] * 50, []),
        ([0.0] * 95 + [1.0] * 5, [0.5]),
        ([0.0] * 5 + [1.0] * 95, [0.5]),
        (
            [0.0] * 90 + [float(n) for n in range(1, 17)],
            [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5],
        ),
        ([5e-324, 0.0], [5e-324]),
    ],
)
def test_a_value_that_many_share_is_a_bin_of_its_own(seen, edges):
    assert edges_of(seen) == edges


def test_there_are_no_edges_before_a_thousand_examples_and_the_same_ever_after():
    numbers = filled(FIRST - 1)
    assert numbers.place("age", 45.0) is None
    numbers.learn(5, {"age": 1e9})  # a correction of an example that was counted
    assert numbers.place("age", 45.0) is None
    numbers.learn(FIRST, {"age": 10.0})
    assert (numbers.place("age", -1.0), numbers.place("age", 45.0)) == (0.0, 4.0)
    edges = numbers.edges("age")
    for id in range(2 * FIRST, 3 * FIRST):
        numbers.learn(id, {"age": 1e6})
    assert numbers.edges("age") == edges
    assert numbers.place("score", 1.0) is None


def test_numbers_that_are_complete_at_once_are_fixed_by_one_example_after_the_other():
    names = [f"n{n}" for n in range(5)]
    numbers = Numbers(names)
    for id in range(FIRST + 2):
        numbers.learn(id, dict.fromkeys(names, float(id)))
        fixed = sum(numbers.edges(name) is not None for name in names)
        assert fixed == max(0, min(5, TOGETHER * (id + 2 - FIRST)))
    assert numbers.edges("n0") == numbers.edges("n4")


@pytest.mark.parametrize("count", [0, 1, FIRST - 1, FIRST, FIRST + 1])
def test_a_dump_goes_on_as_what_was_dumped(count):
    numbers, copy = filled(count), Numbers(["age", "score"])
    parts = [*numbers.parts(), b"of somebody else"]
    rest = iter(parts)
    copy.load(rest)
    assert next(rest) == parts[-1] and max(map(len, parts)) <= 16_001
    for one in (numbers, copy):
        for id in range(500, FIRST + 2):
            one.learn(id, {"age": float(id)})
    assert list(copy.parts()) == list(numbers.parts())
    assert copy.edges("age") == numbers.edges("age")


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([], "the quantiles of numbers are missing"),
        ([b"mer3"], "the quantiles of numbers are missing"),
        ([b"num9\2\0\0\0"], "is of format 9, which is newer"),
        ([b"num1\1\0\0\0"], "the quantiles are of other numbers"),
        ([b"num1\2\0\0\0", b"e123"], "cut short"),
        ([b"num1\2\0\0\0"], "cut short"),
    ],
)
def test_what_is_no_dump_is_refused(parts, why):
    with pytest.raises(SnapshotError, match=why):
        Numbers(["age", "score"]).load(parts)
