"""Labels and decisions for the tests of what is said of a transaction."""

from app.core.labels import LabelEntry, Revision, decode_entry
from app.core.settling import DAY_MS, Known, settle
from app.messages import (
    Example,
    Feedback,
    ModelUsed,
    Origin,
    Prediction,
    Source,
    read_example,
)

NOW = 100 * DAY_MS  # when a record was written, unless a test says otherwise


def decision(tx: str = "t1", customer: str = "c1") -> Prediction:
    return Prediction(
        id=tx,
        customer=customer,
        merchant=f"m of {tx}",
        location="DE",
        amount=20.0,
        at=NOW,
        score=0.25,
        threshold=0.75,
        decision="approve",
        reasons=[],
        mode="rules",
        model=ModelUsed("binned", "both", 7),
        features={"amount": 20.0},
        source=Source(0, 3),
        engine="e1",
    )


def said(label: str, source: str = "analyst", at: int | None = None, **more: str) -> Feedback:
    return Feedback(**{"id": "t1", "customer": "c1", **more}, label=label, source=source, at=at)


def known(offset: int, recorded: int = NOW) -> Known:
    return Known(Origin(1, 0, offset), recorded)


def tell(entry: LabelEntry, *labels: Feedback) -> list[Revision | None]:
    """Settle labels of a decided transaction, one record each."""
    first = len(entry.revisions)
    return [settle(entry, one, known(first + n), decision()) for n, one in enumerate(labels)]


def taught(revision: Revision | None) -> Example | None:
    return read_example(revision.example) if revision is not None and revision.example else None


def entry() -> LabelEntry:
    return decode_entry(None, "c1")
