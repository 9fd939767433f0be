"""Card payments as tests of pages know them."""

from app.core.hashing import hash64
from app.core.messages import ModelUsed, Origin, Previous, Reason, Source
from app.streams.fraud.history.record import Event, History, Limits
from app.streams.fraud.messages import Example, Feedback, Prediction

AT = 1_767_225_600_000


def history() -> History:
    """Three payments at m1, of which the last one is a fraud."""
    record = History(1, Limits(events=8, replay=4, labels=4))
    for offset, amount in enumerate([10.0, 12.5, 300.0]):
        record.insert(Event(offset, hash64(f"t{offset}"), AT + offset, amount, hash64("m1")))
    record.learn_label(hash64("t2"), Origin(1, 0, 7), AT + 9, True)
    return record


def prediction(tx: str, customer: str, merchant: str = "m1", **more: object) -> Prediction:
    """A payment that goes to review."""
    fields: dict = {"features": {"amount": 300.0, "hour": 3.0}, "at": AT, **more}
    return Prediction(
        id=tx,
        key=customer,
        merchant=merchant,
        location="DE",
        amount=300.0,
        score=0.83,
        threshold=0.625,
        decision="review",
        reasons=[Reason("amount_log_ratio", 2.5, "amount is 25.0 times the typical amount")],
        mode="model",
        model=ModelUsed("binned", "both", 17),
        source=Source(0, 2),
        engine="0-test",
        **fields,
    )


def said(label: str, tx: str = "t2", customer: str = "c1", at: int = AT, **more: str) -> Feedback:
    """What an analyst says of a payment, unless another source is given."""
    return Feedback(**{"source": "analyst", **more}, id=tx, key=customer, label=label, at=at)


def example(
    y: int | None, offset: int = 0, previous: Previous | None = None, **more: object
) -> Example:
    """What was learned of a payment, from the label at an offset of partition 0."""
    fields: dict = {"threshold": None, "merchant": "m1", "x": {"amount": 300.0}, **more}
    return Example(
        id=f"t{offset}",
        y=y,
        w=1.0,
        previous=previous,
        score=0.3,
        version=0,
        location="DE",
        at=AT,
        known=AT,
        origin=Origin(1, 0, offset),
        end_of_step=True,
        **fields,
    )
