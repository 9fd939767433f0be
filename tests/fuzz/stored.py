"""What Weir stored itself: snapshots, manifests, records, labels, thresholds, places of entries.

Checksums of Kafka and RocksDB guard most of it; what is damaged all the same, or was written by
somebody else, must end with a sentence and never with wrong values or a traceback.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace as replace_fields

from app.apps import load
from app.core.bundle import Bundle, pack
from app.core.labels import decode_entry, encode_entry
from app.core.manifest import read_manifest, signature
from app.core.record import Record
from app.core.snapshot import assemble, unpack, verify
from app.core.threshold import Budget, Threshold
from app.errors import SnapshotError, StateError
from app.serving.waiting import Waiting
from app.settings import read_settings
from app.streams.fraud.history.habits import Asked
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.merchants import Merchants
from app.streams.fraud.messages import read_entry, read_prediction
from app.streams.fraud.rules_weight import RulesWeight
from tests.fuzz import mutate
from tests.fuzz.engine import Disagreement
from tests.stored import EPOCH, STORED
from tests.web.cards import example

LIMITS = Limits(events=8, replay=4, labels=4, habits=Asked((11, 12)))
BUDGET = Budget(alerts=2.0, start=0.5, floor=0.05, ceiling=0.9)
# Undecodable messages are msgspec's errors: their readers say so, and their callers expect them.
MESSAGE = (msgspec.DecodeError, UnicodeDecodeError)
DAMAGED = (StateError,)  # of which SnapshotError is one


class Body(msgspec.Struct):
    """The body of a small record."""

    count: int = 0

    def add(self, event: Any) -> None:
        self.count += 1


def _customer(raw: bytes) -> None:
    history = History.decode(raw, EPOCH, LIMITS)
    history.events()
    history.before(2**50)
    history.labels()
    _again(history.encode(), lambda one: History.decode(one, EPOCH, LIMITS).encode())


def _threshold(raw: bytes) -> None:
    threshold = Threshold.decode(raw, BUDGET, EPOCH)
    _again(threshold.encode(), lambda one: Threshold.decode(one, BUDGET, EPOCH).encode())


def _record(raw: bytes) -> None:
    record = Record.opener(Body, EPOCH)(raw)
    _again(record.encode(), lambda one: Record.opener(Body, EPOCH)(one).encode())


def _labels(raw: bytes) -> None:
    _again(encode_entry(decode_entry(raw, "")), lambda one: encode_entry(decode_entry(one, "")))


def _manifest(raw: bytes) -> None:
    read_manifest(raw)
    if signature(raw, [b"the first secret"]) not in ("good", "wrong", "none"):
        raise Disagreement("a signature that is neither good nor wrong nor none")


def _merchants(raw: bytes) -> None:
    merchants = Merchants()
    merchants.load([raw])


def _again(raw: bytes, through: Callable[[bytes], bytes]) -> None:
    if through(raw) != raw:
        raise Disagreement("what was read and written is read as something else")


READ: Mapping[str, tuple[Callable[[bytes], Any], tuple[type[Exception], ...]]] = {
    "customer": (_customer, DAMAGED),
    "customer with places": (_customer, DAMAGED),
    "customer with day totals and labels": (_customer, DAMAGED),
    "threshold": (_threshold, DAMAGED),
    "a record": (_record, DAMAGED),
    "labels": (_labels, DAMAGED),
    "manifest": (_manifest, DAMAGED),
    "signed manifest": (_manifest, DAMAGED),
    "merchants": (_merchants, DAMAGED),
    "rules": (lambda raw: RulesWeight.of([raw]), DAMAGED),
    "example": (read_entry, MESSAGE),
    "restore": (read_entry, MESSAGE),
    "prediction": (read_prediction, MESSAGE),
}


class Stored:
    """Single stored values: the name of one, a line break, its bytes."""

    name = "stored"

    def make(self, chance: Random) -> bytes:
        """A value of this release or an earlier one, changed by a few bytes."""
        name = chance.choice([name for name in READ if name in STORED])
        whole = chance.random() < 0.05
        raw = chance.choice(STORED[name])
        return name.encode() + b"\n" + (raw if whole else mutate.by_byte(chance, raw))

    def open(self, case: bytes) -> bytes:
        """The same: the oracle judges what is there."""
        return case

    def check(self, case: bytes) -> None:
        """It is read, or refused as its reader says."""
        name, _, raw = case.partition(b"\n")
        if name.decode(errors="replace") not in READ:
            return
        read, declared = READ[name.decode()]
        try:
            read(raw)
        except declared:
            return


class WaitingKeys:
    """Keys of the index of labels that wait. Weir alone writes them, to its own table."""

    name = "waiting"

    def make(self, chance: Random) -> bytes:
        """What the key of a label may hold."""
        texts = [one for one in mutate.ODD_TEXTS if "\0" not in one]
        return f"{chance.choice(texts)}\n{chance.choice(texts)}".encode()

    def open(self, case: bytes) -> bytes:
        """The same: the oracle judges what is there."""
        return case

    def check(self, case: bytes) -> None:
        """A key is read as it was written."""
        label_id, _, id = case.decode(errors="replace").replace("\0", "").partition("\n")
        waiting = Waiting(len(case), label_id, id)
        if Waiting.read(waiting.key) != waiting:
            raise Disagreement("a waiting label is read as another one")


class Snapshots:
    """Snapshots of a small learning state: records that are changed, or parts with true digests.

    A case is a way, a number for where, and bytes to put there.
    """

    name = "snapshots"

    def __init__(self) -> None:
        self.application = replace(load(read_settings()), engine="engine")
        self.state = self.application.new_state()
        for offset in range(40):
            self.state.fold(example(offset % 2, offset), offset)
        self.parts = list(self.state.parts())
        self.records = list(pack(self.state, "features", "engine"))
        self.identity = replace_fields(self.application.identity, features="features")

    def make(self, chance: Random) -> bytes:
        """A change to one record, or to one part before it is packed."""
        way = chance.choice((b"record", b"part", b"drop", b"key"))
        if way == b"part":
            at = chance.randrange(len(self.parts))
            changed = mutate.by_byte(chance, self.parts[at])
        else:
            at = chance.randrange(len(self.records))
            changed = mutate.by_byte(chance, self.records[at][way != b"key"])
        return b"%s %d\n%s" % (way, at, changed)

    def open(self, case: bytes) -> bytes:
        """The same: the oracle judges what is there."""
        return case

    def check(self, case: bytes) -> None:
        """A snapshot is refused, or gives the state that was packed."""
        head, _, changed = case.partition(b"\n")
        way, _, place = head.partition(b" ")
        at = int(place) if place.isdigit() and len(place) < 9 else 0
        records = self._records(way, at, changed)
        for snapshot in assemble(records):
            try:
                verify(snapshot, self.identity)
                loaded = self.application.new_state()
                loaded.load(unpack(snapshot, self.identity))
            except (SnapshotError, StateError):
                continue
            if way != b"part" and list(loaded.parts()) != self.parts:
                raise Disagreement("a damaged snapshot is loaded")

    def _records(self, way: bytes, at: int, changed: bytes) -> list[tuple[bytes, bytes]]:
        if way == b"part":
            parts = list(self.parts)
            parts[at % len(parts)] = changed
            bundle = Bundle()
            try:
                for part in parts:
                    bundle.add(part)
            except (*MESSAGE, SnapshotError):
                return []  # no writer makes such a snapshot
            return list(bundle.records("features", "engine"))
        records = list(self.records)
        key, value = records[at % len(records)]
        if way == b"drop":
            del records[at % len(records)]
        else:
            put = (changed, value) if way == b"key" else (key, changed)
            records[at % len(records)] = put
        return records


def bomb(size: int) -> bytes:
    """A small chunk that would unpack to a large part."""
    packed = zlib.compress(bytes(size), 9)
    return len(packed).to_bytes(8, "big") + packed
