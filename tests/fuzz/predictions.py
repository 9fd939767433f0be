"""Records of the predictions topic: decisions, and whatever else lies there."""

import json
import re
from collections.abc import Mapping, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

from app.apps import load
from app.errors import Refused, StateError
from app.serving.answers import Written, answers, decides, plain, reader_of
from app.serving.ledger import EARLIER
from app.settings import read_settings
from tests.fuzz import mutate
from tests.fuzz.engine import Disagreement
from tests.fuzz.headers import ITEM, NUMBERS, PAIR
from tests.fuzz.oracle import partition_of
from tests.stored import STORED

NAMES = ("source-offset", "highest-source-offset", "source-epoch", "traceparent")
BODY = b"\x1d"  # between the headers and the value
PARTITIONS = 4
HERE = partition_of("c1", PARTITIONS)  # where decisions of the stored customer lie
EPOCH = 1


class Predictions:
    """Headers as `tests.fuzz.headers` has them, then the value."""

    name = "predictions"

    def __init__(self) -> None:
        self.application = load(read_settings(partitions=PARTITIONS))
        self.read = reader_of(self.application, PARTITIONS)

    def make(self, chance: Random) -> bytes:
        """A decision, changed in headers, in its fields or in its bytes."""
        names = [
            *chance.choices(NAMES, k=chance.randrange(3)),
            chance.choice(NAMES[:1] * 9 + NAMES),
        ]
        odd = chance.random() < 0.5
        told = (b"5", b"1", *NUMBERS) if odd else (b"0", b"1", b"5", b"17")
        headers = ITEM.join(name.encode() + PAIR + chance.choice(told) for name in names)
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
            topic="predictions", partition=HERE, offset=1, key=b"c1", value=value, headers=headers
        )
        named = numbered(headers)
        if decides(record) is not (named is not None):
            raise Disagreement(f"headers are read otherwise than they are\n{headers}")
        for read in (plain, self.read):
            try:
                written = read(record)
            except Refused as reason:
                if not str(reason):
                    raise Disagreement("a refusal without a reason") from None
                if named is not None and read is plain and value in STORED["prediction"]:
                    raise Disagreement(f"a decision is refused\n{reason}") from None
                continue
            if named is None:
                raise Disagreement("a decision without its headers")
            if read is self.read:
                self._here(written, value)
        if named is not None:
            self._answers(record, named)

    def _here(self, written: Written, value: bytes) -> None:
        """What is taken over has the id that stands there, and a key of the record's partition."""
        said = json.loads(value)
        if not written.id or written.id != said["id"]:
            raise Disagreement("a decision without its id")
        if partition_of(said["customer"], PARTITIONS) != HERE:
            raise Disagreement("a decision of another partition is taken over")

    def _answers(self, record: Any, named: Mapping[str, int]) -> None:
        try:
            answered = answers(record, EPOCH, EPOCH)
        except StateError:
            if named.get("source-epoch", EPOCH) <= EPOCH:
                raise
            return
        source = named["source-offset"]
        wanted = source, named.get("highest-source-offset", source)
        if named.get("source-epoch", EPOCH) < EPOCH:
            wanted = EARLIER, EARLIER
        if named.get("source-epoch", EPOCH) > EPOCH or answered != wanted:
            raise Disagreement(f"it answers something else\n{answered}, {wanted}")


def numbered(headers: Sequence[tuple[str, bytes]]) -> Mapping[str, int] | None:
    """The numbers in the headers of a decision, the last of each name; None where it is none."""
    named = [(name, told) for name, told in headers if name in NAMES[:3]]
    if not all(re.fullmatch(rb"[0-9]{1,18}", told) for _, told in named):
        return None
    found = {name: int(told) for name, told in named}
    return found if "source-offset" in found else None
