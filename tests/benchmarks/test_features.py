"""The Handbook's features: against their definition row by row, and against its own file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.handbook.features import NAMES, handbook_features
from benchmarks.handbook.transactions import DAY, Transactions, read_transactions

GOLDEN = "handbook_golden_features_2018-07-25_2018-08-14.parquet"
MONDAY = 17_623  # 2018-04-02, in days since 1970


@st.composite
def streams(draw: st.DrawFn) -> Transactions:
    """A few customers and terminals over 60 days, many at the edges of windows."""
    moments = st.builds(
        lambda days, seconds: (MONDAY + days) * DAY + seconds,
        st.integers(0, 60),
        st.sampled_from([0, 1, 7 * 3600 - 1, 7 * 3600, DAY - 1]),
    )
    at = np.array(sorted(draw(st.lists(moments, min_size=1, max_size=40))))
    numbers = st.lists(st.integers(0, 2), min_size=len(at), max_size=len(at))
    cents = st.lists(st.integers(0, 99_999), min_size=len(at), max_size=len(at))
    who, where, amounts, frauds = draw(numbers), draw(numbers), draw(cents), draw(numbers)
    return Transactions(
        at, np.array(who), np.array(where), np.array(amounts), np.array(frauds) == 1
    )


def defined(txs: Transactions, row: int) -> list[float]:
    """The features of a row, as the book's text has them."""
    at, upto = txs.at[row], np.arange(len(txs.at)) <= row
    x = [txs.cents[row] / 100, (at // DAY + 3) % 7 >= 5, at % DAY <= 7 * 3600 - 1]
    for days in (1, 7, 30):
        seen = upto & (txs.customer == txs.customer[row]) & (txs.at > at - days * DAY)
        x += [seen.sum(), txs.cents[seen].mean() / 100]
    for days in (1, 7, 30):
        known = (txs.merchant == txs.merchant[row]) & (txs.at <= at - 7 * DAY)
        known &= txs.at > at - (7 + days) * DAY
        x += [known.sum(), txs.fraud[known].mean() if known.any() else 0.0]
    return [float(value) for value in x]


@settings(max_examples=60, deadline=None)
@given(streams())
def test_each_row_sees_its_own_windows_and_labels_a_week_late(txs):
    expected = [defined(txs, row) for row in range(len(txs.at))]
    np.testing.assert_allclose(handbook_features(txs), expected, rtol=1e-14)


@pytest.mark.data
def test_the_features_are_those_of_the_handbook_to_the_last_digit(data_folder: Path):
    from pyarrow.parquet import read_table

    txs = read_transactions(data_folder)
    golden = read_table(data_folder / GOLDEN)
    rows = golden["TRANSACTION_ID"].to_numpy()
    ours = handbook_features(txs)[rows]
    # Of two transactions of a customer in one second the Handbook may count either first.
    moments = txs.customer * 2**40 + txs.at
    _, place, times = np.unique(moments, return_inverse=True, return_counts=True)
    alone = (times[place] == 1)[rows]
    assert (~alone).sum() < 100
    for column, name in enumerate(NAMES):
        theirs = golden[name].to_numpy()[alone]
        same = ours[alone, column].astype(theirs.dtype)
        # Exact, but for what rounding left there of sums that are 0.
        np.testing.assert_allclose(same, theirs, rtol=0, atol=1e-12, err_msg=name)
