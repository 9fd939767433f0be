"""Small streams in the shape of the Handbook's."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.handbook.transactions import FILE, Transactions

FIRST = datetime(2018, 4, 1)


def stream(seed: int, days: int, a_day: int, customers: int = 400) -> Transactions:
    """Transactions from 2018-04-01 on; some 5 % are fraud and most of those large."""
    random = np.random.default_rng(seed)
    count = days * a_day
    start = int((FIRST - datetime(1970, 1, 1)).total_seconds())
    at = start + np.sort(random.integers(0, days * 86_400, count))
    fraud = random.random(count) < 0.05
    cents = np.where(
        fraud, random.integers(8_000, 40_000, count), random.integers(1, 10_000, count)
    )
    people = random.integers(0, customers, count), random.integers(0, 50, count)
    return Transactions(at, *people, cents, fraud)


def write(txs: Transactions, folder: Path) -> Path:
    """The stream as the file that the benchmark reads; returns the folder."""
    import pyarrow
    from pyarrow.parquet import write_table

    columns = {
        "TRANSACTION_ID": np.arange(len(txs.at)),
        "TX_DATETIME": txs.at.astype("datetime64[s]").astype("datetime64[ns]"),
        "CUSTOMER_ID": txs.customer.astype(np.int16),
        "TERMINAL_ID": txs.merchant.astype(np.int16),
        "TX_AMOUNT": txs.cents / 100,
        "TX_FRAUD": txs.fraud.astype(np.int8),
        "TX_FRAUD_SCENARIO": txs.fraud.astype(np.int8),
    }
    write_table(pyarrow.table(columns), folder / FILE)
    return folder


def on(day: int) -> datetime:
    """The beginning of a day, counted from 0 at FIRST."""
    return FIRST + timedelta(days=day)
