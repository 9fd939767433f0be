"""What can be said about an event, everything that was said about it, and which of it holds."""

from collections.abc import Callable, Container, Iterable, Mapping
from math import frexp
from typing import Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from app.core.messages import Feedback, Origin, Previous
from app.errors import Refused, StateError
from app.wire import check_texts, decode, epoch_ms, texts_of

UNSURE, WITHDRAWAL = "unsure", "none"  # words that every application knows
MATURITY = "maturity"  # the source of labels that nobody gave
STREAM = "stream"  # the source of labels that come with the events themselves

Outcome = Literal["settled", "waiting", "noted", "expired"]
F = TypeVar("F", bound=Feedback)


class Revision(Struct, omit_defaults=True):
    """One thing that was said: the label, who said it, where it is in the log, what came of it.

    `at` is when it was said, never later than its record; `example` the entry of the
    examples log that it led to, if it changed the value that holds; `key` the one that it
    named while nobody knew whose event it is; `history` what its record said about earlier
    refusals, kept while the label waits, because it may become a dead letter again. `evicted`
    is the origin of the label that had to leave the entry for this one. `share` is that of the
    events of which maturity spoke like this: each stands for so many more.
    """

    origin: Origin
    label_id: str
    label: str
    source: str
    at: int
    recorded: int
    outcome: Outcome
    actor: str = ""
    reason: str = ""
    note: str = ""
    example: bytes = b""
    key: str = field(default="", name="customer")
    history: bytes = b""
    evicted: Origin | None = None
    share: float = 1.0

    @property
    def weight(self) -> float:
        """How much what it teaches counts: exactly 1 / share of what matured, else 1."""
        return 1.0 / self.share


class LabelEntry(Struct):
    """What the labels table keeps for one event.

    `through` is the origin at which a label last had to leave: up to there the list is not all
    that was read, and what it lacks has had its effect.
    """

    key: str = field(name="customer")
    revisions: list[Revision]
    taught: Previous | None = None
    through: Origin | UnsetType = UNSET

    @property
    def waiting(self) -> list[Revision]:
        """What was said before the event was known."""
        return [revision for revision in self.revisions if revision.outcome == "waiting"]

    def owner(self, revision: Revision) -> str:
        """The key that a label of this entry names: one event id may be of two keys."""
        return revision.key or self.key

    def at(self, origin: Origin) -> Revision | None:
        """The label that was read at an origin, if it is listed."""
        return next((one for one in self.revisions if one.origin == origin), None)

    def left_out(self, origin: Origin) -> bool:
        """Whether a label of this origin was read before, and is not listed any more, or never."""
        return self.through is not UNSET and origin <= self.through and self.at(origin) is None


class Labels(NamedTuple):
    """The words of an application: what each teaches, and whose word counts.

    Besides those that teach, `unsure` is kept and teaches nothing, and `none` takes back what
    its source said before it.

    Parameters
    ----------
    teaches
        1 for the word that says positive, 0 for the one that says negative.
    ranks
        By source: of two labels that differ the higher one holds. `maturity` is the lowest.
    reviewer
        The source of a label that names none: whoever answers reviews.
    """

    teaches: Mapping[str, int]
    ranks: Mapping[str, int]
    reviewer: str = "analyst"

    @property
    def words(self) -> tuple[str, ...]:
        """All that can be said."""
        return (*self.teaches, UNSURE, WITHDRAWAL)

    def word(self, y: int | None) -> str:
        """The word for what an example teaches.

        >>> Labels({"intruder": 1, "owner": 0}, {}).word(0)
        'owner'
        """
        if y is None:
            return WITHDRAWAL
        return next(word for word, taught in self.teaches.items() if taught == y)

    def holds(self, entry: LabelEntry) -> Revision | None:
        """The label that holds: highest rank, then latest, then read last.

        `none` takes back what its source said before it; `unsure` never holds.
        """
        return max(self.standing(entry), key=self._precedence, default=None)

    def standing(self, entry: LabelEntry) -> list[Revision]:
        """The labels that count: decided, not withdrawn, and with something to teach."""
        return list(self._standing(entry.revisions))

    def disagreements(self, entry: LabelEntry) -> list[Revision]:
        """Standing labels of the same rank as the one that holds that say something else."""
        holds = self.holds(entry)
        return [
            other
            for other in self.standing(entry)
            if holds is not None
            and self.ranks[other.source] == self.ranks[holds.source]
            and other.label != holds.label
        ]

    def least(self, entry: LabelEntry) -> Revision:
        """The label that counts least: what holds, now or later, does not depend on it.

        Of each source only the latest label that stands and the latest withdrawal can ever
        matter: a withdrawal that takes the later label back takes the earlier ones back too. The
        same holds of those that wait, for each key that they name. Of what does not matter that
        without an example leaves first; if all matters, what waits, since only labels that name
        ever more keys can come to that. Then rank decides, and then age.
        """
        groups: dict[tuple[str, ...], list[Revision]] = {}
        for one in entry.revisions:
            if one.outcome == "waiting":
                groups.setdefault((one.source, entry.owner(one)), []).append(one)
            elif one.outcome != "expired":
                groups.setdefault((one.source,), []).append(one)
        needed = {one.origin for group in groups.values() for one in self._needed(group)}

        def weight(one: Revision) -> tuple[bool, bool, bool, tuple[int, int, Origin]]:
            decided = one.outcome != "waiting"
            return one.origin in needed, decided, bool(one.example), self._precedence(one)

        return min(entry.revisions, key=weight)

    def _needed(self, said: list[Revision]) -> Iterable[Revision]:
        """Of what one source has said: the latest label that stands, and the latest withdrawal."""
        taken_back = max((r for r in said if r.label == WITHDRAWAL), key=_moment, default=None)
        latest = max((r for r in said if r.label in self.teaches), key=_moment, default=None)
        if taken_back is not None:
            yield taken_back
        if latest is not None and (taken_back is None or _moment(latest) > _moment(taken_back)):
            yield latest

    def _standing(self, revisions: list[Revision]) -> Iterable[Revision]:
        withdrawn: dict[str, tuple[int, Origin]] = {}
        decided = [r for r in revisions if r.outcome in ("settled", "noted")]
        for revision in decided:
            if revision.label == WITHDRAWAL:
                moment = _moment(revision)
                withdrawn[revision.source] = max(moment, withdrawn.get(revision.source, moment))
        for revision in decided:
            gone = withdrawn.get(revision.source)
            if revision.label in self.teaches and (gone is None or _moment(revision) > gone):
                yield revision

    def _precedence(self, revision: Revision) -> tuple[int, int, Origin]:
        return self.ranks[revision.source], revision.at, revision.origin


def _moment(revision: Revision) -> tuple[int, Origin]:
    return revision.at, revision.origin


WHERE = "; `weir topics verify` says at which offset of the labels changelog it lies"
_entry_decoder = msgspec.msgpack.Decoder(LabelEntry)
encode_entry = msgspec.msgpack.Encoder().encode


def decode_entry(raw: bytes | None, key: str) -> LabelEntry:
    """The entry of an event, empty when nothing was said about it yet.

    Raises StateError when it is damaged: without it, labels would teach what they taught before.
    """
    try:
        return _entry_decoder.decode(raw) if raw else LabelEntry(key, [])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"what was said about an event is damaged: {error}{WHERE}") from None


def feedback_reader(
    kind: type[F], labels: Labels, card_fields: Container[str] | None = None
) -> Callable[[bytes | None], F]:
    """Reads and checks labels of an application; card numbers are refused in those fields.

    What it returns raises Refused, which names the field that is missing, malformed or forbidden.
    """
    decoder = msgspec.json.Decoder(kind).decode

    def read(raw: bytes | None) -> F:
        feedback = decode(decoder, raw)
        if feedback.at is not None:
            feedback.at = epoch_ms(feedback.at)
        check_texts(texts_of(feedback), card_fields)
        _check_share(feedback)
        if feedback.label not in labels.words:
            raise Refused(f"`label` must be one of {', '.join(labels.words)}")
        if feedback.source not in labels.ranks:
            raise Refused(f"`source` must be one of {', '.join(labels.ranks)}")
        return feedback

    return read


def _check_share(feedback: Feedback) -> None:
    """Refuse a share whose weight would not be exact; that of any other source does not count."""
    if feedback.share is UNSET:
        return
    if feedback.source != MATURITY:
        feedback.share = UNSET
    elif frexp(feedback.share)[0] != 0.5:
        raise Refused("`share` must be a power of two, such as 0.25")
