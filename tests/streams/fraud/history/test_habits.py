"""What a customer used before: counted as the record counts, and the same at a replay."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.hashing import hash64
from app.core.messages import Source
from app.errors import StateError
from app.streams.fraud.history.habits import KEPT, MOST, SLOT, Asked, after, compared, used
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.history.ring import Event
from app.streams.fraud.messages import Transaction

EPOCH, START = 3, 1_700_000_000_000
CATEGORY, CHANNEL, COUNTRY = 11, 12, 13


def asking(*fields: int, events: int = 4, replay: int = 3) -> Limits:
    return Limits(events, replay, labels=3, habits=Asked(fields))


BOTH, NEITHER = asking(CATEGORY, CHANNEL), asking()

words = st.tuples(st.integers(0, 12), st.sampled_from((0, 1, 65_535)))
amounts = st.floats(0, 1e12) | st.sampled_from((0.0, 1e-300, 5.0, 7.5, 1e12))
uses = st.lists(st.tuples(words, amounts), min_size=1, max_size=40)
Uses = Sequence[tuple[tuple[int, ...], float]]


def events_of(uses: Uses, first: int = 0) -> list[Event]:
    return [
        Event(n, hash64(f"t{n}"), START + n, amount, 9, words=words)
        for n, (words, amount) in enumerate(uses, first)
    ]


def lived(
    events: list[Event], limits: Limits = BOTH, raw: bytes | None = None
) -> tuple[bytes, list[tuple[bytes, ...]]]:
    """The record after these events, packed after each, and the habits that each saw."""
    seen = []
    for event in events:
        history = History.decode(raw, EPOCH, limits)
        seen.append(history.before(event.offset).habits)
        assert history.insert(event)
        raw = history.encode()
    assert raw is not None
    return raw, seen


def slowly(uses: Uses, field: int) -> dict[int, int]:
    """How often each remembered word was used, by plain lists."""
    order: list[int] = []
    times: dict[int, int] = {}
    for used_words, _ in uses:
        word = used_words[field]
        if not word:
            continue
        if word not in times and len(times) == KEPT:
            least = min(order, key=lambda one: (times[one], order.index(one)))
            order.remove(least)
            del times[least]
        times[word] = times.get(word, 0) + 1
        if word in order:
            order.remove(word)
        order.append(word)
    return times


@given(uses)
def test_each_event_sees_how_often_words_were_used_before(uses):
    _, seen = lived(events_of(uses))
    for n, habits in enumerate(seen):
        for field in (0, 1):
            found = {word: times for word, times, _ in SLOT.iter_unpack(habits[field])}
            assert found == slowly(uses[:n], field)


@given(uses)
def test_replaying_a_suffix_sees_the_same_bits_and_leaves_the_same_bytes(uses):
    events = events_of(uses)
    raw, seen = lived(events)
    for event, first in list(zip(events, seen, strict=True))[-BOTH.replay :]:
        again = History.decode(raw, EPOCH, BOTH)
        assert again.before(event.offset).habits == first
        assert not again.insert(event)
        assert again.encode() == raw


@given(uses)
def test_a_record_kept_open_has_the_bytes_of_one_packed_after_each_event(uses):
    history = History(EPOCH, BOTH)
    for event in events_of(uses):
        history.insert(event)
    assert history.encode() == lived(events_of(uses))[0]


@given(uses, uses)
def test_a_new_epoch_keeps_them_and_replays_of_it_see_the_same(earlier, later):
    old, _ = lived(events_of(earlier))
    history = History.decode(old, EPOCH + 1, BOTH)
    assert history.before(0).habits == History.decode(old, EPOCH, BOTH).before(2**40).habits
    raw, seen, events = history.encode(), [], events_of(later)
    for event in events:
        history = History.decode(raw, EPOCH + 1, BOTH)
        seen.append(history.before(event.offset).habits)
        history.insert(event)
        raw = history.encode()
    for event, first in list(zip(events, seen, strict=True))[-BOTH.replay :]:
        assert History.decode(raw, EPOCH + 1, BOTH).before(event.offset).habits == first


@given(uses, uses, st.permutations([CATEGORY, CHANNEL]))
def test_a_file_that_changes_keeps_each_fields_own_and_starts_new_ones_empty(old, new, order):
    """One field goes, another comes; those that stay may change places."""
    raw, _ = lived(events_of(old))
    limits = asking(*order, COUNTRY)
    turned = [
        ((*(words[order.index(field)] for field in (CATEGORY, CHANNEL)), words[0]), amount)
        for words, amount in new
    ]
    order_of = [(CATEGORY, CHANNEL).index(field) for field in order]
    events = [
        event._replace(words=(*(event.words[place] for place in order_of), event.words[2]))
        for event in events_of(turned, first=len(old))
    ]
    after_all, seen = lived(events, limits, raw)
    for n, habits in enumerate(seen):
        told = [*old, *((words[:2], amount) for words, amount in turned[:n])]
        for place, field in enumerate(order_of):
            found = {word: times for word, times, _ in SLOT.iter_unpack(habits[place])}
            assert found == slowly(told, field)
        found = {word: times for word, times, _ in SLOT.iter_unpack(habits[2])}
        assert found == slowly([(words[2:], amount) for words, amount in turned[:n]], 0)
    for event, first in list(zip(events, seen, strict=True))[-BOTH.replay :]:
        assert History.decode(after_all, EPOCH, limits).before(event.offset).habits == first


@given(uses)
def test_what_nobody_asks_for_any_more_leaves_the_bytes_of_a_record_without_words(uses):
    raw, _ = lived(events_of(uses))
    bare, _ = lived([event._replace(words=()) for event in events_of(uses)], NEITHER)
    assert History.decode(raw, EPOCH, NEITHER).encode() == bare
    again = History.decode(History.decode(raw, EPOCH, NEITHER).encode(), EPOCH, BOTH)
    assert again.before(2**40).habits == (b"", b"")


@given(uses, st.integers(0, 39))
def test_smaller_limits_forget_no_use(uses, cut):
    events = events_of(uses)
    small = asking(CATEGORY, CHANNEL, events=1, replay=1)
    raw = None
    for n, event in enumerate(events):
        history = History.decode(raw, EPOCH, BOTH if n < cut else small)
        history.insert(event)
        raw = history.encode()
    head = History.decode(raw, EPOCH, small).before(2**40).habits
    assert head == History.decode(lived(events)[0], EPOCH, BOTH).before(2**40).habits


def test_a_record_without_words_is_written_as_the_release_before_wrote_it():
    events = [event._replace(words=(0, 0)) for event in events_of([((0, 0), 5.0)] * 9)]
    raw, _ = lived(events)
    assert raw == lived([event._replace(words=()) for event in events], NEITHER)[0]
    assert raw[0] == 2
    assert lived(events_of([((1, 0), 5.0)]))[0][0] == 3


def test_a_word_costs_eight_bytes_twice_and_two_for_each_event_kept():
    uses = [((1 + n % KEPT, 0), 5.0) for n in range(60)]
    sizes = [
        len(lived(events_of(uses), asking(*fields, events=32, replay=16))[0])
        for fields in ((CATEGORY, CHANNEL), (CHANNEL, CATEGORY))
    ]
    bare = [event._replace(words=()) for event in events_of(uses)]
    size = len(lived(bare, asking(events=32, replay=16))[0])
    assert sizes == [size + 1 + 6 + 2 * KEPT * 8 + 48 * 2] * 2


def test_of_the_least_used_the_one_unused_for_longest_leaves():
    slots = b""
    for word in (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 9):
        slots = after(slots, word, 5.0)
    assert [word for word, *_ in SLOT.iter_unpack(slots)] == [4, 5, 6, 7, 8, 1, 2, 9]


def test_the_usual_amount_takes_a_spike_as_two_and_a_half_times_itself():
    slots = after(after(after(b"", 7, 10.0), 7, 10.0), 7, 1000.0)
    assert used(slots, 7) == (3, 15.0)
    assert compared(slots, 7, 15.0) == (0.0, 3.0, 0.0)


def test_a_count_stops_at_the_most_that_its_bytes_hold():
    slots = SLOT.pack(7, MOST, 10.0)
    assert used(after(slots, 7, 10.0), 7) == (MOST, 10.0)


def test_an_event_that_is_passed_over_uses_no_word():
    history = History(EPOCH, BOTH)
    history.insert(events_of([((1, 1), 5.0)])[0])
    before = history.before(2).habits
    history.pass_over(1)
    assert history.before(2).habits == before


class TestTransactions:
    limits = Limits(4, 3, 3, Asked((CATEGORY,), lambda tx: (len(tx.category),)))

    def paid(self, n: int, category: str = "") -> Transaction:
        return Transaction(
            id=f"t{n}", at=START, customer="c1", merchant="m1", amount=7.5, category=category
        )

    def test_one_counts_the_word_that_it_has_and_once(self):
        history = History(EPOCH, self.limits)
        for n, category in ((0, "abc"), (1, ""), (2, "abc"), (2, "abc"), (1, "a")):
            history.count(self.paid(n, category), n, n)
        (slots,) = history.before(3).habits
        assert used(slots, 3) == (2, 7.5)
        assert used(slots, 1) is None

    def test_one_that_was_entered_again_counts_where_it_counts_itself(self):
        history = History(EPOCH, self.limits)
        history.count(self.paid(0, "abc"), 0, 0, Source(2, 5))
        history.pass_over(1, Source(2, 5))
        history = History.decode(history.encode(), EPOCH, self.limits)
        assert used(*history.before(2).habits, 3) == (1, 7.5)
        assert history.entered(Source(2, 5))


class TestDamage:
    raw = lived(events_of([((1 + n % 3, 1), 5.0) for n in range(12)]))[0]

    def test_a_record_cut_anywhere_within_is_refused(self):
        for end in range(1, len(self.raw)):
            with pytest.raises(StateError, match="customer record"):
                History.decode(self.raw[:end], EPOCH, BOTH)

    def test_more_slots_than_there_are_is_refused(self):
        raw = lived(events_of([((1, 0), 5.0)]))[0]
        at = len(raw) - 2 - 8 - 2
        assert raw[at : at + 2] == b"\x01\x00"
        with pytest.raises(StateError, match="its words are cut"):
            History.decode(raw[:at] + b"\x09\x00" + raw[at + 2 :] + bytes(64), EPOCH, BOTH)

    def test_an_amount_that_no_payment_has_is_refused(self):
        raw, amount = lived(events_of([((1, 0), 5.0)] * 2))[0], struct.pack("<d", 5.0)
        damaged = raw.replace(amount, struct.pack("<d", 1e300))
        assert damaged != raw
        with pytest.raises(StateError, match="a customer record is damaged: an amount is 1e"):
            History.decode(damaged, EPOCH, BOTH).before(1)

    def test_words_in_a_format_that_had_none_are_refused(self):
        with pytest.raises(StateError, match="its flags are 10"):
            History.decode(b"\x02" + self.raw[1:], EPOCH, BOTH)
