"""The topics: their names and shapes."""

import asyncio
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from app.errors import BrokerError, TopicsError
from app.settings import Settings
from app.units import HOUR_MS

LABELS, MODELS = "labels", "models"  # tables that every application has
INPUT_BYTES = 1_048_588  # Kafka's own default, set here because dead letters must exceed it
LETTER_BYTES = 2 * INPUT_BYTES
# Record timestamps date labels that carry no time, and decide what has waited for too long.
FUTURE_MS = HOUR_MS  # needs Kafka 3.6
VISIBLE_WITHIN = 30.0  # seconds
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


async def create(settings: Settings, names: Topics, wait: float = 0.0) -> list[str]:
    """Create the topics that are missing; returns their names.

    Parameters
    ----------
    wait
        Seconds to wait for a broker.

    Raises
    ------
    TopicsError
        A topic could not be created, or exists with another number of partitions.
    BrokerError
        No broker answers.
    """
    admin = await _connect(settings, wait)
    try:
        found = set(await admin.list_topics())
        missing = [topic for topic in shapes(settings, names) if topic.name not in found]
        for name, code, reason in (await admin.create_topics(missing)).topic_errors:
            if for_code(code) not in (None, TopicAlreadyExistsError) and code != 0:
                raise TopicsError(f"topic {name} could not be created: {reason}")
        await _until_visible(admin, settings, names)
    finally:
        await admin.close()
    return [topic.name for topic in missing]


async def check(settings: Settings, names: Topics) -> None:
    """Raise TopicsError unless every topic exists with the partition count of the settings."""
    admin = await _connect(settings)
    try:
        await _check(admin, settings, names)
    finally:
        await admin.close()


async def _connect(settings: Settings, wait: float = 0.0) -> AIOKafkaAdminClient:
    until = asyncio.get_running_loop().time() + wait
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
        try:
            await admin.start()
            await admin.list_topics()  # a restarted broker answers before it has its metadata
            return admin
        except (KafkaError, OSError) as error:
            await admin.close()
            if asyncio.get_running_loop().time() >= until:
                reason = f"no Kafka broker answers at {settings.brokers}: {error}"
                raise BrokerError(reason) from None
        await asyncio.sleep(0.5)


async def _until_visible(admin: AIOKafkaAdminClient, settings: Settings, names: Topics) -> None:
    """Wait for the new topics: a broker confirms them slightly before its metadata has them."""
    until = asyncio.get_running_loop().time() + VISIBLE_WITHIN
    while True:
        try:
            return await _check(admin, settings, names)
        except TopicsError:
            if asyncio.get_running_loop().time() > until:
                raise
        await asyncio.sleep(0.05)


async def _check(admin: AIOKafkaAdminClient, settings: Settings, names: Topics) -> None:
    wanted = {topic.name: topic.num_partitions for topic in shapes(settings, names)}
    found = set(await admin.list_topics())
    if missing := sorted(set(wanted) - found):
        raise TopicsError(f"missing topics: {', '.join(missing)}; run weir topics create")
    for topic in await admin.describe_topics(list(wanted)):
        count = len(topic["partitions"])
        if count != wanted[topic["topic"]]:
            raise TopicsError(
                f"topic {topic['topic']} has {count} partitions, but the settings say "
                f"{wanted[topic['topic']]}: set WEIR_PARTITIONS={count}, or choose a new "
                "WEIR_APP_ID and WEIR_TOPIC_PREFIX for a new partition count"
            )
