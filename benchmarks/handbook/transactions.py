"""The Handbook's stream as columns."""

from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Matrix: TypeAlias = NDArray[Any]  # features, (transactions, features), NaN where there is none

FILE = "handbook_2018-04-01_2018-08-14.parquet"
DAY = 86_400  # seconds


class Transactions(NamedTuple):
    """Transactions in the order of the file, which is that of their times; one value each."""

    at: Ints  # seconds since 1970, UTC
    customer: Ints
    merchant: Ints
    cents: Ints
    fraud: Flags

    @property
    def day(self) -> Ints:
        """Days since 1970."""
        return self.at // DAY


def read_transactions(folder: Path) -> Transactions:
    """The Handbook's transactions in a data folder.

    Raises
    ------
    FileNotFoundError
        The folder has no such file.
    """
    from pyarrow.parquet import read_table

    names = ["TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"]
    at, customer, merchant, amount, fraud = _columns(read_table(folder / FILE, columns=names))
    return Transactions(
        at.astype("datetime64[s]").astype(np.int64),
        customer.astype(np.int64),
        merchant.astype(np.int64),
        # Sums of cents are exact, so a window's sum may be a difference of two running sums.
        np.rint(100 * amount).astype(np.int64),
        fraud == 1,
    )


def _columns(table: Any) -> list[NDArray[Any]]:
    return [column.to_numpy() for column in table.columns]
