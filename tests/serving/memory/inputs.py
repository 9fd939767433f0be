"""Transactions and labels of the tests in memory, and their time."""

from typing import Any

from app.streams.fraud.messages import Feedback, Transaction

NOW = 1_700_000_000_000  # epoch ms
MINUTE = 60_000
PARTITION = 0  # the one of two that workers hold
OURS, THEIRS = ("ann", "bob", "cid"), "dan"  # customers by partition


def payment(n: int, customer: str = "ann", **more: Any) -> Transaction:
    """The n-th transaction, in its minute."""
    usual = {"id": f"t{n}", "at": NOW + n * MINUTE, "merchant": f"m{n % 3}", "amount": 20.0 + n % 7}
    return Transaction(**{**usual, **more}, customer=customer)


def said(n: int, label: str, source: str = "analyst", later: int = 0, **more: Any) -> Feedback:
    """A label of the n-th transaction, so many ms after it."""
    usual = {"id": f"t{n}", "key": "ann", "at": NOW + n * MINUTE + later}
    return Feedback(**{**usual, **more}, label=label, source=source)
