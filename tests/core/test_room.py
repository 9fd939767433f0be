"""More labels than an entry has room for: which one leaves, and that nothing else comes of it."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from app.core import settling
from app.core.fold import LearningState
from app.core.labels import LabelEntry, Revision, decode_entry, encode_entry
from app.core.messages import Feedback, Origin
from app.core.settling import MAX_REVISIONS
from app.errors import Refused
from app.streams.fraud.features import GRIDS
from app.streams.fraud.messages import Example, read_example
from tests.core.samples import Tally
from tests.core.sayings import (
    CARDS,
    LABELS,
    NOW,
    decision,
    entry,
    known,
    said,
    settle,
    taught,
    tell,
)


def room(one: LabelEntry, revision: Revision, most: int) -> Revision | None:
    return settling.make_room(CARDS, one, revision, most)


LEAVES = {
    "an opinion": ([("legit", 1), ("unsure", 9), ("fraud", 2)], 1),
    "the older opinion": ([("unsure", 5), ("unsure", 4), ("fraud", 6)], 1),
    "an opinion of low rank": ([("unsure", 5), ("unsure", 9, "customer"), ("fraud", 6)], 1),
    "what the same source has replaced": (
        [("legit", 9, "customer"), ("legit", 1), ("legit", 2)],
        1,
    ),
    "rather what taught nothing": ([("fraud", 1), ("fraud", 2), ("fraud", 3)], 1),
    "what was taken back": ([("fraud", 1), ("none", 2), ("fraud", 3, "customer")], 0),
    "a withdrawal before another": ([("none", 1), ("none", 2), ("fraud", 3)], 0),
    "of three that may hold the lowest rank": (
        [("fraud", 1), ("fraud", 9, "customer"), ("fraud", 1, "chargeback")],
        1,
    ),
    "rather an opinion than a withdrawal": (
        [("fraud", 1), ("none", 2), ("unsure", 3, "chargeback")],
        2,
    ),
}


@pytest.mark.parametrize(("labels", "leaves"), LEAVES.values(), ids=LEAVES)
def test_what_counts_least_leaves(labels, leaves):
    one = entry()
    for label, at, *source in labels:
        tell(one, said(label, *(source or ["analyst"]), at=at))
    listed, last = list(one.revisions), one.revisions[-1]
    assert room(one, last, len(listed)) is None, "there is room"
    left = room(one, last, len(listed) - 1)
    assert left is listed[leaves]
    assert (one.through, last.evicted) == (last.origin, left.origin)
    assert one.revisions == [revision for revision in listed if revision is not left]


def test_a_waiting_label_leaves_before_one_that_was_decided_and_each_customer_has_a_latest():
    one = entry()
    tell(one, said("fraud", "stream", at=1))
    for n, (label, key) in enumerate([("legit", "c1"), ("fraud", "c1"), ("fraud", "c2")], 1):
        last = settle(one, said(label, "chargeback", key=key, at=n), known(n), None)
    assert [room(one, last, most).label for most in (3, 2, 1)] == ["legit", "fraud", "fraud"]
    assert one.revisions[0].outcome == "settled"


def test_fifty_opinions_do_not_shut_out_a_chargeback():
    one = entry()
    for n in range(60):
        last = settle(one, said("unsure", "customer", at=n), known(n), decision())
        room(one, last, MAX_REVISIONS)
    last = settle(one, said("fraud", "chargeback", at=60), known(60), decision())
    assert taught(last).y == 1
    assert room(one, last, MAX_REVISIONS).origin == Origin(1, 0, 10)
    assert (len(one.revisions), LABELS.holds(one)) == (MAX_REVISIONS, last)


def test_what_has_left_has_no_effect_at_a_replay_but_another_customers_is_refused_again():
    one = entry()
    for n in range(4):
        last = settle(one, said("unsure", at=n), known(n), decision())
        room(one, last, 2)
    kept = encode_entry(one)
    assert settle(one, said("unsure", at=0), known(0), decision()) is None
    assert settle(one, said("unsure", at=3), known(3), decision()).origin == Origin(1, 0, 3)
    with pytest.raises(Refused, match="`customer`"):
        settle(one, said("unsure", key="c2", at=0), known(0), decision())
    assert encode_entry(one) == kept


# -- replays


MOST = 2 * len(LABELS.ranks)  # of each source the latest label and the latest withdrawal


class Reader:
    """Reads one event's labels from a log: stores what a step has settled, then appends examples.

    Parameters
    ----------
    most
        How many labels have room.
    """

    def __init__(self, log: Sequence[Feedback], most: int) -> None:
        self.log, self.most = log, most
        self.stored = encode_entry(entry())
        self.aside: dict[Origin, Revision] = {}
        self.examples: list[bytes] = []

    def step(self, start: int, stop: int, ends: bool = False) -> None:
        """Read some of the log; a worker that ends here appends no examples."""
        one = decode_entry(self.stored, "")
        results = [self.read(one, offset) for offset in range(start, stop)]
        self.stored = encode_entry(one)
        if not ends:
            self.examples += [result.example for result in results if result and result.example]

    def read(self, one: LabelEntry, offset: int) -> Revision | None:
        if one.left_out(known(offset).origin):
            return self.aside.get(known(offset).origin)
        revision = settle(one, self.log[offset], known(offset, NOW + offset), decision())
        left = revision and room(one, revision, self.most)
        if left is not None:
            self.aside[left.origin] = left
        return revision

    def play(self, steps: Sequence[tuple[int, int, bool]]) -> None:
        """Steps of so many labels, each then so far back, perhaps ended before its examples."""
        position = 0
        for length, back, ends in steps:
            stop = min(position + length, len(self.log))
            self.step(position, stop, ends)
            position = max(0, (position if ends else stop) - back)
        self.step(position, len(self.log))

    def learned(self) -> list[Example]:
        """What the fold takes from the examples."""
        state = LearningState("binned", 1, GRIDS, Tally())
        examples = [read_example(raw) for raw in self.examples]
        return [one for offset, one in enumerate(examples) if state.fold(one, offset)]


SAYINGS = st.lists(
    st.builds(
        lambda label, source, at, **more: said(label, source, at, **more),
        st.sampled_from(["fraud", "legit", "fraud", "legit", "unsure", "none"]),
        st.sampled_from([*LABELS.ranks, *["chargeback"] * 5]),
        st.one_of(st.none(), st.integers(0, NOW)),
        label_id=st.sampled_from(["", "", "", "l1", "l2"]),
        actor=st.sampled_from(["ann", "bob"]),
    ),
    max_size=60,
)
STEPS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 30), st.booleans()), max_size=12)


@hypothesis(deadline=None, max_examples=150)
@given(log=SAYINGS, steps=STEPS, most=st.sampled_from([5, MOST, MOST + 3]))
def test_whatever_is_read_again_what_is_left_is_that_of_one_reading(log, steps, most):
    once, often = Reader(log, most), Reader(log, most)
    once.step(0, len(log))
    often.play(steps)
    assert often.stored == once.stored
    assert often.aside == once.aside
    assert often.learned() == once.learned()
    assert len(decode_entry(once.stored, "").revisions) <= most


@hypothesis(deadline=None, max_examples=150)
@given(log=SAYINGS)
def test_what_holds_is_what_would_hold_with_room_for_all(log):
    log = [label for label in log if not label.label_id]  # an id is known while it is listed
    reader, endless = Reader(log, MOST), Reader(log, len(log))
    for offset in range(len(log)):
        for one in (reader, endless):
            one.step(offset, offset + 1)
        told = [value_of(LABELS.holds(decode_entry(one.stored, ""))) for one in (reader, endless)]
        assert told[0] == told[1]
    assert [one.y for one in reader.learned()] == [one.y for one in endless.learned()]


def value_of(revision: Revision | None) -> Any:
    return None if revision is None else (revision.label, revision.source, revision.origin)
