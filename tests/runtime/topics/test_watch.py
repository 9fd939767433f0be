"""The watch of topics: what makes going on a lie, how sure it is, and what is only warned of."""

from typing import NoReturn

import pytest

from app.runtime.guard import Exit
from app.runtime.topics.configs import rules, wrong
from app.runtime.topics.metadata import Seen
from app.runtime.topics.shapes import Topics, shapes
from app.runtime.topics.watch import GONE, SURE, TopicWatch
from app.settings import Settings, read_settings

SETTINGS = read_settings(partitions=4, horizon="20d", maturity="10d")
NAMES = Topics.named(SETTINGS, "transactions", "customers")
HORIZON = str(20 * 86_400_000)


class Left(Exception):
    """The process has ended."""


def leave(code: Exit, why: str) -> NoReturn:
    raise Left(f"{code.name}: {why}")


async def nothing() -> None:
    pass


def seen(replicas: int = 1, **changed: Seen | None) -> dict[str, Seen | None]:
    """All topics as they were made, except some."""
    made = shapes(SETTINGS, NAMES)
    as_made = {one.name: Seen(f"id of {one.name}", one.num_partitions, replicas) for one in made}
    return {**as_made, **changed}


class Story:
    """A watch whose clock stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0
        self.watch = TopicWatch(SETTINGS, NAMES, lambda: None, nothing, leave, lambda: self.now)
        self.watch.ids = {name: one.id for name, one in seen().items() if one is not None}

    def sees(self, after: float = 0.0, **changed: Seen | None) -> str | None:
        self.now += after
        self.watch.judge(seen(**changed))
        return self.watch.doubt


GROWN = Seen("id of transactions", 8, 1)
ANOTHER = Seen("another id", 4, 1)


@pytest.mark.parametrize(
    ("changed", "patience", "sentence"),
    [
        pytest.param({"transactions": GROWN}, SURE, "transactions has 8 partitions", id="raised"),
        pytest.param({"transactions": ANOTHER}, SURE, "raise WEIR_EPOCH", id="made again"),
        pytest.param({"examples": Seen("x", 1, 1)}, SURE, "what it held is lost", id="examples"),
        pytest.param({"feedback": None}, GONE, "missing topics: feedback", id="gone"),
    ],
)
def test_what_makes_going_on_a_lie_is_said_at_once_and_believed_later(
    changed: dict, patience: float, sentence: str
):
    story = Story()
    assert story.sees() is None
    assert sentence in (story.sees(**changed) or "")
    assert story.sees(after=patience - 0.1, **changed)
    with pytest.raises(Left, match=rf"^STATE: .*{sentence}"):
        story.sees(after=0.1, **changed)


def test_another_fleet_in_the_group_ends_a_worker():
    story = Story()
    story.watch.judge(seen(), "members that read eu-transactions")
    assert story.watch.doubt == "members that read eu-transactions"
    story.now += SURE
    with pytest.raises(Left, match="members that read eu-transactions"):
        story.watch.judge(seen(), "members that read eu-transactions")


def test_a_hiccup_ends_nobody():
    story = Story()
    for _ in range(3):
        assert story.sees(feedback=None)
        assert story.sees(after=GONE) is None
    assert story.sees(after=GONE, feedback=None), "it begins anew"
    assert story.sees(after=GONE - 1, feedback=None)


def test_nothing_depends_on_review_items_and_dead_letters():
    story = Story()
    assert story.sees(review=Seen("another id", 4, 1)) is None
    assert story.watch.ids["review"] == "another id"


def test_what_a_broker_does_not_tell_is_no_evidence():
    story = Story()
    told = {name: one for name, one in seen().items() if name != "transactions"}
    story.watch.judge(told)
    assert story.watch.doubt is None


# -- settings


def configured(settings: Settings = SETTINGS) -> dict[str, dict[str, str]]:
    """As brokers tell them: what `shapes` says, defaults for the rest."""
    defaults = {
        "cleanup.policy": "delete",
        "retention.ms": "604800000",
        "retention.bytes": "-1",
        "max.message.bytes": "1048588",
        "min.insync.replicas": "1",
        "message.timestamp.after.max.ms": "9223372036854775807",
        "message.timestamp.before.max.ms": "9223372036854775807",
    }
    return {t.name: {**defaults, **t.topic_configs} for t in shapes(settings, NAMES)}


def harmful(changed: dict[str, dict[str, str]], replicas: int = 1) -> list[tuple[str, ...]]:
    found = configured()
    for topic, settings in changed.items():
        found[topic].update(settings)
    names = rules(SETTINGS, NAMES)
    return [(one.topic, one.setting, one.better) for one in wrong(names, found, seen(replicas))]


def test_topics_as_they_are_made_do_no_harm():
    assert harmful({}) == []


CHANGELOG = "weir-labels-changelog"


@pytest.mark.parametrize(
    ("topic", "setting", "value", "better"),
    [
        ("transactions", "cleanup.policy", "compact", "delete"),
        ("feedback", "cleanup.policy", "compact,delete", "delete"),
        ("transactions", "retention.ms", "604800000", HORIZON),
        ("predictions", "retention.ms", "1000", HORIZON),
        ("transactions", "max.message.bytes", "5000000", "1048588"),
        ("dead-letters", "max.message.bytes", "1048588", "2097176"),
        ("predictions", "max.message.bytes", "1000", "1048588"),
        ("transactions", "message.timestamp.after.max.ms", "9223372036854775807", "3600000"),
        ("feedback", "message.timestamp.before.max.ms", "3600000", HORIZON),
        ("transactions", "min.insync.replicas", "2", "1"),
        (CHANGELOG, "cleanup.policy", "delete", "compact"),
        (CHANGELOG, "cleanup.policy", "compact,delete", "compact"),
        ("examples", "retention.ms", HORIZON, "-1"),
        ("examples", "retention.bytes", "1000000", "-1"),
        ("examples", "cleanup.policy", "compact", "delete"),
        ("dead-letters", "retention.ms", HORIZON, "-1"),
    ],
)
def test_a_setting_that_does_harm_is_named_with_what_helps(
    topic: str, setting: str, value: str, better: str
):
    assert harmful({topic: {setting: value}}) == [(topic, setting, better)]


@pytest.mark.parametrize(
    ("topic", "setting", "value"),
    [
        ("transactions", "retention.ms", "-1"),
        ("predictions", "retention.ms", "9999999999999"),
        ("dead-letters", "max.message.bytes", "5000000"),
        ("transactions", "message.timestamp.after.max.ms", "1000"),
        ("transactions", "max.message.bytes", "1000"),
    ],
)
def test_more_than_what_is_needed_is_not_mentioned(topic: str, setting: str, value: str):
    assert harmful({topic: {setting: value}}) == []


def test_three_replicas_of_which_one_is_enough_are_not_safe():
    named = harmful({}, replicas=3)
    assert {(setting, better) for _, setting, better in named} == {("min.insync.replicas", "2")}
    assert len(named) == 9


def test_a_wrong_setting_is_warned_of_once_with_the_command_that_helps(caplog):
    story, found = Story(), configured()
    found["transactions"]["cleanup.policy"] = "compact"
    for _ in range(2):
        story.watch.warn(seen(), found)
    (record,) = caplog.records
    assert record.getMessage() == (
        "transactions has cleanup.policy=compact: compaction takes all but the latest; "
        "kafka-configs.sh --bootstrap-server 127.0.0.1:9092 --alter --entity-type topics "
        "--entity-name transactions --add-config cleanup.policy=delete"
    )
    assert len(story.watch.wrong) == 1
    story.watch.warn(seen(), configured())
    assert story.watch.wrong == set()
