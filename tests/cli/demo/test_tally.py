"""What a demo owes and what it counts, from the records of the output topics."""

import pytest
from aiokafka import ConsumerRecord

from app.apps import set_up
from app.cli.demo.tally import Tally
from app.core.messages import ModelUsed, Origin, Previous, Restore, Source
from app.data import player
from app.data.player import Truth
from app.data.rows import Due, Labelled
from app.settings import Settings
from app.streams.fraud.messages import Example, Prediction, Transaction
from app.wire import encode

SETUP = set_up(Settings())
TOPICS = SETUP.topics


def record(value: bytes, offset: int = 0, at: int = 0) -> ConsumerRecord:
    return ConsumerRecord("t", 0, offset, at, 0, b"c", value, None, 1, len(value), ())


def row(id: str, fraud: bool = False) -> Labelled:
    tx = Transaction(id=id, at=1, customer="c", merchant="m", amount=1.0)
    return Labelled(tx, fraud)


def due(row: Labelled) -> Due:
    event = row.event
    return player.due(SETUP.application, Truth(event.id, event.key, event.at, row.positive), 0)


def prediction(id: str, score: float) -> bytes:
    return encode(
        Prediction(
            id=id,
            key="c",
            merchant="m",
            location="",
            amount=1.0,
            at=1,
            score=score,
            decision="approve" if score < 0.5 else "review",
            reasons=[],
            mode="model",
            model=ModelUsed("binned", "both", 0),
            features={},
            source=Source(0, 0),
            engine="e",
        )
    )


def example(id: str, y: int | None, score: float, previous: Previous | None = None) -> bytes:
    return encode(
        Example(
            id=id,
            x={},
            y=y,
            w=1.0,
            previous=previous,
            score=score,
            version=0,
            merchant="m",
            location="",
            at=1,
            known=2,
            origin=Origin(1, 0, 0),
            end_of_step=True,
        )
    )


@pytest.fixture
def reviewed() -> list[str]:
    return []


@pytest.fixture
def tally(reviewed: list[str]) -> Tally:
    return Tally(SETUP.application, TOPICS, reviewed.append)


def test_an_event_is_owed_its_prediction_and_the_latency_follows_from_that(tally: Tally):
    tally.send_events([row("a"), row("b")], at=100)
    tally.see(TOPICS.predictions, [record(prediction("a", 0.1), at=104)])
    assert list(tally.undecided) == ["b"]
    tally.see(TOPICS.predictions, [record(prediction("b", 0.1), at=108)])
    assert not tally.undecided
    assert tally.latency() == {"p50": 6.0, "p99": pytest.approx(7.96)}
    assert tally.latency(latest=1) == {"p50": 8.0, "p99": 8.0}


@pytest.mark.parametrize("review_first", [False, True], ids=["prediction first", "review first"])
def test_an_alert_is_owed_its_review_item_in_whatever_order_they_are_read(
    tally: Tally, reviewed: list[str], review_first: bool
):
    tally.send_events([row("a")], at=100)
    alert = record(prediction("a", 0.7))
    topics = [TOPICS.predictions, TOPICS.review]
    for topic in reversed(topics) if review_first else topics:
        assert tally.undecided or tally.unreviewed
        tally.see(topic, [alert])
    assert not tally.undecided and not tally.unreviewed
    assert reviewed == ["a"]


def test_a_label_is_owed_an_example_that_says_the_same(tally: Tally):
    tally.send_labels([due(row("a", fraud=True))])
    tally.see(TOPICS.examples, [record(example("a", 0, 0.1), offset=5)])
    assert tally.unlearned
    tally.see(TOPICS.examples, [record(example("a", 1, 0.1, Previous(0, 1.0, 0)), offset=6)])
    assert not tally.unlearned
    assert tally.version == 7


def test_a_restore_among_the_examples_moves_the_version_only(tally: Tally):
    restore = Restore(id="r1", version=1, digest="", model="binned", features="", at=0)
    tally.see(TOPICS.examples, [record(encode(restore), offset=5)])
    assert (tally.version, tally.examples, tally.taught) == (6, 0, {})


@pytest.mark.parametrize("what", ["transaction", "label"])
def test_nothing_is_owed_for_what_became_a_dead_letter(tally: Tally, what: str):
    label = due(row("a"))
    if what == "label":
        tally.send_labels([label])
    else:
        tally.send_events([row("a")], at=1)
    raw = encode(label.feedback if what == "label" else row("a").event)
    tally.see(TOPICS.dead_letters, [record(raw), record(b"not even JSON")])
    assert not tally.undecided and not tally.unlearned
    assert tally.dead_letters == 2


def test_the_summary_counts_an_event_learned_twice_once_with_its_last_label(tally: Tally):
    score = {"a": 0.9, "b": 0.2, "c": 0.7}
    for id in score:
        tally.see(TOPICS.predictions, [record(prediction(id, score[id]))])
    tally.see(TOPICS.examples, [record(example(id, 0, score[id])) for id in score])
    again = example("a", 1, score["a"], Previous(0, 1.0, 0))
    tally.see(TOPICS.examples, [record(again), record(example("c", None, score["c"]))])
    summary = tally.summary()
    assert (summary["learned"], summary["predictions"]) == (2, 3)
    assert (summary["average_precision"], summary["alert_precision"]) == (1.0, 1.0)
