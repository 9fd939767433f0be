"""Card payments on the wire, and what is decided, said and learned about them."""

from collections.abc import Container
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from app.core import messages
from app.core.labels import Labels, feedback_reader
from app.core.messages import (
    Binary,
    Count,
    Decision,
    Mode,
    ModelUsed,
    Origin,
    Previous,
    Reason,
    Share,
    Source,
    Time,
    Weight,
)
from app.errors import Refused
from app.pan import CARD_FIELDS
from app.streams.fraud.own_fields import COLUMNS, Numbers, Own, Raw, Words, check_fields
from app.wire import Id, Instant, Word, check_texts, decode, epoch_ms, texts_of

# Larger than any card payment, small enough that a running mean survives it.
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Label = Literal["fraud", "legit", "unsure", "none"]

LABELS = Labels(
    teaches={"fraud": 1, "legit": 0},
    ranks={"chargeback": 4, "analyst": 3, "customer": 2, "stream": 1, "maturity": 0},
)


class Transaction(Struct, kw_only=True):
    """A card payment to judge, keyed by customer."""

    id: Id
    at: Instant
    customer: Id
    merchant: Id
    amount: Amount
    currency: Word = ""
    category: Word = ""
    channel: Word = ""
    country: Word = ""
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    device: Word = ""
    ip: Word = ""
    fields: Own | UnsetType = UNSET
    label: Label | None = None

    @property
    def own(self) -> Own:
        """Its own fields: a text or a number each, nan for what is neither."""
        return self.fields or {}

    @property
    def raw(self) -> dict[str, str | float]:
        """Its words and numbers by name: the columns that are words, and its own fields."""
        raw = {name: value for name, value in self.own.items() if value == value}
        for name in COLUMNS:
            if text := getattr(self, name):
                raw[name] = text
        return raw

    @property
    def key(self) -> str:
        """The customer."""
        return self.customer

    @property
    def location(self) -> str:
        """Where it happened, coarsely: the country, else the degree cell, else ''."""
        if self.country or self.lat is None or self.lon is None:
            return self.country
        return f"{self.lat:.0f},{self.lon:.0f}"


class Feedback(messages.Feedback, kw_only=True):
    """What somebody says about a transaction; its key is the customer."""

    key: Id = field(name="customer")


class Prediction(messages.Prediction, kw_only=True):
    """The decision on a transaction; its key is the customer.

    `fields` holds the words and numbers of the transaction as they came.
    """

    id: str
    key: str = field(name="customer")
    merchant: str
    location: str
    amount: float
    at: Time
    score: Share
    threshold: Share | None = None
    decision: Decision
    reasons: list[Reason]
    mode: Mode
    model: ModelUsed
    features: dict[str, float]
    source: Source
    engine: str
    fields: Raw | UnsetType = UNSET

    @property
    def raw(self) -> dict[str, str | float]:
        """The words and numbers of the transaction by name."""
        return self.fields or {}


class Example(messages.Example, kw_only=True, tag_field="kind", tag="example"):
    """A settled label of a transaction, with what merchants' statistics need.

    `words` are keyed hashes of the transaction's words, see `custom.keys`; `numbers` are as they
    came.
    """

    id: str = field(name="tx")
    x: dict[str, float]
    y: Binary | None
    w: Weight
    previous: Previous | None
    score: Share
    threshold: Share | None = None
    version: Count
    merchant: str
    location: str
    at: Time
    known: Time
    origin: Origin
    end_of_step: bool
    head: str | UnsetType = UNSET
    words: Words | UnsetType = UNSET
    numbers: Numbers | UnsetType = UNSET


TEXTS = frozenset(
    name
    for kind in (Transaction, Feedback)
    for name in kind.__struct_encode_fields__
    if name not in ("at", "amount", "lat", "lon", "label")
)  # fields that WEIR_CARD_NUMBER_FIELDS may name


# Python reads 1e999 as infinite, which in `fields` is no reason to refuse a transaction.
_decode_transaction = msgspec.json.Decoder(Transaction, float_hook=float).decode


read_feedback = feedback_reader(Feedback, LABELS, CARD_FIELDS)
read_prediction = msgspec.json.Decoder(Prediction).decode
read_example = msgspec.json.Decoder(Example).decode
read_entry = messages.entry_reader(Example)


def read_transaction(raw: bytes | None, card_fields: Container[str] = CARD_FIELDS) -> Transaction:
    """Decode and check a transaction; card numbers are refused in those fields.

    Raises
    ------
    Refused
        Names the field that is missing, malformed or forbidden.

    Examples
    --------
    >>> read_transaction(b'{"id": "t1", "at": 0, "customer": "c1", "merchant": "m1"}')
    Traceback (most recent call last):
    app.errors.Refused: Object missing required field `amount`
    """
    tx = decode(_decode_transaction, raw)
    tx.at = epoch_ms(tx.at)
    check_texts(texts_of(tx), card_fields)
    if tx.fields:
        tx.fields = check_fields(tx.fields, card_fields)
    return tx


def make_transaction(
    values: dict[str, Any], card_fields: Container[str] | None = CARD_FIELDS
) -> Transaction:
    """Check a transaction whose fields are Python values already, as `read_transaction` does.

    >>> make_transaction({"id": "t1", "at": 0, "customer": "c1", "merchant": "m1"})
    Traceback (most recent call last):
    app.errors.Refused: Object missing required field `amount`
    """
    try:
        tx = msgspec.convert(values, Transaction)
    except msgspec.ValidationError as error:
        raise Refused(str(error)) from None
    tx.at = epoch_ms(tx.at)
    check_texts((item for item in values.items() if type(item[1]) is str), card_fields)
    if tx.fields:
        tx.fields = check_fields(tx.fields, card_fields)
    return tx
