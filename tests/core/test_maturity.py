"""Maturity: which transactions are due, which of them are learned, and what is said of them."""

import pytest

from app.core.labels import LabelEntry
from app.core.maturity import Maturity, sampled
from app.core.messages import Origin, Previous, label_id
from app.core.settling import Received
from app.streams.fraud.messages import Feedback, read_example
from app.units import DAY_MS
from tests.core.sayings import CARDS, NOW, decision, known, said, settle

RULE = Maturity(CARDS, after=30 * DAY_MS, horizon=120 * DAY_MS, share=1.0)


@pytest.mark.parametrize(
    ("age", "due", "forgotten"),
    [
        pytest.param(0, False, False, id="the newest"),
        pytest.param(30 * DAY_MS - 1, False, False, id="almost old enough"),
        pytest.param(30 * DAY_MS, True, False, id="just old enough"),
        pytest.param(120 * DAY_MS, True, False, id="as old as the horizon"),
        pytest.param(120 * DAY_MS + 1, True, True, id="older than what is remembered"),
    ],
)
def test_age_is_measured_up_to_the_newest_prediction(age, due, forgotten):
    assert RULE.due(NOW - age, NOW) is due
    assert RULE.forgotten(NOW - age, NOW) is forgotten


@pytest.mark.parametrize(
    ("labels", "learns"),
    [
        pytest.param([], True, id="nobody said anything"),
        pytest.param([said("fraud", "customer")], False, id="a complaint"),
        pytest.param([said("legit")], False, id="somebody vouched for it"),
        pytest.param([said("unsure")], True, id="somebody could not tell"),
        pytest.param([said("fraud", at=1), said("none", at=2)], True, id="taken back"),
        pytest.param([RULE.label("t1", "c1", 0)], False, id="matured before"),
    ],
)
def test_only_what_no_label_holds_for_is_learned(labels, learns):
    entry = LabelEntry("c1", [])
    for offset, label in enumerate(labels):
        settle(entry, label, known(offset), decision())
    assert RULE.learns("t1", entry) is learns
    assert RULE.learns("t1", None) is True
    assert RULE._replace(share=0.0).learns("t1", entry) is False


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
def test_a_share_of_the_ids_is_sampled_and_a_larger_share_holds_the_smaller(share):
    ids = [f"t{n}" for n in range(10_000)]
    chosen = {tx for tx in ids if sampled(tx, share)}
    assert len(chosen) / len(ids) == pytest.approx(share, abs=0.02)
    assert chosen <= {tx for tx in ids if sampled(tx, min(1.0, share + 0.1))}


def test_what_is_said_has_one_label_id_whenever_it_is_said():
    first, again = RULE.label("t1", "c1", 0), RULE._replace(after=DAY_MS).label("t1", "c1", 99)
    assert label_id(first) == label_id(again) != label_id(RULE.label("t2", "c1", 0))
    assert (first.label, first.source, first.at) == ("legit", "maturity", 30 * DAY_MS)


def test_a_matured_example_has_the_weight_of_the_settings_and_a_chargeback_takes_that_back():
    entry = LabelEntry("c1", [])
    matured = settle(entry, RULE.label("t1", "c1", 0), known(0), decision(), matured=0.25)
    assert (read_example(matured.example).y, read_example(matured.example).w) == (0, 0.25)
    late = settle(
        entry, said("fraud", "chargeback", 40 * DAY_MS), known(1), decision(), matured=0.25
    )
    example = read_example(late.example)
    assert (example.y, example.w, example.previous) == (1, 1.0, Previous(0, 0.25, 30))


def test_what_falls_back_on_maturity_has_its_weight_again():
    entry = LabelEntry("c1", [])
    settle(entry, RULE.label("t1", "c1", 0), known(0), decision(), matured=0.25)
    settle(entry, said("fraud", at=40 * DAY_MS), known(1), decision(), matured=0.25)
    taken_back = Feedback(id="t1", key="c1", label="none", source="analyst", at=41 * DAY_MS)
    revision = settle(entry, taken_back, Received(Origin(1, 0, 2), NOW), decision(), matured=0.25)
    example = read_example(revision.example)
    assert (example.y, example.w, example.previous) == (0, 0.25, Previous(1, 1.0, 40))
