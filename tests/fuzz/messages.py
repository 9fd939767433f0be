"""Records of the two inputs: transactions and labels."""

from random import Random
from typing import Any

from app.apps import load
from app.errors import Refused
from app.settings import read_settings
from app.wire import check_unit, encode
from tests.fuzz import mutate
from tests.fuzz.engine import Disagreement
from tests.fuzz.oracle import (
    ANY_TIME,
    AT_THE_START,
    Verdict,
    epoch_ms,
    judge,
    judge_time,
    usable,
)

DECLARED = (Refused,)
# Of records: none, the last ones of clocks that begin at 0, those after them, and usual ones.
TIMESTAMPS = (-1, 0, 99_999_999_999, 100_000_000_000, mutate.NOW)


class Messages:
    """The values of records of one kind, against the oracle."""

    def __init__(self, kind: str) -> None:
        self.name, self.kind, application = f"{kind}s", kind, load(read_settings())
        reads = {"transaction": application.read, "label": application.read_feedback}
        self.read = reads[kind]

    def make(self, chance: Random) -> bytes:
        """A record, valid or changed."""
        return mutate.record(chance, self.kind, chance.randrange(10_000))

    def open(self, case: bytes) -> bytes:
        """The same: the oracle judges what is there."""
        return case

    def check(self, case: bytes) -> None:
        """It is read when the oracle says so, and has the fields that are written there."""
        verdict = judge(self.kind, case, AT_THE_START, ANY_TIME)
        try:
            read = self.read(case)
        except DECLARED as reason:
            if verdict.valid:
                raise Disagreement(f"a valid {self.kind} is refused\n{reason}") from None
            if not str(reason):
                raise Disagreement("a refusal without a reason") from None
            return
        if verdict.valid is False:
            raise Disagreement(f"an invalid {self.kind} is taken\n{verdict.why}")
        encode(read)
        if verdict.valid:
            self._same(read, verdict)
            self._in_time(read, verdict)

    def _same(self, read: object, verdict: Verdict) -> None:
        names = {"customer": "key"} if self.kind == "label" else {}
        for name, wanted in verdict.message.items():
            field = names.get(name, name)
            if not hasattr(read, field) or name in ("key", "location"):
                continue
            found = getattr(read, field)
            if name == "at" and wanted is not None:
                wanted = epoch_ms(wanted)
                if abs(found - wanted) <= 1:  # parts of a millisecond, rounded up or down
                    continue
            if name == "fields":
                wanted, found = usable(wanted), usable(found)
            absent = wanted is None and found in (None, "")
            if found != wanted and not absent:
                raise Disagreement(f"`{name}` is read as another value\n{wanted!r}, {found!r}")

    def _in_time(self, read: Any, verdict: Verdict) -> None:
        """Its time is judged beside the timestamps of records, as steps do."""
        wanted = verdict.message.get("at")
        for timestamp in TIMESTAMPS if wanted is not None else ():
            says, why = judge_time(self.kind, wanted, timestamp, ANY_TIME)
            try:
                check_unit(read.at, timestamp, steps=self.kind == "transaction")
            except DECLARED as reason:
                if says:
                    raise Disagreement(f"a time is refused\n{timestamp}: {reason}") from None
            else:
                if says is False:
                    raise Disagreement(f"a time of another unit is taken\n{timestamp}: {why}")
