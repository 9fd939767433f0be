"""Everything said of one transaction, and which of it holds."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct

from app.messages import Label, LabelSource, Origin, Previous

RANKS: dict[LabelSource, int] = {
    "chargeback": 4,
    "analyst": 3,
    "customer": 2,
    "stream": 1,
    "maturity": 0,
}
TAUGHT: dict[Label, int] = {"fraud": 1, "legit": 0}

Outcome = Literal["settled", "waiting", "noted", "expired"]


class Revision(Struct, omit_defaults=True):
    """One thing that was said: the label, who said it, where it stands in the log, what came of it.

    `at` is when it was said, never later than its record; `example` the entry of the
    examples log that it gave, if it changed the value that holds; `customer` whom it named
    while nobody knew whose transaction it is; `history` what its record said of earlier
    refusals, kept while the label waits, because it may become a dead letter again.
    """

    origin: Origin
    label_id: str
    label: Label
    source: LabelSource
    at: int
    recorded: int
    outcome: Outcome
    actor: str = ""
    reason: str = ""
    note: str = ""
    example: bytes = b""
    customer: str = ""
    history: bytes = b""


class LabelEntry(Struct):
    """What the labels table keeps of one transaction."""

    customer: str
    revisions: list[Revision]
    taught: Previous | None = None

    @property
    def holds(self) -> Revision | None:
        """The label that holds: highest rank, then latest, then highest offset.

        `none` takes back what its source said before it; `unsure` never holds.
        """
        return max(self.standing, key=_precedence, default=None)

    @property
    def standing(self) -> list[Revision]:
        """The labels that count: decided, not withdrawn, fraud or legitimate."""
        return list(_standing(self.revisions))

    @property
    def disagreements(self) -> list[Revision]:
        """Standing labels of the same rank as the one that holds that say something else."""
        holds = self.holds
        return [
            other
            for other in self.standing
            if holds is not None
            and RANKS[other.source] == RANKS[holds.source]
            and other.label != holds.label
        ]

    @property
    def waiting(self) -> list[Revision]:
        """What was said before the transaction was known."""
        return [revision for revision in self.revisions if revision.outcome == "waiting"]


_entry_decoder = msgspec.msgpack.Decoder(LabelEntry)
encode_entry = msgspec.msgpack.Encoder().encode


def decode_entry(raw: bytes | None, customer: str) -> LabelEntry:
    """The entry of a transaction, empty when nothing was said of it yet."""
    return _entry_decoder.decode(raw) if raw else LabelEntry(customer, [])


def _standing(revisions: list[Revision]) -> Iterable[Revision]:
    withdrawn: dict[LabelSource, tuple[int, int]] = {}
    decided = [r for r in revisions if r.outcome in ("settled", "noted")]
    for revision in decided:
        if revision.label == "none":
            moment = (revision.at, revision.origin.offset)
            withdrawn[revision.source] = max(moment, withdrawn.get(revision.source, moment))
    for revision in decided:
        gone = withdrawn.get(revision.source)
        if revision.label in TAUGHT and (
            gone is None or (revision.at, revision.origin.offset) > gone
        ):
            yield revision


def _precedence(revision: Revision) -> tuple[int, int, Origin]:
    return RANKS[revision.source], revision.at, revision.origin
