"""Labels in the words of files."""

from collections.abc import Mapping

import pytest

from app.core.labels import Labels
from app.data.truths import Truths
from app.errors import Refused

LABELS = Labels({"fraud": 1, "legit": 0}, {})


@pytest.mark.parametrize(
    "pair",
    [
        ("Yes", "No"),
        ("Y", "N"),
        ("t", "f"),
        ("TRUE", "False"),
        ("1", "-1"),
        (1, -1),
        ("1", "0"),
        ("1.0", "0.0"),
        (1.0, 0.0),
        (True, False),
        ("fraud", "legit"),
        (" Fraud ", "LEGIT"),
    ],
    ids=str,
)
def test_the_usual_words_are_labels(pair: tuple[object, object]):
    read = Truths(LABELS)
    assert [read(word) for word in pair] == [True, False]


@pytest.mark.parametrize("word", ["unsure", "none", ""])
def test_some_words_say_nothing(word: str):
    assert Truths(LABELS)(word) is None


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ({"FRAUDE": "fraud", "OK": "legit"}, {"fraude": True, "ok": False}),
        ({"0": "fraud", "1": "legit"}, {"0": True, 1: False}),
        ({"X": "fraud", "?": "unsure"}, {"x": True, "?": None}),
    ],
    ids=["own words", "turned round", "unsure"],
)
def test_the_words_of_a_file_can_be_named(spelled: Mapping[str, str], says: Mapping):
    read = Truths(LABELS, spelled)
    assert {word: read(word) for word in says} == says
    with pytest.raises(Refused, match=r"--label-words names .* alone"):
        read("yes")


def test_another_word_is_refused_with_the_option_that_names_it():
    with pytest.raises(
        Refused, match=r"write fraud or legit, yes or no, .*--label-words fraud=WORD"
    ):
        Truths(LABELS)("maybe")


@pytest.mark.parametrize("order", [("0", "-1"), ("-1", "0"), (-1, 0)], ids=str)
def test_minus_one_beside_zero_may_be_either(order: tuple[object, object]):
    read = Truths(LABELS)
    assert read(order[0]) is False
    with pytest.raises(Refused, match=r"labels -1 and 0.*--label-words"):
        read(order[1])
