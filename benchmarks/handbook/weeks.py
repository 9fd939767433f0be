"""Test weeks of the Handbook's protocol, and how good scores are on one."""

from collections.abc import Iterable
from datetime import date, timedelta
from statistics import fmean
from typing import NamedTuple

import numpy as np

from app.core.metrics import average_precision, recall_at_review_rate, roc_auc
from app.data.budget import card_precision, unknown
from benchmarks.handbook.transactions import Floats, Ints, Transactions

REVIEWED = 0.005  # share of the transactions that a team reviews
CARDS = 100  # that it reviews a day
EPOCH = date(1970, 1, 1)

# The first days of two times four weeks. Whatever is chosen is chosen on the first four.
FIRST = {"validation": date(2018, 6, 20), "test": date(2018, 7, 18)}


class Quality(NamedTuple):
    """How good the scores of a week are, or of several on average."""

    roc_auc: float
    average_precision: float
    card_precision: float  # share of compromised cards among the CARDS of each day
    recall: float  # share of the frauds among the share REVIEWED of the transactions


class Week(NamedTuple):
    """Seven test days: the rows that are left when known compromised customers are out."""

    first: date
    rows: Ints
    days: Ints
    customers: Ints
    frauds: Floats

    def quality(self, scores: Floats) -> Quality:
        """Of one score for each of the rows."""
        cards = card_precision(self.days, self.customers, self.frauds, scores, CARDS)
        return Quality(
            known(roc_auc(self.frauds, scores)),
            known(average_precision(self.frauds, scores)),
            fmean(cards),
            known(recall_at_review_rate(self.frauds, scores, REVIEWED)),
        )


def week(txs: Transactions, first: date) -> Week:
    """The test week that begins on a day."""
    rows = np.flatnonzero(unknown(txs.day, txs.customer, txs.fraud, number(first)))
    return Week(first, rows, txs.day[rows], txs.customer[rows], txs.fraud[rows].astype(np.float64))


def four_weeks(txs: Transactions, first: date) -> list[Week]:
    """The four weeks of which the first begins on a day."""
    return [week(txs, first + timedelta(days=7 * later)) for later in range(4)]


def between(txs: Transactions, first: date, end: date) -> Ints:
    """Rows of the days from `first` up to and without `end`."""
    start, stop = np.searchsorted(txs.day, [number(first), number(end)])
    return np.arange(start, stop)


def mean(qualities: Iterable[Quality]) -> Quality:
    """Mean of each figure."""
    return Quality(*map(fmean, zip(*qualities, strict=True)))


def number(day: date) -> int:
    """Days since 1970.

    >>> number(date(1970, 1, 8))
    7
    """
    return (day - EPOCH).days


def known(figure: float | None) -> float:
    """A figure of a week, which has frauds and other transactions."""
    assert figure is not None
    return figure
