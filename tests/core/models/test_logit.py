"""The logistic link is exact at its ends and never overflows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.models.logit import check_features, probabilities, sigmoid
from app.core.models.plain import pack_floats, unpack_floats


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_probability_lies_between_0_and_1_and_both_sum_to_1(logit):
    answer = probabilities(logit)
    assert 0.0 <= answer[True] <= 1.0
    assert answer[True] + answer[False] == 1.0


@given(st.floats(-30, 30))
def test_the_sigmoid_inverts_the_logit(logit):
    p = sigmoid(logit)
    assert math.log(p) - math.log1p(-p) == pytest.approx(logit, abs=1e-2)


@given(st.floats(-700, 700), st.floats(-700, 700))
def test_a_higher_logit_never_has_a_lower_probability(one, other):
    assert sigmoid(min(one, other)) <= sigmoid(max(one, other))


@pytest.mark.parametrize("value", [1e15, -1e15, 0.0, 5e-324])
def test_sizes_up_to_the_limit_may_enter(value):
    check_features({"amount": value})


def test_no_features_may_enter():
    check_features({})


@given(st.lists(st.floats()))
def test_packed_floats_come_back_bit_by_bit(values):
    assert pack_floats(unpack_floats(pack_floats(values))) == pack_floats(values)
    assert [str(value) for value in unpack_floats(pack_floats(values))] == [str(v) for v in values]
