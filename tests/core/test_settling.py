"""Labels: what is taught of them, and that a replay decides nothing anew."""

import random
from collections import defaultdict
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import settling
from app.core.fold import LearningState
from app.core.labels import LabelEntry, decode_entry, encode_entry
from app.core.messages import Origin, Place, Previous, former_label_id, label_id
from app.core.settling import MAX_REVISIONS, expire
from app.errors import Refused
from app.streams.fraud.features import FEATURES, GRIDS
from app.streams.fraud.messages import Example, Feedback, read_example
from app.units import DAY_MS
from tests.core.folding import fold_log
from tests.core.samples import Tally
from tests.core.sayings import (
    CARDS,
    LABELS,
    NOW,
    again,
    decision,
    entry,
    known,
    said,
    settle,
    taught,
    tell,
)

# -- what is taught


def test_the_first_label_teaches_what_was_scored():
    (revision,) = tell(entry(), said("fraud", at=NOW - DAY_MS))
    assert revision.outcome == "settled"
    assert taught(revision) == Example(
        id="t1",
        x={"amount": 20.0},
        y=1,
        w=1.0,
        previous=None,
        score=0.25,
        threshold=0.75,
        version=7,
        merchant="m of t1",
        location="DE",
        at=NOW,
        known=NOW - DAY_MS,
        origin=Origin(1, 0, 0),
        end_of_step=False,
    )


def test_a_correction_names_what_it_replaces():
    one = entry()
    _, revision = tell(one, said("legit", "customer", 5 * DAY_MS), said("fraud", at=9 * DAY_MS))
    example = taught(revision)
    assert (example.y, example.previous) == (1, Previous(0, 1.0, 5))
    assert one.taught == Previous(1, 1.0, 9)


def test_a_withdrawal_takes_back_and_teaches_nothing():
    one = entry()
    _, revision = tell(one, said("fraud", at=5 * DAY_MS), said("none", at=9 * DAY_MS))
    example = taught(revision)
    assert (revision.outcome, example.y, example.previous) == ("settled", None, Previous(1, 1.0, 5))
    assert one.taught is None
    (revision,) = tell(one, said("fraud", at=10 * DAY_MS))
    assert taught(revision).previous is None


@pytest.mark.parametrize(
    ("before", "last"),
    [
        pytest.param([], ("unsure", "analyst", 1), id="unsure"),
        pytest.param([], ("none", "analyst", 1), id="nothing to withdraw"),
        pytest.param([("fraud", "analyst", 5)], ("fraud", "customer", 9), id="agreement below"),
        pytest.param([("fraud", "analyst", 5)], ("fraud", "chargeback", 9), id="agreement above"),
        pytest.param([("fraud", "analyst", 5)], ("legit", "customer", 9), id="contradiction below"),
    ],
)
def test_what_does_not_change_the_value_that_holds_is_noted(before, last):
    one = entry()
    *_, revision = tell(one, *(said(*label) for label in before), said(*last))
    assert (revision.outcome, revision.example) == ("noted", b"")


def test_only_the_last_example_ends_the_step():
    one = entry()
    (revision,) = tell(one, said("fraud"))
    settling.end_step(CARDS, revision)
    assert taught(revision).end_of_step
    kept = decode_entry(encode_entry(one), "").revisions[0]
    assert kept.example == revision.example


# -- once


def test_the_same_label_id_under_another_origin_has_no_effect():
    one = entry()
    first, second = tell(one, said("fraud", label_id="l1"), said("legit", label_id="l1"))
    assert second is None
    assert one.revisions == [first]


def test_the_same_origin_is_decided_once_even_when_more_is_known_by_then():
    one = entry()
    first = settle(one, said("fraud", at=1), known(5), None)
    kept = encode_entry(one)
    again = settle(one, said("fraud", at=1), known(5), decision())
    assert again is first
    assert (again.outcome, encode_entry(one)) == ("waiting", kept)


def test_a_replay_repeats_the_same_bytes():
    one = entry()
    first, *_ = tell(one, said("fraud", at=1), said("legit", "chargeback", 2))
    kept = encode_entry(one)
    one = decode_entry(kept, "")
    assert settle(one, said("fraud", at=1), known(0), None).example == first.example
    assert encode_entry(one) == kept


def test_labels_that_name_another_customer_are_refused():
    one = entry()
    with pytest.raises(Refused, match="`customer`"):
        settle(one, said("fraud", key="c2"), known(0), decision())
    assert one.revisions == []


def test_three_labels_without_a_time_are_three_by_the_places_of_their_records():
    one = entry()
    told = [
        settle(one, said(label, actor="ann"), known(n, NOW + n), decision())
        for n, label in enumerate(["fraud", "legit", "fraud"])
    ]
    assert [taught(revision).y for revision in told] == [1, 0, 1]
    assert LABELS.holds(one) is told[2]


def test_a_label_without_a_time_is_one_however_often_its_letter_is_replayed():
    one, first = entry(), Place(0, 0, 3, 0)
    replays = [
        settle(one, said("fraud"), known(n)._replace(first=first), decision()) for n in (7, 8)
    ]
    assert taught(replays[0]).y == 1 and replays[1] is None


def test_one_label_id_under_two_customers_is_two_labels():
    one = entry()
    settle(one, said("fraud", label_id="l1"), known(0), decision())
    with pytest.raises(Refused, match="`customer`"):
        settle(one, said("legit", key="c2", label_id="l1"), known(1), decision())
    assert len(one.revisions) == 1


def test_labels_of_two_customers_that_wait_under_one_label_id_are_both_kept():
    one = entry()
    for n, key in enumerate(("c1", "c2")):
        waits = settle(one, said("fraud", key=key, label_id="l1"), known(n), None)
        assert waits.outcome == "waiting"
    assert [again("t1", one, revision).key for revision in one.waiting] == ["c1", "c2"]
    with pytest.raises(Refused, match="`customer`"):
        settle(one, again("t1", one, one.waiting[1]), known(2), decision())
    assert taught(settle(one, again("t1", one, one.waiting[0]), known(3), decision())).y == 1
    assert [revision.outcome for revision in one.revisions] == ["expired", "settled"]


@pytest.mark.parametrize("at", [None, 5])
def test_a_label_that_an_earlier_release_has_stored_is_known_by_its_hash(at):
    label, one = said("fraud", at=at), entry()
    waits = settle(one, label, known(0), None)
    waits.label_id = former_label_id(label)
    assert settle(one, again("t1", one, waits), known(1), None) is waits, "entered again"
    assert settle(one, label, known(0), decision()) is None, "its first record, read again"
    settled = settle(one, label, known(2), decision())
    assert (settled.label_id, one.revisions) == (waits.label_id, [settled])


def test_a_label_without_a_time_is_not_taken_for_another_one_of_an_earlier_release():
    one, label = entry(), said("fraud")
    settle(one, label, known(0), decision()).label_id = former_label_id(label)
    settle(one, label, known(1, NOW + 1), decision())
    assert len(one.revisions) == 2


def test_the_largest_entry_fits_into_one_record():
    name, face = "\1" * 128, "\N{GRINNING FACE}"  # what JSON writes in six bytes each; four bytes
    features = {feature.name: -1.2345678901234567e-100 for feature in FEATURES}
    decided = msgspec.structs.replace(
        decision(name, "c" * 128), merchant=name, location=name, features=features
    )
    one = entry()
    for n in range(MAX_REVISIONS):
        label = said(
            ("fraud", "legit")[n % 2],
            at=n,
            id=name,
            key="c" * 128,
            actor=name,
            reason=name,
            note=face * 2000,
            label_id=f"{n:0128d}",
        )
        assert taught(settle(one, label, known(n), decided)) is not None
    assert len(encode_entry(one)) < 1_000_000


# -- labels before their transaction


def test_a_label_waits_and_is_settled_under_the_origin_of_its_re_entry():
    one = entry()
    waits = settle(one, said("fraud", at=7, actor="ann", note="n", reason="r"), known(0), None)
    assert (waits.outcome, one.waiting, LABELS.holds(one)) == ("waiting", [waits], None)
    renewed = again("t1", one, waits)
    assert label_id(renewed) == waits.label_id
    assert (renewed.at, renewed.actor, renewed.note, renewed.reason) == (7, "ann", "n", "r")
    settled = settle(one, renewed, known(9), decision())
    assert taught(settled).origin == Origin(1, 0, 9)
    assert one.revisions == [settled]
    assert settle(one, renewed, known(10), decision()) is None, "entered again twice"
    assert settle(one, said("fraud", at=7, actor="ann"), known(0), decision()) is None, "a replay"


def test_a_second_copy_of_a_waiting_label_is_not_settled_by_a_replay():
    """By then examples of higher origins may be in the log, and its own would be skipped."""
    one = entry()
    settle(one, said("fraud", at=7), known(0), None)
    settle(one, said("fraud", at=7), known(1), None)
    assert len(one.waiting) == 1
    for offset in (0, 1):
        revision = settle(one, said("fraud", at=7), known(offset), decision())
        assert taught(revision) is None
    assert taught(settle(one, said("fraud", at=7), known(2), decision())).y == 1


def test_a_label_that_is_settled_by_a_later_copy_keeps_the_time_under_which_it_waited():
    """By that time it is found in the index of those that wait."""
    one = entry()
    settle(one, said("fraud", at=1), known(3, recorded=NOW), None)
    settled = settle(one, said("fraud", at=1), known(4, recorded=NOW + 7), decision())
    assert (settled.outcome, settled.recorded) == ("settled", NOW)


def test_each_waiting_label_keeps_the_customer_that_it_names():
    one = decode_entry(None, "c2")
    settle(one, said("legit", key="c2", at=1), known(0), None)
    settle(one, said("fraud", key="c1", at=2), known(1), None)
    one = decode_entry(encode_entry(one), "")
    renewed = [again("t1", one, revision) for revision in one.waiting]
    assert [feedback.key for feedback in renewed] == ["c2", "c1"]
    with pytest.raises(Refused, match="`customer`"):
        settle(one, renewed[0], known(2), decision())
    assert taught(settle(one, renewed[1], known(3), decision())).y == 1
    assert (one.key, one.waiting) == ("c1", [])


def test_a_label_that_waited_for_too_long_is_given_up_once():
    one = entry()
    revision = settle(one, said("fraud"), known(0), None)
    assert expire(one, "another") == []
    assert expire(one, revision.label_id, revision.recorded + 1) == []
    assert expire(one, revision.label_id, revision.recorded) == [revision]
    assert (revision.outcome, one.waiting, LABELS.holds(one)) == ("expired", [], None)
    assert expire(one, revision.label_id) == []


def test_a_label_that_was_given_up_counts_when_it_enters_again():
    one = entry()
    revision = settle(one, said("fraud", at=1), known(0), None)
    expire(one, revision.label_id)
    assert settle(one, said("fraud", at=1), known(0), None).outcome == "expired", "a replay"
    assert settle(one, said("fraud", at=1), known(4), None).outcome == "waiting"
    assert taught(settle(one, said("fraud", at=1), known(5), decision())).y == 1


# -- a whole partition, with crashes


TXS = ("t1", "t2")
ACTIONS = st.one_of(
    st.tuples(
        st.just("say"),
        st.sampled_from(TXS),
        st.sampled_from(list(LABELS.ranks)),
        st.sampled_from(["fraud", "legit", "unsure", "none"]),
    ),
    st.tuples(st.just("say again"), st.integers(0, 20)),
    st.tuples(st.just("arrive"), st.sampled_from(TXS)),
    st.tuples(st.just("give up"), st.sampled_from(TXS)),
    st.tuples(st.just("learn"), st.integers(1, 4)),
    st.tuples(st.just("crash"), st.integers(1, 8)),
)


class Learner:
    """One feedback partition: its log, what learn stores, the examples that it appends."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.log: list[Feedback] = []
        self.stored: dict[str, bytes] = {}
        self.arrived: set[str] = set()
        self.given_up: list[Feedback] = []
        self.examples: list[bytes] = []
        self.position = 0
        self.times = iter(self.chance.sample(range(10_000), 1000))

    def say(self, tx: str, source: str, label: str) -> None:
        self.log.append(said(label, source, next(self.times), id=tx))

    def say_again(self, which: int) -> None:
        if self.log:
            self.log.append(self.log[which % len(self.log)])

    def arrive(self, tx: str) -> None:
        """The transaction is decided; score publishes what waits for it, as often as it is run."""
        self.arrived.add(tx)
        self.enter_again(tx)

    def enter_again(self, tx: str) -> None:
        one = self.entry(tx)
        self.log += [again(tx, one, revision) for revision in one.waiting]

    def give_up(self, tx: str) -> None:
        one = self.entry(tx)
        for revision in one.waiting:
            self.given_up.append(again(tx, one, revision))
            expire(one, revision.label_id)
        self.stored[tx] = encode_entry(one)

    def learn(self, count: int) -> None:
        for feedback in self.log[self.position : self.position + count]:
            one = self.entry(feedback.id)
            decided = decision(feedback.id) if feedback.id in self.arrived else None
            revision = settle(one, feedback, known(self.position), decided)
            self.stored[feedback.id] = encode_entry(one)
            self.position += 1
            if revision is not None and revision.example:
                self.examples.append(revision.example)

    def crash(self, back: int) -> None:
        """Start again at the committed position, with what the labels table holds."""
        self.position = max(0, self.position - back)

    def finish(self) -> None:
        """Everything arrives, is learned, and the dead letters are entered again."""
        for tx in TXS:
            self.arrive(tx)
        self.learn(len(self.log))
        self.log += self.given_up
        self.learn(len(self.log))

    def entry(self, tx: str) -> LabelEntry:
        return decode_entry(self.stored.get(tx), "c1")


def held(log: list[Feedback], tx: str) -> int | None:
    """The value that holds of all that was said, found the long way."""
    mine = [feedback for feedback in log if feedback.id == tx]
    withdrawn = defaultdict(lambda: -1)
    for feedback in mine:
        if feedback.label == "none":
            withdrawn[feedback.source] = max(withdrawn[feedback.source], feedback.at)
    standing = [
        (LABELS.ranks[feedback.source], feedback.at, feedback.label)
        for feedback in mine
        if feedback.label in LABELS.teaches and feedback.at > withdrawn[feedback.source]
    ]
    return LABELS.teaches[max(standing)[2]] if standing else None


@settings(deadline=None, max_examples=300)
@given(actions=st.lists(ACTIONS, max_size=40), seed=st.integers(0, 1000))
def test_whatever_is_replayed_each_value_is_taught_once(actions, seed):
    learner = Learner(seed)
    for action, *arguments in actions:
        getattr(learner, action.replace(" ", "_"))(*arguments)
    learner.finish()

    by_origin: dict[Origin, bytes] = {}
    for raw in learner.examples:
        assert by_origin.setdefault(read_example(raw).origin, raw) == raw

    folded: dict[str, list[Example]] = {tx: [] for tx in TXS}
    state = LearningState("binned", 1, GRIDS, Tally())
    for offset, raw in enumerate(learner.examples):
        example = read_example(raw)
        if state.fold(example, offset):
            folded[example.id].append(example)

    for tx in TXS:
        value = held(learner.log, tx)
        one = learner.entry(tx)
        assert (None if one.taught is None else one.taught.label) == value
        assert state.statistics.frauds.get(f"m of {tx}", 0) == (value or 0)
        values = [None, *(example.y for example in folded[tx])]
        assert values[-1] == value
        assert all(one != other for one, other in pairwise(values))
        replaced = [example.previous and example.previous.label for example in folded[tx]]
        assert replaced == values[:-1]


@settings(deadline=None, max_examples=50)
@given(actions=st.lists(ACTIONS, max_size=30), seed=st.integers(0, 1000))
def test_replaying_a_whole_log_changes_no_byte(actions, seed):
    learner = Learner(seed)
    for action, *arguments in actions:
        getattr(learner, action.replace(" ", "_"))(*arguments)
    learner.finish()
    stored, examples = dict(learner.stored), list(learner.examples)
    learner.crash(len(learner.log))
    learner.learn(len(learner.log))
    assert learner.stored == stored
    assert set(learner.examples[len(examples) :]) <= set(examples)
    state = LearningState("binned", 1, GRIDS, Tally())
    log = [(offset, read_example(raw)) for offset, raw in enumerate(learner.examples)]
    fold_log(state, log)
    assert state.counts.skipped >= len(learner.examples) - len(examples)


def test_an_entry_is_read_as_it_was_stored():
    one = entry()
    tell(one, said("fraud", "customer", 1, actor="ann", note="n\0", reason="r"), said("legit"))
    settle(one, said("none", "stream"), known(9), None)
    again = decode_entry(encode_entry(one), "")
    assert msgspec.structs.asdict(again) == msgspec.structs.asdict(one)
