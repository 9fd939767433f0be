"""The record of small applications: whatever is replayed, nothing counts twice."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.hashing import hash64
from app.core.keyed import Record as RecordProtocol
from app.core.messages import Origin, Source
from app.core.record import KEPT, Past, Record
from app.errors import StateError

EPOCH = 3


class Login(NamedTuple):
    """An event."""

    id: str
    country: str


class Said(NamedTuple):
    """An example, as far as a record looks at it."""

    origin: Origin
    y: int


class Habits(msgspec.Struct):
    """A body: lists and dictionaries, whose order is part of the bytes."""

    seen: list[str] = []
    countries: dict[str, int] = {}
    takeovers: list[int] = []

    def add(self, login: Login) -> None:
        self.seen = [*self.seen, login.id]
        self.countries[login.country] = self.countries.get(login.country, 0) + 1

    def label(self, said: Said) -> None:
        self.takeovers = [*self.takeovers, said.y]


open_record = Record.opener(Habits, EPOCH)


def step(record: Record[Habits], login: Login, offset: int) -> Past[Habits]:
    """What a batch does with an event, see `app.core.batch`."""
    id_hash = hash64(login.id)
    first = record.first_offset_of(id_hash)
    past = record.before(offset if first is None else first)
    told = Past(past.whole, msgspec.msgpack.decode(msgspec.msgpack.encode(past.body), type=Habits))
    if first is not None and first != offset:
        record.pass_over(offset)
    else:
        record.count(login, id_hash, offset)
    return told


def lived(log: list[Login], crashes: dict[int, int] | None = None) -> bytes:
    """The bytes after a log that is read once, but for so many events again before some of them."""
    raw: bytes | None = None
    for offset in range(len(log)):
        for n in [*range(max(0, offset - (crashes or {}).get(offset, 0)), offset), offset]:
            record = open_record(raw)
            step(record, log[n], n)
            raw = record.encode()
    return raw or open_record(None).encode()


# Ids come again soon, or when the record has forgotten them.
logins = st.builds(Login, st.integers(0, 25).map("t{}".format), st.sampled_from(("FR", "DE")))
logs = st.lists(logins, max_size=60)
replays = st.dictionaries(st.integers(0, 59), st.integers(1, 60), max_size=5)


@given(logs, replays)
def test_whatever_is_replayed_the_bytes_are_those_without(log, crashes):
    assert lived(log, crashes) == lived(log)


@given(logs, replays)
def test_nothing_counts_twice(log, crashes):
    body = open_record(lived(log, crashes)).body
    expected: list[str] = []
    for login in log:
        if login.id not in expected[-KEPT:]:
            expected.append(login.id)
    assert body.seen == expected
    assert sum(body.countries.values()) == len(expected)


@given(logs, st.integers(0, 59), st.integers(1, 60))
def test_a_replayed_event_sees_what_it_saw_or_is_told_that_it_does_not(log, end, back):
    raw, first = None, []
    for offset, login in enumerate(log[:end]):
        record = open_record(raw)
        first.append(step(record, login, offset))
        raw = record.encode()
    for offset in range(max(0, len(first) - back), len(first)):
        again = step(open_record(raw), log[offset], offset)
        assert again == first[offset] or not again.whole


@given(st.lists(st.integers(0, 1), max_size=30), replays)
def test_a_replayed_label_changes_nothing(ys, crashes):
    raw = None
    for offset in range(len(ys)):
        for n in [*range(max(0, offset - crashes.get(offset, 0)), offset), offset]:
            record = open_record(raw)
            record.label(Said(Origin(EPOCH, 0, n), ys[n]))
            raw = record.encode()
    assert open_record(raw).body.takeovers == ys


@given(logs, st.lists(st.integers(0, 1), max_size=30), st.randoms(use_true_random=False))
def test_events_and_labels_come_in_any_order_of_each_other(log, ys, chance):
    steps: list[Callable[[Record[Habits]], object]] = []
    events = [lambda r, n=n: step(r, log[n], n) for n in range(len(log))]
    marks = [lambda r, n=n: r.label(Said(Origin(EPOCH, 0, n), ys[n])) for n in range(len(ys))]
    apart = open_record(None)
    for each in [*events, *marks]:
        each(apart)
    while events or marks:
        steps.append(chance.choice([side for side in (events, marks) if side]).pop(0))
    mixed = open_record(None)
    for each in steps:
        each(mixed)
    assert mixed.encode() == apart.encode()


def test_it_is_what_the_seam_asks_for():
    record: RecordProtocol = open_record(None)
    assert record.before(0).whole
    assert record.first_offset_of(hash64("t1")) is None


def test_an_id_is_known_until_as_many_have_come_after_it():
    record = open_record(None)
    for offset in range(KEPT):
        step(record, Login(f"t{offset}", "FR"), offset)
    assert record.first_offset_of(hash64("t0")) == 0
    step(record, Login("last", "FR"), KEPT)
    assert record.first_offset_of(hash64("t0")) is None
    assert record.first_offset_of(hash64("last")) == KEPT


def test_a_repeat_is_dealt_with_and_leaves_the_past_whole():
    record = open_record(lived([Login("t1", "FR"), Login("t1", "FR")]))
    assert (record.seen_through, record.body.seen) == (1, ["t1"])
    assert [record.before(offset).whole for offset in (0, 1, 2)] == [False, True, True]


class TestEnteredAgain:
    def test_the_highest_offset_of_each_partition_is_kept(self):
        record = open_record(None)
        record.count(Login("t0", "FR"), hash64("t0"), 0, Source(1, 7))
        record.count(Login("t1", "FR"), hash64("t1"), 1, Source(0, 3))
        record.pass_over(2, Source(1, 9))
        record.pass_over(3, Source(1, 8))
        record = open_record(record.encode())
        known = {(p, o) for p in range(3) for o in range(12) if record.entered(Source(p, o))}
        assert known == {(0, o) for o in range(4)} | {(1, o) for o in range(10)}

    def test_a_replay_changes_no_byte(self):
        record = open_record(None)
        for offset in range(3):
            record.count(Login(f"t{offset}", "FR"), offset, offset, Source(1, 2 * offset))
        raw = record.encode()
        record.count(Login("t1", "FR"), 1, 1, Source(1, 70))
        record.pass_over(2, Source(1, 70))
        assert record.encode() == raw

    def test_the_bytes_do_not_depend_on_which_partition_came_first(self):
        sources = [Source(2, 5), Source(0, 9)]
        one, other = open_record(None), open_record(None)
        for offset, (here, there) in enumerate(zip(sources, reversed(sources), strict=True)):
            one.pass_over(offset, here)
            other.pass_over(offset, there)
        assert one.encode() == other.encode()

    def test_what_was_not_entered_again_costs_no_byte(self):
        record = open_record(None)
        step(record, Login("t0", "FR"), 0)
        size = len(record.encode())
        record.pass_over(1, Source(1, 7))
        assert len(record.encode()) == size + 3


class TestANewEpoch:
    def renewed(self) -> Record[Habits]:
        old = open_record(lived([Login(f"t{n}", "FR") for n in range(20)]))
        old.label(Said(Origin(EPOCH, 0, 50), 1))
        return Record.opener(Habits, EPOCH + 1)(old.encode())

    def test_offsets_start_again_and_the_body_goes_on(self):
        record = self.renewed()
        assert record.before(0) == (True, record.body)
        step(record, Login("new", "DE"), 0)
        assert record.body.countries == Counter(FR=20, DE=1)

    def test_ids_of_before_are_still_repeats(self):
        record = self.renewed()
        assert record.first_offset_of(hash64("t19")) == -1
        assert record.first_offset_of(hash64("t4")) == -KEPT
        step(record, Login("t19", "DE"), 0)
        assert record.body.countries == {"FR": 20}

    def test_origins_start_again(self):
        old = open_record(None)
        old.pass_over(0, Source(1, 7))
        assert not Record.opener(Habits, EPOCH + 1)(old.encode()).entered(Source(1, 7))

    def test_labels_start_again(self):
        record = self.renewed()
        record.label(Said(Origin(EPOCH + 1, 0, 0), 0))
        assert record.body.takeovers == [1, 0]

    def test_an_older_worker_refuses_it(self):
        with pytest.raises(StateError, match="of epoch 4, but this worker's is 3"):
            open_record(self.renewed().encode())


class LaterHabits(Habits):
    """The same with one field more, as the next version of an application may have."""

    device: str = "unknown"


def test_a_field_that_is_added_later_has_its_default():
    raw = lived([Login("t1", "FR")])
    later = Record.opener(LaterHabits, EPOCH)(raw)
    assert later.body == LaterHabits(seen=["t1"], countries={"FR": 1}, device="unknown")


def test_its_bytes_stay_what_they_are():
    record = open_record(lived([Login("t1", "FR")]))
    record.label(Said(Origin(EPOCH, 0, 5), 1))
    raw = bytes.fromhex(
        "029503009192cf29cff772c320e9cb009403000500"
        "83a47365656e91a27431a9636f756e747269657381a2465201a974616b656f766572739101"
    )
    assert record.encode() == raw
    assert open_record(raw).encode() == raw
    assert open_record(b"\x01" + raw[1:]).encode() == raw, "format 1, without origins"


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_record_that_is_cut_is_refused(cut: int):
    raw = lived([Login("t1", "FR"), Login("t2", "FR")])
    with pytest.raises(StateError, match="a record is damaged"):
        open_record(raw[:-cut])


def test_nothing_stored_is_an_empty_record():
    for raw in (None, b""):
        record = open_record(raw)
        assert (record.body, record.seen_through, record.ids) == (Habits(), -1, [])
