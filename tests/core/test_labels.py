"""Labels: which one of all that was said holds."""

import json

import pytest

from app.core.labels import Labels, feedback_reader
from app.core.messages import Feedback, Origin
from app.core.settling import Received
from app.errors import Refused
from tests.core.sayings import LABELS, NOW, decision, entry, known, said, settle, tell


@pytest.mark.parametrize(
    ("first", "second", "holds"),
    [
        pytest.param(("fraud", "maturity", 9), ("legit", "stream", 1), 1, id="stream > maturity"),
        pytest.param(("fraud", "stream", 9), ("legit", "customer", 1), 1, id="customer > stream"),
        pytest.param(("fraud", "customer", 9), ("legit", "analyst", 1), 1, id="analyst > customer"),
        pytest.param(("legit", "analyst", 9), ("fraud", "chargeback", 1), 1, id="chargeback first"),
        pytest.param(("fraud", "chargeback", 1), ("legit", "analyst", 9), 0, id="lower comes late"),
        pytest.param(("fraud", "analyst", 5), ("legit", "analyst", 6), 1, id="the latest"),
        pytest.param(("fraud", "analyst", 6), ("legit", "analyst", 5), 0, id="the earlier late"),
        pytest.param(("fraud", "analyst", 5), ("legit", "analyst", 5), 1, id="the highest offset"),
        pytest.param(("fraud", "analyst", 5), ("unsure", "chargeback", 9), 0, id="unsure never"),
        pytest.param(("fraud", "analyst", 5), ("none", "customer", 9), 0, id="none of another"),
        pytest.param(("fraud", "analyst", 5), ("none", "analyst", 4), 0, id="none of before"),
        pytest.param(("fraud", "analyst", 5), ("none", "analyst", 6), None, id="withdrawn"),
        pytest.param(("fraud", "analyst", 5), ("none", "analyst", 5), None, id="none at once"),
        pytest.param(("none", "analyst", 6), ("fraud", "analyst", 5), None, id="withdrawn before"),
        pytest.param(("none", "analyst", 5), ("fraud", "analyst", 6), 1, id="said anew"),
    ],
)
def test_one_label_holds(first, second, holds):
    one = entry()
    tell(one, said(*first), said(*second))
    held = LABELS.holds(one)
    assert held is (None if holds is None else one.revisions[holds])
    value = None if held is None else LABELS.teaches[held.label]
    assert (None if one.taught is None else one.taught.label) == value


@pytest.mark.parametrize("later", ["none", "legit"])
def test_what_is_said_in_a_new_epoch_comes_later_whatever_its_offset(later: str):
    one = entry()
    settle(one, said("fraud", at=5), Received(Origin(1, 0, 90), NOW), decision())
    new = settle(one, said(later, at=5, label_id="l2"), Received(Origin(2, 0, 3), NOW), decision())
    assert LABELS.holds(one) is (None if later == "none" else new)


def test_a_withdrawn_label_gives_way_to_the_next_rank():
    one = entry()
    tell(one, said("legit", "customer", 1), said("fraud", "analyst", 2), said("none", at=3))
    assert LABELS.holds(one) is one.revisions[0]


def test_a_label_is_never_later_than_its_record():
    one = entry()
    early, late = tell(one, said("fraud", at=NOW + 5), said("legit", at=NOW - 5))
    assert (early.at, late.at) == (NOW, NOW - 5)
    assert LABELS.holds(one) is early
    assert tell(one, said("legit", actor="ann"))[0].at == NOW, "no time of its own"


def test_equal_ranks_that_differ_are_a_disagreement():
    one = entry()
    tell(
        one,
        said("fraud", "customer", 1),
        said("fraud", "analyst", 2, actor="ann"),
        said("legit", "analyst", 3, actor="bob"),
        said("legit", "analyst", 4, actor="cleo"),
        said("unsure", "analyst", 5),
    )
    assert [revision.actor for revision in LABELS.disagreements(one)] == ["ann"]
    tell(one, said("fraud", "chargeback", 6))
    assert LABELS.disagreements(one) == []


# -- words


WORDS = Labels(teaches={"late": 1, "on time": 0}, ranks={"driver": 2, "maturity": 0})
read = feedback_reader(Feedback, WORDS)


def raw(**fields: object) -> bytes:
    usual = {"id": "t1", "key": "c1", "label": "late", "source": "driver"}
    return json.dumps({**usual, **fields}).encode()


@pytest.mark.parametrize("label", ["late", "on time", "unsure", "none"])
def test_what_an_application_teaches_can_be_said_and_that_one_is_unsure_or_takes_it_back(label):
    assert read(raw(label=label, at="1970-01-01T00:00:01Z")) == Feedback(
        id="t1", key="c1", label=label, source="driver", at=1000
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"label": "fraud"}, "`label` must be one of late, on time, unsure, none"),
        ({"source": "analyst"}, "`source` must be one of driver, maturity"),
        ({"key": ""}, r"`\$.key`"),
        ({"actor": "a\0"}, "`actor` contains a NUL"),
        ({"note": "4111111111111111"}, "`note` is a card number"),
        ({"at": "1970-01-01T00:00:01"}, "`at` has no UTC offset"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_label_that_cannot_be_used_is_refused_by_name(fields, sentence):
    with pytest.raises(Refused, match=sentence):
        read(raw(**fields))


@pytest.mark.parametrize(("y", "word"), [(1, "late"), (0, "on time"), (None, "none")])
def test_each_value_has_its_word(y, word):
    assert WORDS.word(y) == word


def test_labels_that_stand_are_those_that_were_decided_and_not_taken_back():
    one = entry()
    tell(
        one,
        said("fraud", "customer", 1),
        said("none", "customer", 2),
        said("legit", "analyst", 3),
        said("unsure", "chargeback", 4),
    )
    settle(one, said("fraud", "stream", 5), known(9), None)  # waits
    assert [revision.label for revision in LABELS.standing(one)] == ["legit"]
