"""The topics: their names and shapes."""

from typing import NamedTuple

from aiokafka.admin import NewTopic

from app.settings import Settings
from app.units import HOUR_MS

LABELS, MODELS = "labels", "models"  # tables that every application has
INPUT_BYTES = 1_048_588  # Kafka's own default, set here because dead letters must exceed it
LETTER_BYTES = 2 * INPUT_BYTES
# Record timestamps date labels that carry no time, and decide what has waited for too long.
FUTURE_MS = HOUR_MS  # needs Kafka 3.6
FOREVER = {"retention.ms": "-1", "retention.bytes": "-1"}


class Topics(NamedTuple):
    """The names of an application's topics, with the prefix and group of the settings."""

    events: str
    predictions: str
    review: str
    feedback: str
    examples: str
    dead_letters: str
    changelogs: dict[str, str]  # by table

    @classmethod
    def named(cls, settings: Settings, events: str, records: str) -> "Topics":
        """The names that an application's topics have under these settings.

        Parameters
        ----------
        events, records
            The topic of its events, without the prefix, and the table of its records.

        Examples
        --------
        >>> Topics.named(Settings(topic_prefix="eu-"), "logins", "accounts").dead_letters
        'eu-dead-letters'
        """
        prefix = settings.topic_prefix
        return cls(
            events=f"{prefix}{events}",
            predictions=f"{prefix}predictions",
            review=f"{prefix}review",
            feedback=f"{prefix}feedback",
            examples=f"{prefix}examples",
            dead_letters=f"{prefix}dead-letters",
            changelogs={
                name: f"{prefix}{settings.app_id}-{name}-changelog"
                for name in (records, LABELS, MODELS)
            },
        )

    @property
    def inputs(self) -> tuple[str, str]:
        """The topics that others write and the two agents read."""
        return self.events, self.feedback


def shapes(settings: Settings, names: Topics) -> list[NewTopic]:
    """Every topic with its partitions and configuration."""
    many = settings.partitions
    # acks=all waits for the in-sync replicas, and without this the leader may be the only one.
    safe = {"min.insync.replicas": "2"} if settings.replication >= 3 else {}
    horizon = {"retention.ms": str(int(settings.horizon * 1000))}
    inputs = {
        **horizon,
        "max.message.bytes": str(INPUT_BYTES),
        "message.timestamp.after.max.ms": str(FUTURE_MS),
    }
    letters = {**FOREVER, "max.message.bytes": str(LETTER_BYTES)}
    # Small segments: compaction removes replaced values from closed segments only.
    compact = {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.3",
        "segment.bytes": str(64 << 20),
    }
    keyed = [
        (names.events, inputs),
        (names.predictions, horizon),
        (names.review, horizon),
        (names.feedback, inputs),
        (names.dead_letters, letters),
        *((name, compact) for name in names.changelogs.values()),
    ]
    wanted = [*((name, many, configs) for name, configs in keyed), (names.examples, 1, FOREVER)]
    return [
        NewTopic(name, count, settings.replication, topic_configs={**configs, **safe})
        for name, count, configs in wanted
    ]
