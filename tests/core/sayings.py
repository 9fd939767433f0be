"""Labels and decisions for the tests of what is said of a transaction."""

from functools import partial

from app.core import settling
from app.core.labels import LabelEntry, Revision, decode_entry
from app.core.messages import ModelUsed, Origin, Source
from app.core.settling import Received
from app.streams.fraud.messages import Example, Feedback, Prediction, read_example
from app.units import DAY_MS
from tests.cards import cards

NOW = 100 * DAY_MS  # when a record was written, unless a test says otherwise
CARDS = cards()
LABELS = CARDS.labels
settle = partial(settling.settle, CARDS)
again = partial(settling.again, CARDS)


def decision(tx: str = "t1", key: str = "c1") -> Prediction:
    return Prediction(
        id=tx,
        key=key,
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
    return Feedback(**{"id": "t1", "key": "c1", **more}, label=label, source=source, at=at)


def known(offset: int, recorded: int = NOW) -> Received:
    return Received(Origin(1, 0, offset), recorded)


def tell(entry: LabelEntry, *labels: Feedback) -> list[Revision | None]:
    """Settle labels of a decided transaction, one record each."""
    first = len(entry.revisions)
    return [settle(entry, one, known(first + n), decision()) for n, one in enumerate(labels)]


def taught(revision: Revision | None) -> Example | None:
    return read_example(revision.example) if revision is not None and revision.example else None


def entry() -> LabelEntry:
    return decode_entry(None, "c1")
