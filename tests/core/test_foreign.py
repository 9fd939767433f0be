"""What in a changelog is taken for foreign, and what never is, because it would lose state."""

import msgspec
import pytest

from app.core import foreign
from app.core.bundle import pack, pin
from app.core.label_keys import (
    EVICTED,
    GROWING,
    GROWTH,
    MATURED,
    ORIGIN,
    POSITION,
    TIME,
    TOPICS,
    WAITING,
)
from app.core.labels import LabelEntry, encode_entry
from app.core.manifest import FORMAT
from app.core.record import FORMAT as RECORD
from app.core.threshold import KEY as THRESHOLD
from tests.core.samples import state
from tests.stored import STORED

(CUSTOMER,), (MANIFEST,) = STORED["customer"], STORED["manifest"]
ENTRY = encode_entry(LabelEntry("c1", []))
LEFT, WAITS = EVICTED + ORIGIN.pack(1, 0, 5) + b"t1", WAITING + TIME.pack(5)
(REVISION,) = STORED["label that had to leave"]
MARK = msgspec.msgpack.encode({"epoch": 1, "unnamed": 1, "ids": {}})
SNAPSHOT = list(pack(state(), "features", "engine"))
STEM = SNAPSHOT[0][0][:-5]

OURS = {
    "a record": (foreign.record, b"c1", CUSTOMER),
    "a small application's record": (foreign.record, b"c1", bytes((RECORD,))),
    "a record of a later format": (foreign.record, b"c1", b"\x05" + CUSTOMER[1:]),
    "a record that is damaged": (foreign.record, b"c1", CUSTOMER[:3]),
    "the id of a customer in any letters": (foreign.record, "käthe".encode(), CUSTOMER),
    "a threshold": (foreign.record, THRESHOLD, STORED["threshold"][0]),
    "a fence": (foreign.record, b"\0fence", None),
    "the end of a record": (foreign.record, b"c1", None),
    "labels": (foreign.label_entry, b"t1", ENTRY),
    "labels as they were stored": (foreign.label_entry, b"t1", STORED["labels"][0]),
    "labels that are damaged": (foreign.label_entry, b"t1", STORED["labels"][0][:20]),
    "a label that waits": (foreign.label_entry, STORED["waiting key"][0], b"1"),
    "a label that waits, in any letters": (foreign.label_entry, WAITS + "ä\0ö".encode(), b"1"),
    "the end of a label that waits, however named": (foreign.label_entry, WAITING + b"x", None),
    "a label that had to leave": (foreign.label_entry, LEFT, REVISION),
    "one that is damaged": (foreign.label_entry, LEFT, REVISION[:20]),
    "the mark of epoch and topics": (foreign.label_entry, TOPICS, MARK),
    "a mark that is damaged": (foreign.label_entry, TOPICS, MARK[:9]),
    "a mark of more": (foreign.label_entry, TOPICS, b"\x84" + MARK[1:] + b"\xa1x\x01"),
    "the position of maturity": (foreign.label_entry, MATURED, POSITION.pack(1, 7)),
    "the start of a partition": (foreign.label_entry, GROWING, GROWTH.pack(1, 7, 9)),
    "a key of a later release": (foreign.label_entry, b"\0topics of old", b"anything"),
    "the end of labels": (foreign.label_entry, b"t1", None),
    "a manifest of a later format": (
        foreign.snapshot,
        STEM + b"manifest",
        MANIFEST.replace(b'"format":%d' % FORMAT, b'"format":9'),
    ),
    "a manifest that is damaged": (foreign.snapshot, STEM + b"manifest", MANIFEST[:40]),
    "a chunk of any bytes": (foreign.snapshot, STEM + b"00007", b"{}"),
    "the end of a chunk": (foreign.snapshot, STEM + b"00007", None),
}


@pytest.mark.parametrize("name", OURS)
def test_what_a_release_wrote_or_may_come_to_write_is_not_foreign(name: str):
    rule, key, value = OURS[name]
    assert rule(key, value) == ""


def test_a_snapshot_and_its_pinned_copy_are_not_foreign():
    assert not any(foreign.snapshot(*one) for one in [*SNAPSHOT, *pin(SNAPSHOT)])


STRANGERS = {
    "no key": (foreign.record, None, CUSTOMER, "no key"),
    "an empty key": (foreign.record, b"", CUSTOMER, "no key"),
    "a key that is too long": (foreign.record, b"c" * 129, CUSTOMER, "not an id"),
    "a key that is no text": (foreign.record, b"\xff\xfe", CUSTOMER, "not an id"),
    "a key with a NUL": (foreign.record, b"c\x001", CUSTOMER, "not an id"),
    "JSON": (foreign.record, b"c1", b'{"id":"c1"}', "not a record"),
    "JSON behind a line": (foreign.record, b"c1", b"\n{}", "not a record"),
    "a framed message": (foreign.record, b"c1", b"\x00\x00\x00\x00\x07abc", "not a record"),
    "an empty value": (foreign.record, b"c1", b"", "not a record"),
    "labels among records": (foreign.record, b"c1", ENTRY, "not a record"),
    "a record among labels": (foreign.label_entry, b"t1", CUSTOMER, "said about"),
    "JSON among labels": (foreign.label_entry, b"t1", b"{}", "said about"),
    "another map among labels": (foreign.label_entry, b"t1", b"\x81\xa1a\x01", "said about"),
    "an empty value among labels": (foreign.label_entry, b"t1", b"", "said about"),
    "garbage behind the name of one that waits": (
        foreign.label_entry,
        WAITING + b"x",
        b"1",
        "waits",
    ),
    "one that waits for nothing": (foreign.label_entry, WAITS + b"l1\0", b"1", "waits"),
    "one that waits without a NUL": (foreign.label_entry, WAITS + b"l1", b"1", "waits"),
    "one that waits with two": (foreign.label_entry, WAITS + b"l1\0t1\0", b"1", "waits"),
    "one that waits and is no text": (foreign.label_entry, WAITS + b"l1\0\xff", b"1", "waits"),
    "one that had to leave no event": (foreign.label_entry, LEFT[:-2], REVISION, "leave"),
    "one that had to leave from nowhere": (foreign.label_entry, EVICTED + b"t", REVISION, "leave"),
    "garbage that had to leave": (foreign.label_entry, LEFT, b"garbage", "not a label"),
    "nothing that had to leave": (foreign.label_entry, LEFT, b"", "not a label"),
    "garbage as a mark": (foreign.label_entry, TOPICS, b"garbage", "epoch"),
    "JSON as a mark": (foreign.label_entry, TOPICS, b'{"epoch":1}', "epoch"),
    "garbage as a position": (foreign.label_entry, MATURED, b"garbage", "position"),
    "garbage as a start": (foreign.label_entry, GROWING, POSITION.pack(1, 7), "time"),
    "a word among snapshots": (foreign.snapshot, b"hello", b"x", "key"),
    "no key among snapshots": (foreign.snapshot, None, b"x", "key"),
    "no manifest": (foreign.snapshot, STEM + b"manifest", b"{}", "manifest"),
    "a chunk that is too large": (foreign.snapshot, STEM + b"00000", bytes(600_000), "chunk"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_no_release_writes_is_foreign(name: str):
    rule, key, value, why = STRANGERS[name]
    assert why in rule(key, value)
