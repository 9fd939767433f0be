"""Whatever was stored is read as it was put in, and what this release writes has not changed."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from app.core.label_keys import GROWING, MATURED
from app.core.labels import LabelEntry, decode_entry, encode_entry
from app.core.manifest import read_manifest, seal, signature
from app.core.messages import ModelUsed, Origin, Previous, Restore
from app.core.record import Record
from app.core.threshold import Budget, Threshold
from app.errors import SnapshotError, StateError
from app.serving.evicted import decode_evicted, encode_evicted
from app.serving.ledger import MARK, Entry, Ledger
from app.serving.ripeness import Ripeness, read_ripeness
from app.serving.waiting import Waiting
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.merchants import Merchants, MerchantView
from app.streams.fraud.messages import Feedback, read_entry, read_feedback, read_prediction
from app.streams.fraud.rules_weight import RulesWeight
from app.units import DAY_MS
from app.wire import encode
from tests.stored import (
    BUSY,
    DAILY,
    EPOCH,
    EXAMPLE,
    HEADER,
    MANIFEST,
    PLACES,
    PLAIN,
    PREDICTION,
    SETTLED,
    START,
    STORED,
    WAITS,
    WIDE,
    known,
)

DAY = START // DAY_MS
ROOM, SMALL = Limits(events=8, replay=4, labels=4), Limits(events=2, replay=1, labels=4)
BUDGET = Budget(alerts=2.0, start=0.5, floor=0.05, ceiling=0.9)
KEY = b"the first secret"
replace = msgspec.structs.replace


class Format(NamedTuple):
    """How something stored is read, what it holds as `facts` tell, and how it is written."""

    read: Callable[..., Any]
    holds: Any
    write: Callable[[Any], bytes | Iterable[bytes]] | None = None  # None: of an earlier version
    facts: Callable[[Any], Any] = lambda value: value


def customer(holds: Any, limits: Limits = ROOM) -> Format:
    return Format(lambda raw: History.decode(raw, EPOCH, limits), holds, History.encode, known)


def earlier(one: Format) -> Format:
    """The same, written by a release whose bytes this one does not write any more."""
    return one._replace(write=None)


def threshold(*holds: Any) -> Format:
    return Format(
        lambda raw: Threshold.decode(raw, BUDGET, EPOCH),
        holds,
        Threshold.encode,
        lambda one: (one.seen_through, pytest.approx(one.score), one.alerts_per_hour),
    )


def labels(*holds: Any) -> Format:
    return Format(lambda raw: decode_entry(raw, ""), LabelEntry(*holds), encode_entry)


def maturity(key: bytes, holds: Ripeness) -> Format:
    return Format(
        lambda raw: read_ripeness({key: raw}.get, EPOCH),
        holds,
        lambda one: one._replace(start=one.start or 0).changes(EPOCH)[key],
    )


def loaded(*parts: bytes) -> Merchants:
    merchants = Merchants()
    merchants.load(parts)
    return merchants


def seen(merchants: Merchants) -> Any:
    at = START + 4 * DAY_MS
    return merchants.clock, merchants.view("m1", "FR", at), merchants.view("m2", "", at)


def rules(*parts: bytes) -> RulesWeight:
    return RulesWeight.of(parts)


def sealed(*keys: bytes) -> Callable[[Any], bytes]:
    return lambda manifest: seal(msgspec.json.encode(manifest), keys)


FORMATS = {
    "customer": customer(PLAIN),
    "customer with places": customer(PLACES),
    "customer with day totals and labels": customer(DAILY, SMALL),
    "customer with wide steps": customer(WIDE),
    "customer with buckets and origins": customer(BUSY, SMALL),
    "threshold of a first hour": threshold(2, 0.6224593312018546, None),
    "threshold": threshold(24, 0.8220879285384032, 6.697505491396869),
    "example": Format(read_entry, EXAMPLE, encode),
    "withdrawn example": Format(
        read_entry,
        replace(EXAMPLE, y=None, previous=Previous(1, 0.5, DAY), threshold=None),
        encode,
    ),
    "restore": Format(
        read_entry,
        Restore(
            id="r1",
            version=12,
            digest="ab" * 32,
            model="binned",
            features="1f" * 8,
            at=START,
            actor="ann",
            reason="a bad batch",
        ),
        encode,
    ),
    "prediction": Format(read_prediction, PREDICTION, encode),
    "feedback": Format(
        read_feedback,
        Feedback(
            id="t1",
            key="c1",
            label="fraud",
            source="analyst",
            actor="ann",
            at=START,
            reason="card lost",
            note="by phone",
            label_id="l1",
        ),
        encode,
    ),
    "labels": labels("c1", [SETTLED, WAITS], Previous(1, 1.0, DAY)),
    "labels of one that waits": labels("", [WAITS]),
    "labels for which others had to leave": labels(
        "c1",
        [replace(SETTLED, evicted=Origin(EPOCH, 1, 5))],
        Previous(1, 1.0, DAY),
        Origin(EPOCH, 1, 9),
    ),
    "label that had to leave": Format(decode_evicted, WAITS, encode_evicted),
    "position of maturity": maturity(MATURED, Ripeness(68, 68)),
    "position of what was reviewed, and the start": maturity(GROWING, Ripeness(0, 12, START)),
    "waiting key": Format(
        Waiting.read, Waiting(START + 6, "l2", "t1"), lambda waiting: waiting.key
    ),
    "merchants": Format(
        loaded,
        (
            START + 3 * DAY_MS,
            MerchantView(
                *(0.027950310559006212, 0.4115942028985507, 0.4115942028985507, 3.0),
                alarm=5 / 3,
                alarm_age=4.0,
                location_frauds=2,
            ),
            MerchantView(0.028985507246376812, 0.02318840579710145, 0.02318840579710145, 0.5),
        ),
        Merchants.parts,
        seen,
    ),
    "rules": Format(rules, RulesWeight(1.48, 0.98, 0.3075), RulesWeight.part),
    "header": Format(msgspec.msgpack.Decoder(type(HEADER)).decode, HEADER, msgspec.msgpack.encode),
    "manifest": Format(read_manifest, MANIFEST, sealed()),
    "signed manifest": Format(read_manifest, MANIFEST, sealed(KEY)),
    # -- of earlier versions
    "customer of format 1": earlier(customer(PLAIN)),
    "customer with places of format 1": earlier(customer(PLACES)),
    "customer with day totals and labels of format 1": earlier(customer(DAILY, SMALL)),
    "customer with wide steps of format 1": earlier(customer(WIDE)),
    "rules of format 2 without alerts": Format(rules, RulesWeight()),
    "signed manifest of format 2": Format(
        read_manifest,
        replace(MANIFEST, identity=replace(MANIFEST.identity, format=2), rebuilt=False),
    ),
    "example without threshold": Format(read_entry, replace(EXAMPLE, threshold=None)),
    "prediction without threshold and feature set": Format(
        read_prediction,
        replace(PREDICTION, threshold=None, model=ModelUsed("binned", "both", 12, "fraud-full")),
    ),
    "labels without customer and history": earlier(labels("c1", [SETTLED], Previous(1, 1.0, DAY))),
}

# What lacks something that nobody can tell any more: how it is read, and the reason given.
REFUSED = {
    "rules of format 2": (rules, "lacks what the model expected"),
    "rules beside the model's own alerts": (rules, "cannot be read"),
    "merchants of format 2": (loaded, "format 2, which this release no longer reads"),
}

IN_LEDGERS = ("decision", "mark of decisions")


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_stored_holds_what_was_put_in(name: str):
    one = FORMATS[name]
    assert one.facts(one.read(*STORED[name])) == one.holds


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if one.write])
def test_this_release_writes_the_bytes_of_the_one_before(name: str):
    one = FORMATS[name]
    written = one.write(one.read(*STORED[name]))
    assert ([written] if isinstance(written, bytes) else list(written)) == STORED[name]


def numbered(raw: bytes, form: int) -> bytes:
    """The same behind another number."""
    return bytes((form,)) + raw[1:]


class Visits(msgspec.Struct):
    """The least that an application can keep of a key."""

    count: int = 0

    def add(self, visit: object) -> None:
        self.count += 1


open_record = Record.opener(Visits, EPOCH)
(PLAIN_BYTES,), (THRESHOLD_BYTES,) = STORED["customer"], STORED["threshold"]
# What a thing is called, the formats of it that are read, and how one of a format would be read.
READ_FORMATS: dict[str, tuple[range, Callable[[int], object]]] = {
    "a customer record": (
        range(1, 3),
        lambda form: History.decode(numbered(PLAIN_BYTES, form), EPOCH, ROOM),
    ),
    "a review threshold": (
        range(1, 2),
        lambda form: Threshold.decode(numbered(THRESHOLD_BYTES, form), BUDGET, EPOCH),
    ),
    "a record": (
        range(1, 3),
        lambda form: open_record(numbered(Record(Visits(), EPOCH).encode(), form)),
    ),
    "a dump of merchant statistics": (
        range(3, 4),
        lambda form: loaded(b"mer%d" % form + STORED["merchants"][0][4:]),
    ),
    "the record of the rules' alerts": (
        range(2, 4),
        lambda form: rules(msgspec.msgpack.encode([0.0] * form)),
    ),
    "a manifest": (
        range(2, 4),
        lambda form: read_manifest(
            STORED["manifest"][0].replace(b'"format":3', b'"format":%d' % form)
        ),
    ),
}


@pytest.mark.parametrize("what", READ_FORMATS)
def test_a_format_before_or_behind_those_that_are_read_is_refused_in_words(what: str):
    forms, read = READ_FORMATS[what]
    for form in forms:
        read(form)
    newer = f"{what} is of format {forms[-1] + 1}, which is newer than this release reads; update"
    with pytest.raises(StateError, match=newer):
        read(forms[-1] + 1)
    older = f"{what} is of format {forms[0] - 1}, which this release no longer reads"
    with pytest.raises(StateError, match=older):
        read(forms[0] - 1)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_converted_truthfully_is_refused(name: str):
    read, words = REFUSED[name]
    with pytest.raises(SnapshotError, match=words):
        read(*STORED[name])


def test_a_signature_of_an_earlier_release_holds():
    for name in ("signed manifest", "signed manifest of format 2"):
        assert signature(*STORED[name], (KEY,)) == "good"


def test_what_a_snapshot_of_format_2_holds_is_not_loaded():
    identity = read_manifest(*STORED["signed manifest of format 2"]).identity
    words = "format 2, whose parts this release does not load"
    assert identity.misfit(MANIFEST.identity) == words


def test_decisions_are_found_in_the_files_of_the_release_before(tmp_path: Path):
    (decision,), (mark,) = (STORED[name] for name in IN_LEDGERS)
    before, now = (Ledger(tmp_path / name, EPOCH, horizon=86400.0) for name in ("before", "now"))
    before.db.put(b"t1", decision)
    before.db.put(MARK, mark)
    entry = Entry(8, 21, b'{"id":"t1"}')
    assert (before.read_mark(), before.entry("t1")) == ((22, 9), entry)
    now.write({"t1": entry})
    now.save_mark(22, 9)
    assert (now.db.get(b"t1"), now.db.get(MARK)) == (decision, before.db.get(MARK))
    before.close()
    now.close()


def test_decisions_without_a_place_in_the_log_are_made_anew_from_it(tmp_path: Path):
    old = Ledger(tmp_path, EPOCH, horizon=86400.0)
    old.db.put(b"t1", *STORED["decision of format 1"])
    old.db.put(MARK, *STORED["mark of decisions of format 1"])
    assert (old.read_mark(), old.entry("t1")) == ((0, -1), None)
    old.close()


def test_everything_kept_is_looked_at():
    ledgers = {*IN_LEDGERS, *(f"{name} of format 1" for name in IN_LEDGERS)}
    assert {*FORMATS, *REFUSED, *ledgers} == STORED.keys()
