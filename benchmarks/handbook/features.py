"""The Handbook's fifteen features, over the whole stream at once.

Le Borgne, Siblini, Lebichot and Bontempi (2022), Reproducible Machine Learning for Credit
Card Fraud Detection, chapter 3, "Baseline feature transformation".
"""

import numpy as np

from benchmarks.handbook.transactions import DAY, Floats, Ints, Transactions

WINDOWS = (1, 7, 30)  # days
DELAY = 7  # days after which a label is known

NAMES = (
    "TX_AMOUNT",
    "TX_DURING_WEEKEND",
    "TX_DURING_NIGHT",
    *(
        f"CUSTOMER_ID_{what}_{days}DAY_WINDOW"
        for days in WINDOWS
        for what in ("NB_TX", "AVG_AMOUNT")
    ),
    *(f"TERMINAL_ID_{what}_{days}DAY_WINDOW" for days in WINDOWS for what in ("NB_TX", "RISK")),
)


def handbook_features(txs: Transactions) -> Floats:
    """The features of each transaction, shape (transactions, 15), in the order of `NAMES`.

    Of the customer: number and mean amount of the transactions of (t - window, t], this one
    included. Of the terminal: number and share of frauds of those of (t - delay - window,
    t - delay], all of whose labels are known; the share is 0 where there are none.
    """
    weekday = (txs.day + 3) % 7  # 1970-01-01 was a Thursday
    columns = [txs.cents / 100, weekday >= 5, txs.at % DAY // 3600 <= 6]
    own, terminal = Past(txs.customer, txs.at), Past(txs.merchant, txs.at)
    frauds = txs.fraud.astype(np.int64)
    for days in WINDOWS:
        count, cents = own.sums(txs.cents, days * DAY, 0)
        columns += [count, cents / 100 / count]
    for days in WINDOWS:
        count, bad = terminal.sums(frauds, days * DAY, DELAY * DAY)
        columns += [count, bad / np.maximum(count, 1)]
    return np.column_stack(columns).astype(np.float64)


class Past:
    """Windows of time over the rows of each row's own customer, or terminal.

    Parameters
    ----------
    of
        Whose each row is: numbers from 0.
    at
        Seconds, ascending.
    """

    def __init__(self, of: Ints, at: Ints) -> None:
        self._order = np.argsort(of, kind="stable")
        # One ascending axis of time: each customer's is behind the one before, far enough
        # that no window reaches from one into the other.
        apart = int(at[-1] - at[0]) + (DELAY + max(WINDOWS)) * DAY
        self._times = (of * apart + at - at[0])[self._order]

    def sums(self, values: Ints, window: int, delay: int) -> tuple[Ints, Ints]:
        """Number of rows, and sum of their values, in (t - delay - window, t - delay].

        A row without delay sees itself, but no later row of the same second.
        """
        first = np.searchsorted(self._times, self._times - delay - window, side="right")
        end = (
            np.searchsorted(self._times, self._times - delay, side="right")
            if delay
            else np.arange(1, len(self._times) + 1)
        )
        running = np.concatenate(([0], np.cumsum(values[self._order])))
        return self._back(end - first), self._back(running[end] - running[first])

    def _back(self, ordered: Ints) -> Ints:
        """From the order of customers to that of the stream."""
        values = np.empty_like(ordered)
        values[self._order] = ordered
        return values
