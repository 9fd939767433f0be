"""What a record of the predictions topic answers, and whether Weir can have written it at all."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from app.core.domain import Application
from app.core.messages import Source
from app.core.partitioning import partition_of
from app.errors import Refused, StateError
from app.serving.ledger import EARLIER
from app.wire import MAX_ID_BYTES

SOURCE_HEADER = "source-offset"
REACH_HEADER = "highest-source-offset"  # where it is above the source: in a replay
EPOCH_HEADER = "source-epoch"  # predictions of earlier releases lack it
NUMBERS = SOURCE_HEADER, REACH_HEADER, EPOCH_HEADER
DIGITS = 18  # of a number in a header: what fits into 64 bits, and far more than a log holds


class Answers(NamedTuple):
    """What a prediction answers: the offset of its event in this epoch's log, or EARLIER.

    `reach` is the highest offset that the log answers up to and including this prediction.
    """

    source: int
    reach: int


NONE_HERE = Answers(EARLIER, EARLIER)


class Written(NamedTuple):
    """A decision in the log: the id of its event, and where that was when it was first decided."""

    id: str
    source: Source | None = None


Read = Callable[[ConsumerRecord], Written]  # raises Refused for what is no decision


class _Id(msgspec.Struct):
    id: str


_read_id = msgspec.json.Decoder(_Id).decode


def plain(record: ConsumerRecord) -> Written:
    """The decision in a record, as far as headers and id show. Raises Refused."""
    _check_headers(record)
    return Written(_decoded(_read_id, record.value).id)


def decides(record: ConsumerRecord) -> bool:
    """Whether a record of the predictions topic has the headers of a decision of Weir's."""
    try:
        _check_headers(record)
    except Refused:
        return False
    return True


def reader_of(application: Application, partitions: int) -> Read:
    """Reads the decisions of an application.

    A record that cannot be read, names a decision that there is none of, or is of a key of
    another partition, is none: what is taken over is learned from, and shown, later.
    """

    def read(record: ConsumerRecord) -> Written:
        _check_headers(record)
        prediction = prediction_in(record, application)
        id, key = prediction.id, prediction.key
        if not (_is_id(id) and _is_id(key)):
            raise Refused(f"its id or `{application.key}` is none")
        if partition_of(key, partitions) != record.partition:
            raise Refused(f"its `{application.key}` belongs to another partition")
        return Written(id, prediction.source)

    return read


def prediction_in(record: ConsumerRecord, application: Application) -> Any:
    """What a record says was decided, whoever wrote it. Raises Refused where it says nothing."""
    return _decoded(application.read_prediction, record.value)


def answers(record: ConsumerRecord, epoch: int, unnamed: int) -> Answers:
    """What a prediction answers, from its headers, which were checked.

    Parameters
    ----------
    epoch
        The worker's.
    unnamed
        The epoch of predictions that do not name one.

    Raises
    ------
    StateError
        The prediction is of a later epoch.
    """
    headers = dict(record.headers)
    named = int(headers.get(EPOCH_HEADER, unnamed))
    if named > epoch:
        raise StateError(
            f"{record.topic}[{record.partition}] has predictions of epoch {named}, but this "
            f"worker's is {epoch}: set WEIR_EPOCH={named}"
        )
    if named < epoch:
        return NONE_HERE
    source = headers[SOURCE_HEADER]
    return Answers(int(source), int(headers.get(REACH_HEADER) or source))


def _check_headers(record: ConsumerRecord) -> None:
    found = False
    for name, told in record.headers:
        if name in NUMBERS and (told is None or not told.isdigit() or len(told) > DIGITS):
            raise Refused(f"its header {name} is not a number")
        found = found or name == SOURCE_HEADER
    if not found:
        raise Refused(f"it has no header {SOURCE_HEADER}")


def _is_id(text: str) -> bool:
    few = len(text) <= MAX_ID_BYTES // 4  # a character has up to four bytes
    return bool(text) and "\0" not in text and (few or len(text.encode()) <= MAX_ID_BYTES)


def _decoded(read: Callable[[bytes], object], raw: bytes | None) -> Any:
    raw = raw or b""
    try:
        if not raw.isascii():
            raw.decode()  # msgspec does not look into fields that it leaves out
        return read(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"it is not a decision: {error}") from None
