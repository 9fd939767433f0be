"""Maturity: which transactions are due and when, which of them are learned, and what is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.labels import LabelEntry
from app.core.maturity import YOUNGEST, Maturity, sampled, start_of
from app.core.messages import Origin, Previous, label_id
from app.core.settling import Received
from app.errors import Refused
from app.streams.fraud.messages import Feedback, read_example, read_feedback
from app.units import DAY_MS, HOUR_MS
from app.wire import encode
from tests.core.sayings import CARDS, NOW, decision, known, said, settle

RULE = Maturity(CARDS, after=30 * DAY_MS, horizon=120 * DAY_MS)
START = 10 * DAY_MS
SHARES = [0.5**n for n in range(7)]
days = st.integers(0, 100 * DAY_MS)


@pytest.mark.parametrize(
    ("written", "decision", "age"),
    [
        pytest.param(0, "approve", 8 * HOUR_MS, id="the first of a partition"),
        pytest.param(8 * HOUR_MS, "approve", 8 * HOUR_MS, id="within its first hours"),
        pytest.param(DAY_MS, "approve", DAY_MS, id="a day later"),
        pytest.param(29 * DAY_MS, "approve", 29 * DAY_MS, id="almost grown"),
        pytest.param(30 * DAY_MS, "approve", 30 * DAY_MS, id="grown"),
        pytest.param(99 * DAY_MS, "approve", 30 * DAY_MS, id="for good"),
        pytest.param(0, "review", 30 * DAY_MS, id="one that nobody reviewed"),
        pytest.param(99 * DAY_MS, "review", 30 * DAY_MS, id="the same much later"),
    ],
)
def test_the_age_grows_with_the_partition_until_it_is_that_of_the_settings(written, decision, age):
    written += START
    assert RULE.age(written, START, decision) == age
    assert RULE.due_at(written, START, decision) == written + age
    assert RULE.grown(written, START) is (RULE.age(written, START) == 30 * DAY_MS)


def test_an_age_below_eight_hours_is_kept_from_the_start():
    assert RULE._replace(after=HOUR_MS).age(START, START) == HOUR_MS


@given(days, days, st.sampled_from(["approve", "review"]), st.integers(0, 40 * DAY_MS))
def test_what_is_written_later_is_due_later_and_nothing_at_once(one, other, decision, after):
    rule = RULE._replace(after=after)
    first, then = sorted((one, other))
    span = rule.due_at(then, 0, decision) - rule.due_at(first, 0, decision)
    assert then - first <= span <= 2 * (then - first)
    assert min(after, YOUNGEST) <= rule.age(one, 0, decision) <= after
    assert rule.due_at(one, 0, "approve") <= rule.due_at(one, 0, "review")


@pytest.mark.parametrize(
    ("decision", "written", "matures"),
    [
        ("approve", START, True),
        ("review", START, True),
        ("block", START, False),
        ("approve", START - 1, False),
        ("block", 99 * DAY_MS, False),
    ],
)
def test_what_was_blocked_or_decided_before_the_start_is_never_due(decision, written, matures):
    assert RULE.matures(decision, written, START) is matures


@pytest.mark.parametrize(
    ("first", "newest", "start"),
    [
        pytest.param(START, START, START, id="a new partition"),
        pytest.param(START, START + 9 * DAY_MS, START, id="younger than the full age"),
        pytest.param(0, 100 * DAY_MS, 70 * DAY_MS, id="one that has decided for long"),
    ],
)
def test_without_a_start_a_partition_begins_one_age_before_its_newest_prediction(
    first, newest, start
):
    assert start_of(first, newest, RULE.after) == start


@pytest.mark.parametrize(
    ("age", "forgotten"),
    [(0, False), (120 * DAY_MS, False), (120 * DAY_MS + 1, True)],
)
def test_nothing_older_than_what_is_remembered_matures(age, forgotten):
    assert RULE.forgotten(NOW - age, NOW) is forgotten


@pytest.mark.parametrize(
    ("labels", "learns"),
    [
        pytest.param([], True, id="nobody said anything"),
        pytest.param([said("fraud", "customer")], False, id="a complaint"),
        pytest.param([said("legit")], False, id="somebody vouched for it"),
        pytest.param([said("unsure")], True, id="somebody could not tell"),
        pytest.param([said("fraud", at=1), said("none", at=2)], True, id="taken back"),
        pytest.param([RULE.label("t1", "c1", 0, 1.0)], False, id="matured before"),
    ],
)
def test_only_what_no_label_holds_for_is_learned(labels, learns):
    entry = LabelEntry("c1", [])
    for offset, label in enumerate(labels):
        settle(entry, label, known(offset), decision())
    assert RULE.learns("t1", entry, 1.0) is learns
    assert RULE.learns("t1", None, 1.0) is True
    assert RULE.learns("t1", entry, 0.0) is False


@pytest.mark.parametrize("share", SHARES)
def test_a_share_of_the_ids_is_sampled_and_a_larger_share_holds_the_smaller(share):
    ids = [f"t{n}" for n in range(10_000)]
    chosen = {tx for tx in ids if sampled(tx, share)}
    assert len(chosen) / len(ids) == pytest.approx(share, abs=0.02)
    assert chosen <= {tx for tx in ids if sampled(tx, min(1.0, 2 * share))}


@pytest.mark.parametrize(
    ("rate", "load", "share"),
    [
        pytest.param(5.0, 0.0, 0.25, id="nothing to do"),
        pytest.param(5.0, 20.0, 0.25, id="just as much as may be"),
        pytest.param(5.0, 20.1, 0.125, id="a little more"),
        pytest.param(5.0, 250.0, 1 / 64, id="a quarter of 1,000 a second"),
        pytest.param(5.0, 1e9, 1 / 64, id="whatever may come"),
        pytest.param(0.0, 1e9, 0.25, id="any number"),
    ],
)
def test_the_share_falls_by_halves_with_the_load(rate, load, share):
    assert RULE._replace(share=0.25, rate=rate).share_at(load) == share


@given(st.sampled_from(SHARES), st.floats(0, 1e6), st.floats(0, 1e6))
def test_what_is_learned_stays_below_the_rate_where_a_share_of_a_64th_does(share, rate, load):
    lowered = RULE._replace(share=share, rate=rate).share_at(load)
    assert lowered in SHARES
    assert lowered <= share
    assert not rate or lowered == 1 / 64 or lowered * load <= rate
    assert lowered == share or 2 * lowered * load > rate, "no lower than it has to be"


def test_what_is_said_has_one_label_id_whenever_it_is_said():
    first, again = RULE.label("t1", "c1", 30 * DAY_MS, 0.25), RULE.label("t1", "c1", 99, 1.0)
    assert label_id(first) == label_id(again) != label_id(RULE.label("t2", "c1", 0, 1.0))
    assert (first.label, first.source, first.at) == ("legit", "maturity", 30 * DAY_MS)
    assert read_feedback(encode(first)).share == 0.25


@pytest.mark.parametrize("share", [0.3, 0.75, 1 / 128, 2.0, 0.0, -0.5])
def test_a_share_without_an_exact_weight_is_refused(share):
    with pytest.raises(Refused, match="share"):
        read_feedback(encode(RULE.label("t1", "c1", 0, share)))


def test_a_share_is_believed_of_maturity_alone():
    label = said("fraud", "chargeback")
    label.share = 0.25
    assert not read_feedback(encode(label)).share
    entry = LabelEntry("c1", [])
    assert read_example(settle(entry, label, known(0), decision()).example).w == 1.0


@pytest.mark.parametrize("share", SHARES)
def test_a_matured_example_counts_for_its_share_and_a_chargeback_takes_just_that_back(share):
    entry = LabelEntry("c1", [])
    matured = settle(entry, RULE.label("t1", "c1", 30 * DAY_MS, share), known(0), decision())
    assert (read_example(matured.example).y, read_example(matured.example).w) == (0, 1 / share)
    late = settle(entry, said("fraud", "chargeback", 40 * DAY_MS), known(1), decision())
    example = read_example(late.example)
    assert (example.y, example.w, example.previous) == (1, 1.0, Previous(0, 1 / share, 30))


def test_what_falls_back_on_maturity_has_its_weight_again():
    entry = LabelEntry("c1", [])
    settle(entry, RULE.label("t1", "c1", 0, 0.25), known(0), decision())
    settle(entry, said("fraud", at=40 * DAY_MS), known(1), decision())
    taken_back = Feedback(id="t1", key="c1", label="none", source="analyst", at=41 * DAY_MS)
    revision = settle(entry, taken_back, Received(Origin(1, 0, 2), NOW), decision())
    example = read_example(revision.example)
    assert (example.y, example.w, example.previous) == (0, 4.0, Previous(1, 1.0, 40))
