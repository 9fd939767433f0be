"""Records of the predictions topic: decisions, and whatever else lies there."""

from random import Random
from types import SimpleNamespace

from app.apps import load
from app.errors import Refused, StateError
from app.serving.answers import answers, decides, plain, reader_of
from app.settings import read_settings
from tests.fuzz import mutate
from tests.fuzz.engine import Disagreement
from tests.fuzz.headers import ITEM, NUMBERS, PAIR
from tests.stored import STORED

NAMES = ("source-offset", "highest-source-offset", "source-epoch", "traceparent")
BODY = b"\x1d"  # between the headers and the value
PARTITIONS = 4


class Predictions:
    """Headers as `tests.fuzz.headers` has them, then the value."""

    name = "predictions"

    def __init__(self) -> None:
        self.application = load(read_settings(partitions=PARTITIONS))
        self.read = reader_of(self.application, PARTITIONS)

    def make(self, chance: Random) -> bytes:
        """A decision, changed in headers, in its fields or in its bytes."""
        names = chance.choices(NAMES, k=chance.randrange(4))
        headers = ITEM.join(
            name.encode() + PAIR + chance.choice((b"5", *NUMBERS)) for name in names
        )
        value = chance.choice(STORED["prediction"])
        if chance.random() < 0.7:
            value = mutate.by_byte(chance, value)
        return headers + BODY + value

    def open(self, case: bytes) -> bytes:
        """The same: it promises nothing."""
        return case

    def check(self, case: bytes) -> None:
        """It is a decision, or is refused with a reason; only a later epoch may stop a worker."""
        head, _, value = case.partition(BODY)
        headers = tuple(
            (name.decode(errors="replace"), told)
            for name, _, told in (item.partition(PAIR) for item in head.split(ITEM))
        )
        record = SimpleNamespace(
            topic="predictions", partition=0, offset=1, key=b"c1", value=value, headers=headers
        )
        for read in (plain, self.read):
            try:
                written = read(record)
            except Refused as reason:
                if not str(reason):
                    raise Disagreement("a refusal without a reason") from None
                continue
            if not decides(record):
                raise Disagreement("a decision without its headers")
            try:
                answered = answers(record, 1, 1)
            except StateError:
                continue
            if read is self.read and not written.id:
                raise Disagreement("a decision without an id")
            if answered.source >= 0 and answered.reach < 0:
                raise Disagreement("a decision that reaches less far than its source")
