"""Playing events with the labels that fall due."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from app.core.labels import Labels
from app.core.messages import label_id
from app.data.files import open_dataset
from app.data.player import Truth, due, play
from app.data.rows import Due, Labelled
from app.errors import DataError
from app.streams.fraud.messages import Transaction, read_feedback
from app.units import DAY_MS
from app.wire import encode
from tests.cards import cards

CARDS = cards()


def row(at: int, positive: bool | None = False) -> Labelled:
    tx = Transaction(id=f"t{at}", at=at, customer="c", merchant="m", amount=1.0)
    return Labelled(tx, positive)


def test_labels_are_played_before_the_event_of_their_time():
    steps = list(play(CARDS, [row(0, True), row(5), row(10), row(15, None), row(26)], 10))
    assert [step.at if isinstance(step, Due) else step.event.id for step in steps] == [
        "t0", "t5", 10, "t10", 15, "t15", 20, "t26",
    ]  # fmt: skip


def test_labels_with_times_of_their_own_fall_due_at_those():
    rows = [row(0, True), row(5)._replace(known=6), row(10)._replace(known=100), row(20)]
    steps = list(play(CARDS, rows, 10))
    assert [step.at if isinstance(step, Due) else step.event.id for step in steps] == [
        "t0", "t5", 6, 10, "t10", "t20",
    ]  # fmt: skip


def test_after_the_last_event_come_the_labels_of_those_before_a_time_alone():
    steps = list(play(CARDS, [row(0, True), row(5), row(8)], 10, until=8))
    assert [step.at for step in steps if isinstance(step, Due)] == [10, 15]


def test_a_due_label_says_what_is_known_and_has_an_id_of_its_own():
    steps = list(play(CARDS, [row(0, True), row(1, False), row(99)], 10))
    given = [step.feedback for step in steps if isinstance(step, Due)]
    assert [(f.id, f.key, f.label, f.source, f.at) for f in given] == [
        ("t0", "c", "fraud", "stream", 10),
        ("t1", "c", "legit", "stream", 11),
    ]
    assert all(read_feedback(encode(label)) == label for label in given)
    assert len({f.label_id for f in given}) == 2
    (again,) = (step for step in play(CARDS, [row(0, True), row(99)], 10) if isinstance(step, Due))
    assert again.feedback.label_id == given[0].label_id == label_id(given[0])


@pytest.mark.parametrize(
    ("positive", "unreported", "word"),
    [
        pytest.param(True, 0.0, "takeover", id="positive"),
        pytest.param(False, 0.0, "genuine", id="negative"),
        pytest.param(True, 1.0, "genuine", id="never reported"),
    ],
)
def test_a_label_is_said_in_the_applications_words(positive, unreported, word):
    words = Labels({"takeover": 1, "genuine": 0}, {"stream": 0})
    label = due(replace(CARDS, labels=words), Truth("l1", "ann", 3, positive), 9, unreported)
    assert (label.at, label.feedback.label, label.feedback.key) == (9, word, "ann")


def test_a_file_out_of_order_is_refused_naming_the_row():
    with pytest.raises(DataError, match=r"row 3, event t4, .* sort the file by time"):
        list(play(CARDS, [row(0), row(5), row(4)], 10))


@pytest.mark.data
def test_the_handbook_has_133056_labels_within_its_first_200000_transactions(data_folder: Path):
    dataset = open_dataset(CARDS, data_folder / "handbook_2018-04-01_2018-08-14.parquet")
    steps = Counter(type(step) for step in play(CARDS, islice(dataset, 200_000), 7 * DAY_MS))
    assert steps == {Labelled: 200_000, Due: 133_056}
    assert dataset.rows == 1_303_778
