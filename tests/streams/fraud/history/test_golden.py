"""The Fraud Detection Handbook's own customer features, on every row of three weeks."""

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.history.ring import Event

STREAM = "handbook_2018-04-01_2018-08-14.parquet"
GOLDEN = "handbook_golden_features_2018-07-25_2018-08-14.parquet"
FIRST_DAY = datetime(2018, 7, 25)
WIDTHS = (1, 7, 30)  # days: the last three of History's windows
LIMITS = Limits(events=256, replay=0, labels=1)

# Customer 3414 pays twice in one second, and the Handbook's sort put the second payment first.
SWAPPED = {1_240_489: 1_240_490, 1_240_490: 1_240_489}


class Row(NamedTuple):
    """One transaction of the stream; ids are numbered in the order of time."""

    id: int
    customer: int
    merchant: int
    at: int
    amount: float


def stream(path: Path, since: datetime) -> list[Row]:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the data extra")
    names = ["TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME", "TX_AMOUNT"]
    table = parquet.read_table(path, columns=names, filters=[("TX_DATETIME", ">=", since)])
    columns = {name: table[name].to_numpy() for name in names}
    columns["TX_DATETIME"] = columns["TX_DATETIME"].astype("datetime64[ms]").astype(np.int64)
    rows = map(Row._make, zip(*(columns[name].tolist() for name in names), strict=True))
    return sorted(rows, key=offset_of)


def offset_of(row: Row) -> int:
    return SWAPPED.get(row.id, row.id)


def customer_features(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Counts and means over 1, 7, 30 days with the transaction itself, by id in three weeks."""
    histories: dict[int, History] = defaultdict(lambda: History(1, LIMITS))
    first = round((FIRST_DAY - datetime(1970, 1, 1)).total_seconds() * 1000)
    features = {}
    # 31 days before the first golden day: the longest window needs no more.
    for row in stream(path, since=FIRST_DAY - timedelta(days=31)):
        history, offset = histories[row.customer], offset_of(row)
        if row.at >= first:
            windows = history.before(offset).windows(row.at)[3:]
            counts = [count + 1 for count, _ in windows]
            sums = [total + row.amount for _, total in windows]
            features[row.id] = counts, [s / n for s, n in zip(sums, counts, strict=True)]
        history.insert(Event(offset, row.id, row.at, row.amount, row.merchant))
    counts, means = zip(*(features[id] for id in sorted(features)), strict=True)
    return np.array(counts), np.array(means)


@pytest.mark.data
def test_customer_counts_and_means_equal_the_published_ones_on_every_row(data_folder):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the data extra")
    golden = parquet.read_table(data_folder / GOLDEN)
    counts, means = customer_features(data_folder / STREAM)
    assert len(counts) == golden.num_rows == 201_295
    for i, days in enumerate(WIDTHS):
        published = golden[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"].to_numpy()
        assert np.array_equal(counts[:, i], published)
        published = golden[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"].to_numpy()
        # Published in 32 bits, from rolling sums that leave 1e-13 where all amounts are 0.
        np.testing.assert_allclose(means[:, i], published, rtol=1.2e-7, atol=1e-12)
