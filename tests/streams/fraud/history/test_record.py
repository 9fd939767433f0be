"""The packed customer record: what a transaction sees, and that a replay sees the same."""

from itertools import pairwise
from math import exp, log
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.hashing import hash64
from app.core.messages import Origin, Source
from app.errors import StateError
from app.streams.fraud.history.buckets import COVERED, NO_BUCKETS, SIZES
from app.streams.fraud.history.past import Past
from app.streams.fraud.history.record import History, Limits
from app.streams.fraud.history.ring import Event
from app.streams.fraud.history.widths import WINDOWS
from app.streams.fraud.messages import Transaction
from app.units import DAY_MS, HOUR_MS

EPOCH = 3
START = 1_700_000_000_000
FLAGS = 13  # place of the flags in a record
LIMITS = Limits(events=4, replay=3, labels=3)
ROOM = Limits(events=512, replay=512, labels=3)

gaps = st.one_of(
    st.integers(-2 * DAY_MS, 2 * DAY_MS),  # late events too
    st.integers(-90_000, 90_000),
    st.sampled_from((0, DAY_MS, 31 * DAY_MS, 400 * DAY_MS)),
)
amounts = st.floats(0, 1e12, allow_nan=False)
places = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@st.composite
def journeys(draw: st.DrawFn, most: int = 24) -> list[Event]:
    """A customer's events in the order of their offsets."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(1, 2**40), gaps, amounts, st.integers(0, 3), places),
            min_size=1,
            max_size=most,
        )
    )
    events, offset, at = [], -1, START
    for step, gap, amount, merchant, place in rows:
        offset, at = offset + step, max(at + gap, 0)
        lat, lon = place or (None, None)
        events.append(Event(offset, hash64(f"t{offset}"), at, amount, merchant, lat, lon))
    return events


def lived(events: list[Event], limits: Limits = LIMITS) -> tuple[History, list[Past]]:
    """A record through whose life every event went as in production, and what each saw."""
    raw, seen = None, []
    for event in events:
        history = History.decode(raw, EPOCH, limits)
        seen.append(history.before(event.offset))
        assert history.insert(event)
        raw = history.encode()
    return History.decode(raw, EPOCH, limits), seen


def paid(*amounts: float, gap: int = DAY_MS) -> list[Event]:
    """One event per amount, at offsets 0, 1, 2 ..."""
    return [
        Event(i, hash64(f"t{i}"), START + i * gap, amount, 9) for i, amount in enumerate(amounts)
    ]


def everything(past: Past, at: int) -> str:
    """All bits of a view: repr tells -0.0 from 0.0."""
    return repr((past, past.windows(at)))


def by_days(events: list[Event], start: int, end: int) -> tuple[float, float]:
    """Day totals, the slow way: each day by the share of its span that lies after `start`."""
    if not events:
        return 0.0, 0.0
    latest = max(event.at for event in events)
    count = total = 0.0
    for day in {event.at // DAY_MS for event in events}:
        if latest // DAY_MS - 31 <= day <= end // DAY_MS:
            span = range(day * DAY_MS, min((day + 1) * DAY_MS, latest + 1))
            inside = range(max(span.start, start + 1), min(span.stop, end + 1))
            share = len(inside) / len(span)
            count += share * sum(event.at // DAY_MS == day for event in events)
            total += share * sum(event.amount for event in events if event.at // DAY_MS == day)
    return count, total


@given(journeys(), st.data())
def test_windows_over_the_ring_count_exactly_what_a_plain_search_counts(events, data):
    at = events[-1].at + data.draw(gaps)
    past = lived(events, ROOM)[0].before(events[-1].offset + 1)
    for width, (count, total) in zip(WINDOWS, past.windows(at), strict=True):
        inside = [event.amount for event in events if at - width < event.at <= at]
        assert count == len(inside)
        assert total == pytest.approx(sum(inside), rel=1e-12)


@given(journeys())
def test_windows_of_more_than_a_day_beyond_the_ring_come_from_day_totals(events):
    for i, (event, past) in enumerate(zip(events, lived(events)[1], strict=True)):
        ring, older = events[max(0, i - 4) : i], events[: max(0, i - 4)]
        widths = WINDOWS[4:]
        for width, (count, total) in zip(widths, past.windows(event.at, widths), strict=True):
            start = event.at - width
            inside = [e.amount for e in ring if start < e.at <= event.at]
            days, summed = by_days(older, start, event.at)
            assert count == pytest.approx(len(inside) + days, rel=1e-9, abs=1e-9)
            assert total == pytest.approx(sum(inside) + summed, rel=1e-9, abs=1e-3)


@st.composite
def bursts(draw: st.DrawFn) -> list[Event]:
    """A customer's events at any rate, some of them late, with pauses."""
    unit = draw(st.sampled_from((1, 900, 20_000, HOUR_MS // 10, 5 * HOUR_MS)))
    steps = st.one_of(st.integers(0, 3), st.integers(-12, 12), st.sampled_from((-90, 0, 40)))
    rows = draw(st.lists(st.tuples(steps, st.integers(0, 10**6)), min_size=8, max_size=60))
    at, events = START, []
    for offset, (step, amount) in enumerate(rows):
        at += step * unit + offset % 3
        events.append(Event(offset, offset, at, amount / 128, 9))
    return events


def doubtful(older: list[Event], width: int, at: int, reached: int) -> list[Event]:
    """The events that left and lie where a window, or what is kept, cuts a bucket or a day."""
    start, end, found = at - width, at, []
    latest = max((event.at for event in older), default=0)
    sizes = [size for covered, size in zip(COVERED, SIZES, strict=True) if covered >= width]
    for size in (*sizes, DAY_MS):
        kept = 0 if size == DAY_MS else reached // size - 13
        cuts = [at // size for at in (max(start + 1, kept * size), end + 1) if at % size]
        found += [event for event in older if event.at // size in cuts]
        if start + 1 >= kept * size:
            break
        end = min(end, kept * size - 1)
    return found + [event for event in older if event.at // DAY_MS < latest // DAY_MS - 31]


@given(bursts(), st.data())
def test_a_window_errs_by_what_lies_in_the_buckets_that_it_cuts(events, data):
    for i, past in enumerate(lived(events)[1][1:], 1):
        earlier, older = events[:i], events[: max(0, i - 4)]
        reached = max(event.at for event in earlier)
        at = data.draw(st.sampled_from((reached, events[i - 1].at, events[i - 1].at - 7777)))
        for width, (count, total) in zip(WINDOWS, past.windows(at), strict=True):
            inside = [event.amount for event in earlier if at - width < event.at <= at]
            doubt = doubtful(older, width, at, reached)
            assert abs(count - len(inside)) <= len(doubt) + 1e-9
            assert abs(total - sum(inside)) <= sum(event.amount for event in doubt) + 1e-6


@given(bursts())
def test_what_comes_in_order_of_time_errs_by_one_twelfth_of_the_window_at_most(events):
    events = [
        event._replace(at=at)
        for event, at in zip(events, sorted(event.at for event in events), strict=True)
    ]
    for i, past in enumerate(lived(events)[1]):
        earlier, at = events[:i], events[i].at
        for width, (count, _) in zip(COVERED, past.windows(at, COVERED), strict=True):
            inside = sum(event.at > at - width for event in earlier)
            first = (at - width + 1) // (width // 12)  # the bucket that the start cuts
            doubt = sum(event.at // (width // 12) == first for event in earlier)
            assert abs(count - inside) <= doubt + 1e-9


@pytest.mark.parametrize(
    ("gap", "number"), [(1, 50_000), (7, 8_000), (950, 5_000), (40_000, 4_000)]
)
def test_windows_of_a_customer_of_any_rate_are_right(gap, number):
    """So many transactions, one every so many milliseconds: 1000 a second and one in 40 s."""
    events, history = paid(*[2.0] * number, gap=gap), History(EPOCH, Limits(24, 12, 16))
    for offset, event in enumerate(events):
        if offset in (number // 2, number - 1):
            history = History.decode(history.encode(), EPOCH, history.limits)
            windows = history.before(offset).windows(event.at)
            true = [min(offset, -(-width // gap) - 1) for width in WINDOWS]
            assert [count for count, _ in windows] == pytest.approx(true, abs=1.0)
            assert [total for _, total in windows] == pytest.approx([2 * n for n in true], abs=2.0)
        history.insert(event)


def test_a_customer_whose_ring_holds_a_day_has_no_buckets():
    raw = lived(paid(*[1.0] * 60, gap=DAY_MS // 2))[0].encode()
    assert not raw[FLAGS] & 2
    busy = lived(paid(*[1.0] * 60, gap=1000))[0].encode()
    assert busy[FLAGS] & 2
    quiet = [
        event._replace(offset=60 + i, at=START + 3 * DAY_MS + i)
        for i, event in enumerate(paid(*[1.0] * 4))
    ]
    history = History.decode(busy, EPOCH, LIMITS)
    for event in quiet:
        history.insert(event)
    assert not history.encode()[FLAGS] & 2, "and has none any more after three days"


def test_buckets_take_less_than_a_kilobyte_whatever_the_rate():
    steps = [1] * 500 + [1000] * 200 + [30_000] * 200 + [600_000] * 400
    events, at = [], START
    for offset, step in enumerate(reversed(steps)):
        at += step
        events.append(Event(offset, offset, at, 1.0, 9))
    history = History(EPOCH, LIMITS)
    sizes = []
    for event in events:
        history.insert(event)
        sizes.append(len(history._buckets.encode()))
    assert 500 < max(sizes) < 700


class TestUpgrade:
    """Records of format 1 have no buckets: what had left is in day totals alone."""

    def upgraded(self, events: list[Event]) -> bytes:
        history, _ = lived(events)
        history._buckets = NO_BUCKETS
        return b"\x01" + history.encode()[1:]

    def test_day_totals_stand_in_until_the_buckets_have_filled(self):
        events = paid(*[1.0] * 20_000, gap=10_000)
        history = History.decode(self.upgraded(events[:10_000]), EPOCH, LIMITS)
        before = history.before(10_000).windows(events[10_000].at)
        assert [count for count, _ in before[:3]] == pytest.approx([6, 30, 360], abs=1)
        for offset in range(10_000, 20_000):
            if offset % 97 == 0:
                history = History.decode(history.encode(), EPOCH, LIMITS)
                windows = history.before(offset).windows(events[offset].at)
                assert [count for count, _ in windows[:4]] == pytest.approx(
                    [5, 29, 359, 8639], abs=1.5, rel=0.1
                )
            history.insert(events[offset])
        assert history.encode() == lived(events)[0].encode()

    @given(bursts(), st.data())
    def test_replays_after_it_see_the_same_bits(self, events, data):
        at = data.draw(st.integers(1, len(events) - 1))
        raw, first = self.upgraded(events[:at]), []
        for event in events[at:]:
            history = History.decode(raw, EPOCH, LIMITS)
            first.append(everything(history.before(event.offset), event.at))
            history.insert(event)
            raw = history.encode()
        for event, seen in list(zip(events[at:], first, strict=True))[-LIMITS.replay :]:
            again = History.decode(raw, EPOCH, LIMITS)
            assert everything(again.before(event.offset), event.at) == seen
            assert not again.insert(event)
            assert again.encode() == raw

    def test_a_record_whose_ring_holds_a_day_has_no_mark(self):
        raw = self.upgraded(paid(*[1.0] * 30))
        assert not History.decode(raw, EPOCH, LIMITS).encode()[FLAGS] & 2


@given(journeys())
def test_running_values_are_those_of_all_earlier_events(events):
    _, seen = lived(events)
    for i, past in enumerate(seen):
        earlier = [event.amount for event in events[:i]]
        assert past.count == i
        assert past.last_at == max((event.at for event in events[:i]), default=None)
        if i > 1:
            assert past.mean == pytest.approx(fmean(earlier), rel=1e-9)
            assert past.variance == pytest.approx(variance(earlier), rel=1e-6, abs=1e-3)


def test_the_typical_amount_takes_a_spike_as_two_and_a_half_times_itself():
    history, _ = lived(paid(10, 10, 1000))
    past = history.before(3)
    assert past.typical == 10 + (25 - 10) / 3
    assert past.last_spike == START + 2 * DAY_MS


@pytest.mark.parametrize(
    ("ratio", "spike"),
    [
        pytest.param(exp(0.8) * 1.000001, START + DAY_MS, id="just above"),
        pytest.param(exp(0.8) * 0.999999, None, id="just below"),
    ],
)
def test_a_spike_is_a_log_ratio_above_point_eight(ratio, spike):
    assert log(ratio) == pytest.approx(0.8, abs=1e-5)
    history, _ = lived(paid(10, 10 * ratio))
    assert history.before(2).last_spike == spike


def test_a_late_spike_does_not_replace_a_later_one():
    early = Event(3, hash64("t3"), START, 1000, 9)
    history, _ = lived([*paid(10, 10, 1000), early])
    assert history.before(4).last_spike == START + 2 * DAY_MS


def test_a_typical_amount_of_zero_does_not_stay_zero():
    history, _ = lived(paid(0, 0, 30))
    assert history.before(3).typical == 10
    assert history.before(3).last_spike is None


@given(journeys() | bursts())
def test_replaying_a_suffix_sees_the_same_bits_and_leaves_the_same_bytes(events):
    history, seen = lived(events)
    raw = history.encode()
    for back in range(1, min(LIMITS.replay, len(events)) + 1):
        for event, first in list(zip(events, seen, strict=True))[-back:]:
            again = History.decode(raw, EPOCH, LIMITS)
            past = again.before(event.offset)
            assert past.whole
            assert everything(past, event.at) == everything(first, event.at)
            assert not again.insert(event)
            assert again.encode() == raw


@given(journeys() | bursts())
def test_a_record_kept_open_has_the_bytes_of_one_packed_after_each_event(events):
    history = History(EPOCH, LIMITS)
    for event in events:
        history.insert(event)
    assert history.encode() == lived(events)[0].encode()


@given(journeys(), st.data())
def test_an_offset_below_the_highest_one_is_never_inserted(events, data):
    missing = data.draw(st.sampled_from(events))
    history, _ = lived([event for event in events if event is not missing])
    raw = history.encode()
    newest = events[-1] is missing
    assert history.insert(missing) is newest
    assert newest or history.encode() == raw


@given(journeys())
def test_what_was_passed_over_is_not_inserted_at_a_replay_either(events):
    *earlier, repeated = events
    history, _ = lived(earlier)
    before = history.before(repeated.offset)
    history.pass_over(repeated.offset)
    again = History.decode(history.encode(), EPOCH, LIMITS)
    assert not again.insert(repeated)
    assert again.before(repeated.offset) == before
    assert again.seen_through == repeated.offset


@given(journeys())
def test_what_has_left_is_not_inserted_again_and_its_view_is_not_whole(events):
    history, _ = lived(events)
    raw = history.encode()
    kept = LIMITS.events + LIMITS.replay
    for event in events[:-kept]:
        assert history.first_offset_of(event.id_hash) is None
        assert not history.before(event.offset).whole
        assert not history.insert(event)
    assert history.encode() == raw


def test_a_view_loses_its_wholeness_just_behind_the_replay_limit():
    history, _ = lived(paid(*range(1, 11)))
    assert [offset for offset in range(11) if history.before(offset).whole] == [7, 8, 9, 10]


def test_an_id_is_known_while_it_is_in_the_ring():
    history, _ = lived(paid(*range(10)))
    assert history.first_offset_of(hash64("t2")) is None
    assert history.first_offset_of(hash64("t3")) == 3
    assert history.first_offset_of(hash64("t10")) is None


def test_smaller_limits_let_events_leave_at_the_next_one():
    events = paid(*range(1, 8))
    raw = lived(events[:-1])[0].encode()
    history = History.decode(raw, EPOCH, Limits(2, 1, 3))
    history.insert(events[-1])
    assert history.first_offset_of(events[3].id_hash) is None
    assert history.before(7).amounts == (6, 7)
    assert history.before(7).windows(START + 6 * DAY_MS)[5][0] == 7


@pytest.mark.parametrize(
    "gap", [DAY_MS, 30 * DAY_MS, -30 * DAY_MS], ids=["narrow", "wide", "backwards"]
)
def test_times_far_apart_cost_four_bytes_more_until_the_gap_has_left(gap):
    events = paid(*[1.0] * 20, gap=1000)
    late = [event._replace(at=event.at + gap) for event in events[10:]]
    sizes = [len(lived(events[:10] + late[:n])[0]._ring.ats.packed) for n in (1, 6, 8)]
    assert sizes == ([28, 28, 28] if gap == DAY_MS else [56, 56, 28])


def test_a_full_record_of_the_default_size_takes_less_than_two_kilobytes():
    record = lived(paid(*[25.0] * 48, gap=DAY_MS // 4), Limits(32, 16, 16))[0].encode()
    assert len(record) < 1700
    record = lived(paid(*[25.0] * 200, gap=DAY_MS // 4), Limits(32, 16, 16))[0].encode()
    assert len(record) < 2300


class TestPlaces:
    def seen(self, *places: tuple[float, float] | None) -> Past:
        events = [
            event._replace(lat=place[0], lon=place[1]) if place else event
            for event, place in zip(paid(*[1.0] * len(places)), places, strict=True)
        ]
        return lived(events)[0].before(len(places))

    def test_without_coordinates_there_is_neither_home_nor_last_place(self):
        past = self.seen(None, None)
        assert (past.home, past.running.places) == (None, 0)

    def test_home_is_the_mean_and_the_last_place_keeps_its_own_time(self):
        past = self.seen((50.0, 8.0), None, (52.0, 10.0), None)
        assert past.home == (51.0, 9.0)
        assert (past.running.last_lat, past.running.last_lon) == (52.0, 10.0)
        assert past.running.last_place_at == START + 2 * DAY_MS
        assert past.last_at == START + 3 * DAY_MS

    def test_of_two_places_at_one_time_the_one_that_came_last_counts(self):
        events = paid(1.0, 1.0, gap=0)
        both = [events[0]._replace(lat=1.0, lon=1.0), events[1]._replace(lat=2.0, lon=2.0)]
        running = lived(both)[0].before(2).running
        assert (running.last_lat, running.last_lon) == (2.0, 2.0)

    def test_home_is_found_the_short_way_round_the_earth(self):
        past = self.seen((0.0, 179.0), (0.0, -177.0))
        assert past.home == (0.0, -179.0)


class TestEpoch:
    def renewed(self) -> History:
        return History.decode(lived(paid(*range(1, 11)))[0].encode(), EPOCH + 1, LIMITS)

    def test_old_offsets_fence_no_event_of_the_new_epoch(self):
        history = self.renewed()
        assert history.seen_through == -1
        past = history.before(0)
        assert past.whole
        assert past.amounts == (7, 8, 9, 10)
        assert past.count == 10
        assert history.insert(Event(0, hash64("new"), START + 10 * DAY_MS, 11, 9))
        assert history.before(1).amounts == (8, 9, 10, 11)

    def test_old_transactions_are_still_duplicates(self):
        offset = self.renewed().first_offset_of(hash64("t9"))
        assert offset is not None and offset < 0

    def test_replays_in_the_new_epoch_see_the_same(self):
        raw, views = self.renewed().encode(), []
        events = [event._replace(at=event.at + 10 * DAY_MS) for event in paid(*range(20, 32))]
        for event in events:
            history = History.decode(raw, EPOCH + 1, LIMITS)
            views.append(everything(history.before(event.offset), event.at))
            history.insert(event)
            raw = history.encode()
        again = [everything(history.before(event.offset), event.at) for event in events[-3:]]
        assert again == views[-3:]

    def test_a_record_of_a_later_epoch_is_refused(self):
        raw = self.renewed().encode()
        with pytest.raises(StateError, match=r"epoch 4, but this worker's is 3"):
            History.decode(raw, EPOCH, LIMITS)


class TestLabels:
    def learn(self, history: History, tx: str, offset: int, fraud: bool = True) -> bool:
        return history.learn_label(hash64(tx), Origin(EPOCH, 0, offset), START + offset, fraud)

    def frauds(self, history: History) -> list[int]:
        return [known - START for known in history.before(0).frauds]

    def test_a_correction_takes_the_fraud_away_and_a_lower_origin_cannot_bring_it_back(self):
        history = History(EPOCH, LIMITS)
        assert self.learn(history, "a", 5)
        assert self.learn(history, "a", 8, fraud=False)
        assert not self.learn(history, "a", 5)
        assert not self.learn(history, "a", 7)
        assert not self.learn(history, "a", 8)
        assert self.frauds(history) == []
        assert self.learn(history, "a", 9)
        assert self.frauds(history) == [9]

    def test_a_legitimate_label_of_an_unknown_transaction_takes_no_room(self):
        history = History(EPOCH, LIMITS)
        assert not self.learn(history, "a", 5, fraud=False)
        assert history.encode() == History(EPOCH, LIMITS).encode()

    def test_the_oldest_origin_leaves_and_does_not_come_back(self):
        history = History(EPOCH, LIMITS)
        for offset, tx in enumerate("abcd"):
            assert self.learn(history, tx, offset)
        assert not self.learn(history, "a", 0)
        assert self.frauds(history) == [1, 2, 3]

    def test_labels_outlive_an_epoch(self):
        history = History(EPOCH, LIMITS)
        self.learn(history, "a", 70)
        history = History.decode(history.encode(), EPOCH + 1, LIMITS)
        assert self.frauds(history) == [70]
        assert history.learn_label(hash64("a"), Origin(EPOCH + 1, 0, 2), START, False)
        assert self.frauds(history) == []

    @given(
        st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=20),
        st.integers(0, 20),
    )
    def test_a_replayed_suffix_changes_no_byte(self, labels, start):
        history = History(EPOCH, LIMITS)
        rows = list(enumerate(labels))
        for offset, (tx, fraud) in rows:
            self.learn(history, tx, offset, fraud)
        raw = history.encode()
        again = History.decode(raw, EPOCH, LIMITS)
        for offset, (tx, fraud) in rows[start:]:
            assert not self.learn(again, tx, offset, fraud)
        assert again.encode() == raw

    @given(journeys(most=12), st.lists(st.sampled_from("abcdef"), max_size=12), st.data())
    def test_sections_do_not_depend_on_how_the_two_topics_interleave(self, events, labels, data):
        turns = data.draw(st.permutations([0] * len(events) + [1] * len(labels)))
        mixed, apart = History(EPOCH, LIMITS), History(EPOCH, LIMITS)
        transactions, marks = iter(events), iter(enumerate(labels))
        for turn in turns:
            if turn == 0:
                mixed.insert(next(transactions))
            else:
                offset, tx = next(marks)
                self.learn(mixed, tx, offset)
        for offset, tx in enumerate(labels):
            self.learn(apart, tx, offset)
        for event in events:
            apart.insert(event)
        assert mixed.encode() == apart.encode()


def test_a_transaction_counts_once_as_the_event_that_it_is():
    tx = Transaction(id="t1", at=START, customer="c1", merchant="m1", amount=7.5, lat=1.0, lon=2.0)
    counted, inserted = History(EPOCH, LIMITS), History(EPOCH, LIMITS)
    inserted.insert(Event(5, hash64("t1"), START, 7.5, hash64("m1"), 1.0, 2.0))
    for _ in range(2):
        counted.count(tx, hash64("t1"), 5)
        assert counted.encode() == inserted.encode()


class TestEnteredAgain:
    def entered(self, *origins: Source) -> History:
        history, _ = lived(paid(*range(1, 11)))
        for offset, origin in enumerate(origins, 10):
            tx = Transaction(id=f"t{offset}", at=START, customer="c1", merchant="m1", amount=1.0)
            history.count(tx, hash64(tx.id), offset, origin)
        return History.decode(history.encode(), EPOCH, LIMITS)

    def test_what_is_at_or_below_the_highest_offset_of_its_partition_is_known(self):
        history = self.entered(Source(2, 5), Source(0, 9), Source(2, 3), Source(1, 0))
        known = [
            (p, o) for p in range(4) for o in (0, 4, 5, 9, 10) if history.entered(Source(p, o))
        ]
        assert known == [(0, 0), (0, 4), (0, 5), (0, 9), (1, 0), (2, 0), (2, 4), (2, 5)]

    def test_a_copy_that_repeats_an_id_is_known_as_well(self):
        history = self.entered(Source(2, 5))
        history.pass_over(11, Source(2, 8))
        assert history.entered(Source(2, 8)) and not history.entered(Source(2, 9))

    @given(st.lists(st.builds(Source, st.integers(0, 3), st.integers(0, 2**62)), max_size=12))
    def test_a_replay_changes_no_byte_whatever_the_order(self, origins):
        history = self.entered(*origins)
        raw = history.encode()
        for offset, origin in enumerate(origins, 10):
            history.pass_over(offset, origin)
        assert history.encode() == raw
        assert all(history.entered(origin) for origin in origins)

    def test_a_record_costs_no_byte_before_the_first_and_then_twelve_a_partition(self):
        size = len(self.entered(None).encode())
        sizes = [len(self.entered(*[Source(p, 1) for p in range(n)]).encode()) for n in (1, 2, 3)]
        steps = [len(self.entered(*[None] * n).encode()) - size for n in (1, 2, 3)]
        assert [one - other - size for one, other in zip(sizes, steps, strict=True)] == [14, 26, 38]

    def test_they_start_again_in_a_new_epoch(self):
        history = History.decode(self.entered(Source(2, 5)).encode(), EPOCH + 1, LIMITS)
        assert not history.entered(Source(2, 0))
        plain = History.decode(self.entered(None).encode(), EPOCH + 1, LIMITS)
        assert history.encode() == plain.encode()


class TestDamage:
    def record(self) -> bytes:
        history, _ = lived([event._replace(lat=1.0, lon=2.0) for event in paid(*range(1, 11))])
        history.pass_over(10, Source(2, 5))
        history.learn_label(hash64("t1"), Origin(EPOCH, 0, 1), START, True)
        return history.encode()

    def test_a_record_cut_anywhere_within_is_refused(self):
        raw = self.record()
        whole_without_label = len(raw) - 37
        for end in range(1, len(raw)):
            if end != whole_without_label:
                with pytest.raises(StateError, match="customer record"):
                    History.decode(raw[:end], EPOCH, LIMITS)

    def test_so_is_one_with_buckets(self):
        history, _ = lived(paid(*range(1, 30), gap=1000))
        history.pass_over(30, Source(2, 5))
        raw = history.encode()
        for end in range(len(raw) - 250, len(raw)):
            with pytest.raises(StateError, match="customer record is damaged"):
                History.decode(raw[:end], EPOCH, LIMITS)

    def test_so_is_a_level_with_more_buckets_than_there_are(self):
        history, _ = lived(paid(*range(1, 30), gap=1000))
        raw = bytearray(history.encode())
        at = len(raw) - len(history._buckets.encode()) + 9
        raw[at : at + 2] = b"\x0e\x01"
        with pytest.raises(StateError, match="customer record is damaged"):
            History.decode(bytes(raw), EPOCH, LIMITS)

    def test_a_section_that_no_release_has_written_is_refused(self):
        raw = bytearray(self.record())
        raw[FLAGS] |= 128
        with pytest.raises(StateError, match="customer record is damaged: its flags are 133"):
            History.decode(bytes(raw), EPOCH, LIMITS)

    def test_a_later_format_is_refused(self):
        with pytest.raises(StateError, match="format 9, which is newer"):
            History.decode(b"\x09" + self.record()[1:], EPOCH, LIMITS)

    def test_nothing_stored_is_an_empty_record(self):
        for raw in (None, b""):
            past = History.decode(raw, EPOCH, LIMITS).before(0)
            assert (past.count, past.mean, past.variance, past.typical) == (0, 0, 0, 0)
            assert (past.ats, past.last_at, past.last_spike, past.whole) == ((), None, None, True)
            assert past.windows(START) == ((0, 0.0),) * 6


def test_hashes_are_the_same_in_every_process():
    assert hash64("t1") == 3_012_898_748_006_197_707
    assert all(a != b for a, b in pairwise(hash64(f"t{i}") for i in range(100)))
