"""What is known of an event: how each label stands to the one that holds."""

import pytest

from app.apps import load
from app.core.labels import LabelEntry
from app.core.messages import Feedback, Origin
from app.core.settling import Received, expire, settle
from app.settings import read_settings
from app.web.state import event_state, label_states
from tests.web.cards import AT, prediction, said

CARDS = load(read_settings())


def entry(*labels: Feedback, known: bool = True) -> LabelEntry:
    """What was said of t2, in this order."""
    made = LabelEntry("c1", [])
    decision = prediction("t2", "c1") if known else None
    for offset, label in enumerate(labels):
        settle(CARDS, made, label, Received(Origin(1, 0, offset), AT + offset), decision)
    return made


@pytest.mark.parametrize(
    ("labels", "standing"),
    [
        (["fraud"], ["holds"]),
        (["fraud", "fraud"], ["agrees", "holds"]),
        (["fraud", "legit"], ["disagrees", "holds"]),
        (["fraud", "unsure"], ["holds", "unsure"]),
        (["fraud", "none"], ["withdrawn", "withdrawal"]),
        (["fraud", "none", "legit"], ["withdrawn", "withdrawal", "holds"]),
    ],
)
def test_each_label_stands_somehow_to_the_one_that_holds(
    labels: list[str], standing: list[str]
) -> None:
    made = entry(*(said(label, at=AT + n) for n, label in enumerate(labels)))
    states = label_states(CARDS, made)
    assert [state["standing"] for state in states] == standing
    assert [state["holds"] for state in states] == [word == "holds" for word in standing]


def test_a_label_of_a_lower_rank_is_outranked() -> None:
    made = entry(said("legit"), said("fraud", source="chargeback"))
    assert [state["standing"] for state in label_states(CARDS, made)] == ["outranked", "holds"]


def test_labels_of_an_event_that_has_not_arrived_wait_and_expire() -> None:
    made = entry(said("fraud", label_id="one"), said("fraud", label_id="two"), known=False)
    expire(made, "one")
    states = label_states(CARDS, made)
    assert [state["standing"] for state in states] == ["expired", "waiting"]
    assert [state["customer"] for state in states] == ["c1", "c1"]


def test_what_nobody_decided_or_labelled_has_neither() -> None:
    state = event_state(CARDS, "t2", None, None, CARDS.new_state())
    assert (state["customer"], state["prediction"], state["labels"]) == ("", None, [])


def test_lessons_say_what_they_replace_and_whether_they_were_learned() -> None:
    labels = said("fraud"), said("legit", at=AT + 1), said("none", at=AT + 2)
    made, state = entry(*labels), CARDS.new_state()
    state.fold(CARDS.read_example(made.revisions[0].example), 0)
    found = event_state(CARDS, "t2", prediction("t2", "c1"), made, state)
    assert [(x["words"], x["replaces"], x["folded"]) for x in found["taught"]] == [
        ("learned as fraud", None, True),
        ("corrected from fraud to legit", "fraud", False),
        ("legit taken back", "legit", False),
    ]
    assert found["learned"] == found["taught"][-1]
