"""The messages on the wire: JSON outside, msgspec structs inside.

Unknown fields are ignored, so a producer may send more than Weir reads. Missing or
malformed ones are refused by name. Times arrive as RFC 3339 text or as epoch
milliseconds and are epoch milliseconds (UTC) from here on.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from app.errors import Refused

MAX_ID_BYTES = 128
MAX_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z

M = TypeVar("M")

if TYPE_CHECKING:
    Instant = int
else:
    Instant = datetime | Annotated[int, Meta(ge=0, le=MAX_MS)]  # an int once read

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
Word = Annotated[str, Meta(max_length=MAX_ID_BYTES)]
# Larger than any card payment, small enough that a running mean survives it.
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Label = Literal["fraud", "legit", "unsure", "none"]
LabelSource = Literal["analyst", "customer", "chargeback", "maturity", "stream"]
Decision = Literal["approve", "review", "block"]
Mode = Literal["rules", "blend", "model", "degraded"]


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
    label: Label | None = None

    @property
    def location(self) -> str:
        """Where it happened, coarsely: the country, else the degree cell, else ''."""
        if self.country or self.lat is None or self.lon is None:
            return self.country
        return f"{self.lat:.0f},{self.lon:.0f}"


class Feedback(Struct, kw_only=True):
    """What somebody says of a transaction. `none` withdraws what that source said before."""

    id: Id
    customer: Id
    label: Label
    source: LabelSource
    actor: Word = ""
    at: Instant | None = None
    reason: Word = ""
    note: Annotated[str, Meta(max_length=2000)] = ""
    label_id: Word = ""


class Source(Struct, array_like=True, frozen=True):
    """Where the judged record lies in the transactions topic."""

    partition: int
    offset: int


class ModelUsed(Struct, frozen=True):
    """What scored: zoo entry, scope, version (the next examples offset to fold), feature set.

    A decision that names no set is of a release that had only this one.
    """

    name: str
    scope: str
    version: int
    features: str = "fraud-full"


class Reason(Struct, frozen=True):
    """One cause of a score: the feature (or rule), its share of the logit, and the words for it."""

    name: str
    contribution: float
    text: str


class Prediction(Struct, kw_only=True):
    """The decision on a transaction, with everything needed to compute it again.

    `threshold` is the score from which it went to review, None if a release decided that did
    not say so.
    """

    id: str
    customer: str
    merchant: str
    location: str
    amount: float
    at: int
    score: float
    threshold: float | None = None
    decision: Decision
    reasons: list[Reason]
    mode: Mode
    model: ModelUsed
    features: dict[str, float]
    source: Source
    engine: str


class Origin(Struct, array_like=True, frozen=True, order=True):
    """The feedback record an example comes from. Ordered within one partition of one epoch."""

    epoch: int
    partition: int
    offset: int
    index: int = 0


class Previous(Struct, array_like=True, frozen=True):
    """What a correction replaces: 1 fraud or 0 legitimate, its weight, the day it became known."""

    label: int
    weight: float
    day: int


class Example(Struct, kw_only=True, tag_field="kind", tag="example"):
    """One settled label with the features as scored: an entry of the examples log.

    `y` is 1 for fraud, 0 for legitimate and null when a label was withdrawn; then only
    statistics learn, by subtracting `previous`. `score` and `threshold` are the decision's.
    """

    tx: str
    x: dict[str, float]
    y: int | None
    w: float
    previous: Previous | None
    score: float
    threshold: float | None = None
    version: int
    merchant: str
    location: str
    at: int
    known: int
    origin: Origin
    end_of_step: bool

    def flagged(self, review: float) -> bool:
        """Whether the decision was no approval; `review` holds where no threshold is known."""
        return self.score >= (review if self.threshold is None else self.threshold)


class Restore(Struct, kw_only=True, tag_field="kind", tag="restore"):
    """A control entry of the examples log: the models become those of a stored snapshot.

    `id` counts once. `version` and `digest` name the snapshot, `model` and `features` what its
    models are (zoo entry, fingerprint of the features). `at` is epoch milliseconds; `actor`
    and `reason` say who wanted it and why.
    """

    id: Id
    version: int
    digest: str
    model: str
    features: str
    at: int
    actor: Word = ""
    reason: Annotated[str, Meta(max_length=2000)] = ""


Entry = Example | Restore

encode = msgspec.json.Encoder().encode
read_prediction = msgspec.json.Decoder(Prediction).decode
read_example = msgspec.json.Decoder(Example).decode
read_entry: Callable[[bytes], Entry] = msgspec.json.Decoder(Entry).decode
_decode_transaction = msgspec.json.Decoder(Transaction).decode
_decode_feedback = msgspec.json.Decoder(Feedback).decode


def read_transaction(raw: bytes) -> Transaction:
    """Decode and check a transaction.

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
    tx = _decode(_decode_transaction, raw)
    tx.at = epoch_ms(tx.at)
    _check_text(_texts(tx))
    return tx


def make_transaction(values: dict[str, Any]) -> Transaction:
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
    _check_text(item for item in values.items() if type(item[1]) is str)
    return tx


def read_feedback(raw: bytes) -> Feedback:
    """Decode and check a label. Raises Refused as `read_transaction` does."""
    feedback = _decode(_decode_feedback, raw)
    if feedback.at is not None:
        feedback.at = epoch_ms(feedback.at)
    _check_text(_texts(feedback))
    return feedback


def epoch_ms(at: datetime | int) -> int:
    """Milliseconds since 1970 of an instant as decoded.

    >>> from datetime import UTC
    >>> epoch_ms(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    if isinstance(at, int):
        return at
    if at.tzinfo is None:
        raise Refused("`at` has no UTC offset; write for example 2026-01-31T12:00:00Z")
    ms = round(at.timestamp() * 1000)
    if ms < 0:
        raise Refused("`at` lies before 1970")
    return ms


def check_timestamp(recorded: int) -> None:
    """Refuse a record whose Kafka timestamp is no time in milliseconds; none at all is -1."""
    if recorded > MAX_MS:
        raise Refused("the record's timestamp is no time in milliseconds")


def label_id(feedback: Feedback) -> str:
    """The id under which a label counts once: as given, or a hash of who says what, when."""
    if feedback.label_id:
        return feedback.label_id
    parts = (feedback.id, feedback.source, feedback.actor, feedback.label, str(feedback.at))
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def is_card_number(text: str) -> bool:
    """Whether a text is 13 to 19 digits, grouped or not, with a valid Luhn check digit.

    >>> is_card_number("4111 1111 1111 1111"), is_card_number("4111111111111112")
    (True, False)
    """
    if len(text) < 13:
        return False
    digits = text.replace(" ", "").replace("-", "")
    if not (13 <= len(digits) <= 19 and digits.isascii() and digits.isdigit()):
        return False
    total = sum(map(int, digits[-1::-2]))
    total += sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return total % 10 == 0


def _decode(decode: Callable[[bytes], M], raw: bytes | None) -> M:
    if not raw:
        raise Refused("the record has no value")
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(str(error)) from None


def _check_text(texts: Iterable[tuple[str, str]]) -> None:
    for name, text in texts:
        if "\0" in text and name != "note":
            raise Refused(f"`{name}` holds a NUL character")
        if len(text) > MAX_ID_BYTES // 4 and name != "note" and len(text.encode()) > MAX_ID_BYTES:
            raise Refused(f"`{name}` is longer than {MAX_ID_BYTES} bytes")
        if len(text) >= 13 and is_card_number(text):
            raise Refused(f"`{name}` is a card number; send a token instead")


def _texts(message: Transaction | Feedback) -> Iterator[tuple[str, str]]:
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if isinstance(value, str):
            yield name, value
