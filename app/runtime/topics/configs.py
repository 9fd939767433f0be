"""Settings of topics that somebody changed: what would come of each, and the command that helps.

None of them makes going on a lie by itself, so a worker warns and goes on.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from app.runtime.topics.metadata import Seen
from app.runtime.topics.shapes import FOREVER, INPUT_BYTES, LETTER_BYTES, Topics, shapes
from app.settings import Settings

POLICY, RETENTION, SIZE = "cleanup.policy", "retention.ms", "retention.bytes"
LARGEST, IN_SYNC = "max.message.bytes", "min.insync.replicas"
FUTURE, PAST = "message.timestamp.after.max.ms", "message.timestamp.before.max.ms"


class Rule(NamedTuple):
    """A setting of a topic: which values do no harm, what to set it to, what comes of others."""

    setting: str
    harmless: Callable[[str], bool]
    better: str
    harm: str


class Wrong(NamedTuple):
    """A setting that does harm."""

    topic: str
    setting: str
    value: str
    better: str
    harm: str

    def sentence(self, brokers: str) -> str:
        """What is wrong, and the command that helps."""
        return (
            f"{self.topic} has {self.setting}={self.value}: {self.harm}; kafka-configs.sh "
            f"--bootstrap-server {brokers} --alter --entity-type topics --entity-name "
            f"{self.topic} --add-config {self.setting}={self.better}"
        )


def rules(settings: Settings, names: Topics) -> dict[str, list[Rule]]:
    """What is looked at, by topic."""
    horizon = int(settings.horizon * 1000)
    kept = Rule(
        RETENTION,
        lambda value: _unlimited(value) or int(value) >= horizon,
        str(horizon),
        "records go before WEIR_HORIZON is over",
    )
    deleted = Rule(
        POLICY, lambda value: value == "delete", "delete", "compaction takes all but the latest"
    )
    compacted = Rule(
        POLICY, lambda value: value == "compact", "compact", "the table's changes are deleted"
    )
    inputs = [
        deleted,
        kept,
        _at_most(LARGEST, INPUT_BYTES, "a refused record may not fit into a dead letter"),
        _at_most(FUTURE, _of(settings, names, FUTURE), "records from the future are taken"),
        _at_least(PAST, horizon, "replays and old records are refused"),
    ]
    forever = [
        deleted,
        *(Rule(name, _unlimited, FOREVER[name], "it must be kept forever") for name in FOREVER),
    ]
    room = _at_least(LARGEST, INPUT_BYTES, "what a worker writes may be refused")
    large = _at_least(LARGEST, LETTER_BYTES, "dead letters of large records are refused")
    return {
        names.events: inputs,
        names.feedback: inputs,
        names.predictions: [deleted, kept, room],
        names.review: [deleted, room],
        names.examples: [*forever, room],
        names.dead_letters: [*forever, large],
        **{changelog: [compacted, room] for changelog in names.changelogs.values()},
    }


def looked_at(checked: Mapping[str, list[Rule]]) -> set[str]:
    """The settings to ask for."""
    return {IN_SYNC, *(rule.setting for some in checked.values() for rule in some)}


def wrong(
    checked: Mapping[str, list[Rule]],
    found: Mapping[str, Mapping[str, str]],
    seen: Mapping[str, Seen | None],
) -> Iterator[Wrong]:
    """The settings that do harm, among those that a broker told."""
    for topic, settings in found.items():
        for rule in checked[topic]:
            value = settings.get(rule.setting)
            if value is not None and not rule.harmless(value):
                yield Wrong(topic, rule.setting, value, rule.better, rule.harm)
        in_sync, one = settings.get(IN_SYNC), seen.get(topic)
        if in_sync is not None and one is not None:
            yield from _in_sync(topic, int(in_sync), one.replicas)


def _in_sync(topic: str, least: int, replicas: int) -> Iterator[Wrong]:
    """With acks=all, so many replicas must have a write before it counts."""
    if least > replicas:
        harm = f"it has {replicas} replicas, so no write is accepted"
        yield Wrong(topic, IN_SYNC, str(least), str(max(replicas - 1, 1)), harm)
    elif replicas >= 3 and least < 2:
        harm = "a write counts when the leader alone has it"
        yield Wrong(topic, IN_SYNC, str(least), "2", harm)


def _of(settings: Settings, names: Topics, setting: str) -> int:
    """What `shapes` makes the events with."""
    (events,) = (topic for topic in shapes(settings, names) if topic.name == names.events)
    return int(events.topic_configs[setting])


def _unlimited(value: str) -> bool:
    return int(value) < 0


def _at_most(setting: str, limit: int, harm: str) -> Rule:
    return Rule(setting, lambda value: int(value) <= limit, str(limit), harm)


def _at_least(setting: str, limit: int, harm: str) -> Rule:
    return Rule(setting, lambda value: int(value) >= limit, str(limit), harm)
