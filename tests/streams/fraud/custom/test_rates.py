"""Rates by amount: what they count, correct, and keep over a dump."""

from fractions import Fraction
from math import exp, log
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.messages import Previous
from app.errors import SnapshotError
from app.streams.fraud.custom.amounts import EIGHTH, eighth_of
from app.streams.fraud.custom.rates import END, PRIOR, USUAL, Rates, cell_of
from app.units import DAY_MS
from tests.streams.fraud.test_merchants import example

BASE = 0.25
FOOD, FUEL = 12345, 67890  # hashes
steps = st.integers(0, 27) | st.just(USUAL)


def taught(*said: Any, words: dict[str, int] | None = None) -> Rates:
    rates = Rates(["category"])
    for one in said:
        rates.learn(one, {"category": FOOD} if words is None else words, one.known)
    return rates


def paid(y: int | None, amount: float = 20.0, **more: Any) -> Any:
    return msgspec.structs.replace(example(y), x={"amount": amount}, **more)


def smoothed(frauds: float, labels: float) -> float:
    return (frauds + PRIOR * BASE) / (labels + PRIOR)


def test_a_rate_is_of_the_word_and_the_half_octave_of_the_amount():
    rates = taught(paid(1), paid(0), paid(0, amount=22.0), paid(1, amount=80.0))
    # 16 to 22.6 is the ninth half-octave above 1.
    assert rates.of_word("category", FOOD, 9, BASE) == smoothed(1, 3)
    assert rates.of_word("category", FOOD, 8, BASE) == BASE
    assert rates.of_word("category", FUEL, 9, BASE) == BASE
    assert rates.of_merchant(paid(1).merchant, 21.0, BASE) == smoothed(1, 3)
    assert rates.of_merchant("another", 21.0, BASE) == BASE


def test_what_is_usual_is_of_the_word_whatever_the_amounts_and_labels_say():
    rates = taught(paid(0, amount=20.0), paid(1, amount=80.0), paid(0, amount=40.0, w=4.0))
    assert rates.usual("category", FOOD, 40.0) == pytest.approx(0)
    assert rates.usual("category", FOOD, 400.0) == pytest.approx(log(10), abs=EIGHTH)
    assert rates.usual("category", FUEL, 40.0) is None


@given(
    st.lists(
        st.tuples(st.floats(0, 1e9), st.sampled_from([2.0**power for power in range(-6, 7)])),
        min_size=1,
        max_size=20,
    ),
    st.floats(0, 1e9),
)
def test_what_is_usual_is_the_exact_mean_of_logarithms_and_is_taken_back_whole(said, amount):
    labels = [paid(0, amount=paid_, w=w) for paid_, w in said]
    rates = taught(*labels)
    total = sum(Fraction(w) * eighth_of(paid_) for paid_, w in said)
    mean = total / sum(Fraction(w) for _, w in said)
    expected = EIGHTH * (eighth_of(amount) - float(mean))
    assert rates.usual("category", FOOD, amount) == pytest.approx(expected, abs=1e-9)
    for one in labels:
        gone = Previous(0, one.w, one.known // DAY_MS)
        rates.learn(
            msgspec.structs.replace(one, y=None, previous=gone), {"category": FOOD}, one.known
        )
    assert rates.usual("category", FOOD, amount) is None


@given(st.floats(0.01, 1e7), st.floats(0.01, 1e7))
def test_eighths_are_logarithms_that_are_whole(one, other):
    apart = EIGHTH * (eighth_of(one) - eighth_of(other))
    assert abs(apart - log(one / other)) <= EIGHTH + 1e-5
    assert exp(EIGHTH) ** 8 == pytest.approx(2)


@pytest.mark.parametrize("weight", [0.25, 1.0, 4.0, 64.0])
def test_a_correction_leaves_what_was_right_from_the_start(weight):
    wrong = paid(0, w=weight)
    right = paid(1, previous=Previous(0, weight, wrong.known // DAY_MS))
    assert list(taught(wrong, right).parts()) == list(taught(paid(1)).parts())
    gone = paid(None, previous=Previous(0, weight, wrong.known // DAY_MS))
    assert taught(wrong, gone).of_word("category", FOOD, 9, BASE) == BASE
    assert taught(wrong, gone).usual("category", FOOD, 20.0) is None


def test_an_example_without_an_amount_or_of_another_word_is_in_no_cell():
    assert len(taught(msgspec.structs.replace(example(1), x={}))) == 0
    rates = taught(paid(1), words={"channel": FOOD})
    assert (len(rates), rates.of_word("category", FOOD, 9, BASE)) == (1, BASE)


@given(st.integers(0, 2**63 - 1), steps, steps)
def test_the_steps_of_a_word_are_different_cells(hash, one, other):
    cells = cell_of(hash, one), cell_of(hash, other)
    assert (cells[0] == cells[1]) == (one == other)
    assert all(0 <= cell < 2**64 for cell in cells)


def test_a_dump_comes_back_and_what_follows_is_left():
    rates = taught(paid(1), paid(0, amount=2.0))
    rest = iter([*rates.parts(), b"merchants"])
    copy = Rates(["category"])
    copy.load(rest)
    assert next(rest) == b"merchants"
    assert list(copy.parts()) == list(rates.parts())


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([], "the rates by amount are missing"),
        ([b"mer3" + bytes(24)], "the rates by amount are missing"),
        ([b"rat7\2\0\0\0"], "is of format 7, which is newer"),
        ([b"rat1\1\0\0\0", END], "of other words"),
        ([b"rat1\2\0\0\0", b"\0"], "end early"),
        ([b"rat1\2\0\0\0", b"\2abc", END], "end early"),
        ([b"rat1\2\0\0\0", b"\1abc", END], "cut short"),
    ],
)
def test_what_is_no_dump_is_refused(parts, why):
    with pytest.raises(SnapshotError, match=why):
        Rates(["category"]).load(parts)
