"""Dead letters keep what could not be used, where it lay and why."""

import hashlib
from dataclasses import replace

import pytest
from aiokafka import ConsumerRecord

from app.core.labels import LabelEntry, decode_entry, encode_entry
from app.core.messages import Origin
from app.core.settling import MAX_REVISIONS, Received
from app.errors import Refused
from app.runtime.topics.shapes import INPUT_BYTES, LETTER_BYTES
from app.runtime.writer import Out
from app.serving.dead_letters.headers import KEPT_BYTES, given_back
from app.serving.dead_letters.journey import HEADER, HISTORY_BYTES, carried
from app.serving.dead_letters.write import HEADERS_BYTES, dead_letter, given_up, waiting_again
from app.streams.fraud.messages import Feedback, read_feedback
from tests.core.sayings import CARDS, decision, settle

REASON = Refused("`amount` is missing")


def record(value: bytes | None, key: bytes | None = b"c1") -> ConsumerRecord:
    size = len(value or b"")
    return ConsumerRecord("transactions", 3, 17, 5, 0, key, value, None, len(key or b""), size, ())


def kept_as(value: bytes | None, headers: tuple, at: int = 1000) -> ConsumerRecord:
    """A record of the dead letters topic, 2:40."""
    return ConsumerRecord("dead-letters", 2, 40, at, 0, b"c1", value, None, 2, 0, headers)


def size(out: Out) -> int:
    headers = sum(len(name) + len(value) for name, value in out.headers)
    return len(out.key or b"") + len(out.value or b"") + headers


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        pytest.param(b"c1", b"\xff\x00", b"c1", id="bytes"),
        pytest.param(b"c1", None, b"c1", id="a tombstone"),
        pytest.param(None, b"{}", None, id="no key"),
        pytest.param(b"", b"{}", b"", id="an empty key"),
        pytest.param(None, None, b"", id="neither"),
    ],
)
def test_a_dead_letter_has_the_raw_value_and_says_why_and_from_where(key, value, kept):
    letter = dead_letter(record(value, key), REASON)
    assert (letter.key, letter.value) == (kept, value)
    assert letter.headers == (
        ("reason", b"`amount` is missing"),
        ("topic", b"transactions"),
        ("partition", b"3"),
        ("offset", b"17"),
        ("timestamp", b"5"),
    )


def test_the_largest_input_fits_whole():
    value = bytes(INPUT_BYTES)
    assert dead_letter(record(value), REASON).value == value


@pytest.mark.parametrize("size_of_key", [2, INPUT_BYTES, 3 * INPUT_BYTES])
def test_what_was_larger_before_compression_is_cut_and_has_its_digest(size_of_key):
    value = bytes(3 * INPUT_BYTES)
    letter = dead_letter(record(value, b"k" * size_of_key), REASON)
    assert size(letter) <= LETTER_BYTES - HEADERS_BYTES // 2
    assert value.startswith(letter.value)
    assert dict(letter.headers)["sha256"] == hashlib.sha256(value).hexdigest().encode()


def test_a_long_reason_is_cut_between_characters():
    letter = dead_letter(record(b""), Refused("x" + "é" * 1000))
    assert dict(letter.headers)["reason"].decode() == "x" + "é" * 249


def test_labels_that_waited_are_published_again_as_they_were():
    entry = LabelEntry("c1", [])
    for n, key in enumerate(("c1", "c2")):
        said = Feedback(id="t1", key=key, label="fraud", source="analyst", at=n, actor="ann")
        settle(entry, said, Received(Origin(1, 0, n), 1000 + n), None)
    again = list(waiting_again(CARDS, "t1", entry))
    assert [(out.key, out.timestamp, out.headers) for out in again] == [
        (b"c1", 1000, ()),
        (b"c2", 1001, ()),
    ]
    assert [read_feedback(out.value).at for out in again] == [0, 1]


def test_a_label_that_is_given_up_says_where_it_was_read():
    entry = LabelEntry("c1", [])
    said = Feedback(id="t1", key="c1", label="fraud", source="analyst", label_id="l1")
    revision = settle(entry, said, Received(Origin(1, 2, 17), 1000), None)
    letter = given_up(CARDS, "feedback", "t1", entry, revision)
    headers = dict(letter.headers)
    assert (headers["topic"], headers["partition"], headers["offset"]) == (b"feedback", b"2", b"17")
    assert b"WEIR_LABEL_WAIT" in headers["reason"]
    assert read_feedback(letter.value).label_id == "l1"


JOURNEY = b'{"replays":1,"refusals":[]}'


def test_a_record_that_was_replayed_keeps_its_history_when_it_is_refused_again():
    again = replace(record(b"{}"), headers=((HEADER, JOURNEY), ("other", b"x")))
    assert dict(dead_letter(again, REASON).headers)[HEADER] == JOURNEY
    forged = replace(record(b"{}"), headers=((HEADER, b"x" * 1_000_000),))
    assert HEADER not in dict(dead_letter(forged, REASON).headers)


def test_a_label_that_was_replayed_keeps_its_history_while_it_waits_and_no_longer():
    entry = LabelEntry("c1", [])
    said = Feedback(id="t1", key="c1", label="fraud", source="analyst", label_id="l1")
    revision = settle(entry, said, Received(Origin(1, 2, 17), 1000, JOURNEY), None)
    entry = decode_entry(encode_entry(entry), "")
    (again,) = waiting_again(CARDS, "t1", entry)
    assert again.headers == ((HEADER, JOURNEY),)
    letter = given_up(CARDS, "feedback", "t1", entry, revision)
    assert dict(letter.headers)[HEADER] == JOURNEY
    assert dict(letter.headers)["timestamp"] == b"1000"
    settled = settle(entry, said, Received(Origin(1, 2, 18), 1000, JOURNEY), decision())
    assert (settled.outcome, settled.history) == ("settled", b"")


def test_the_largest_entry_of_labels_that_wait_with_their_history_fits_into_one_record():
    entry = LabelEntry("c1", [])
    for n in range(MAX_REVISIONS):
        said = Feedback(
            id="t1",
            key="c" * 128,
            label="fraud",
            source="analyst",
            note="\N{GRINNING FACE}" * 2000,
            label_id=f"{n:0128d}",
        )
        known = Received(Origin(1, 2, n), 1000, carried([(HEADER, b"x" * HISTORY_BYTES)]))
        assert settle(entry, said, known, None).history
    assert len(encode_entry(entry)) < 1_000_000


def test_the_headers_of_a_producer_come_back_with_their_names_and_in_their_order():
    given = (("trace", b"1"), ("offset", None), (HEADER, b"{}"), ("trace", b"2"), ("", b""))
    letter = dead_letter(replace(record(b"x"), headers=given), REASON)
    assert given_back(letter.headers) == [one for one in given if one[0] != HEADER]
    assert dict(letter.headers)["offset"] == b"17"
    assert carried(letter.headers) == b"{}"


def test_headers_of_a_producer_that_do_not_fit_are_counted():
    given = (("small", b"1"), ("large", bytes(KEPT_BYTES)), *[("", b"")] * 10_000)
    letter = dead_letter(replace(record(bytes(3 * INPUT_BYTES)), headers=given), REASON)
    kept = given_back(letter.headers)
    assert kept[:2] == [("small", b"1"), ("", b"")]
    assert int(dict(letter.headers)["headers-left-out"]) == len(given) - len(kept) > 1000
    assert size(letter) <= LETTER_BYTES - HEADERS_BYTES // 2
