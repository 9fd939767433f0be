"""Makes topics and checks them: a look at all of them comes before anything is made."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from app.errors import BrokerError, TopicsError
from app.runtime.topics import advice, configs
from app.runtime.topics.configs import Wrong
from app.runtime.topics.metadata import Seen, look, settings_of
from app.runtime.topics.shapes import Topics, shapes
from app.settings import Settings

VISIBLE_WITHIN = 30.0  # seconds


async def create(settings: Settings, names: Topics, wait: float = 0.0) -> list[str]:
    """Create the topics that are missing; returns their names.

    Parameters
    ----------
    wait
        Seconds to wait for a broker.

    Raises
    ------
    TopicsError
        Topics exist with another number of partitions, and nothing was created; or one could
        not be created.
    BrokerError
        No broker answers.
    """
    async with _admin(settings, wait) as admin:
        seen = await _look(admin, settings, names)
        if wrong := advice.of_counts(settings, names, seen, "; nothing was created"):
            raise TopicsError(wrong)
        missing = [topic for topic in shapes(settings, names) if seen.get(topic.name) is None]
        for name, code, reason in (await admin.create_topics(missing)).topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise TopicsError(f"topic {name} could not be created: {reason}")
        await _until_visible(admin, settings, names)
    return [topic.name for topic in missing]


async def check(settings: Settings, names: Topics) -> dict[str, str]:
    """The id of each topic, if all exist with the partitions of the settings.

    Raises
    ------
    TopicsError
        Topics are missing, or have another number of partitions.
    BrokerError
        No broker answers.
    """
    async with _admin(settings) as admin:
        return _ids(settings, names, await _look(admin, settings, names))


async def wrong_settings(settings: Settings, names: Topics) -> list[Wrong]:
    """The settings of topics that do harm.

    Raises
    ------
    BrokerError
        No broker answers.
    """
    checked = configs.rules(settings, names)
    async with _admin(settings) as admin:
        seen = await _look(admin, settings, names)
        found = await settings_of(admin._client, checked, configs.looked_at(checked))
    return sorted(configs.wrong(checked, found, seen))


@asynccontextmanager
async def _admin(settings: Settings, wait: float = 0.0) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = await _connect(settings, wait)
    try:
        yield admin
    finally:
        await admin.close()


async def _connect(settings: Settings, wait: float) -> AIOKafkaAdminClient:
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


async def _look(
    admin: AIOKafkaAdminClient, settings: Settings, names: Topics
) -> dict[str, Seen | None]:
    """What there is; a broker that has just started says nothing of some topics for a while."""
    wanted = [topic.name for topic in shapes(settings, names)]
    until = asyncio.get_running_loop().time() + VISIBLE_WITHIN
    while True:
        try:
            seen = await look(admin._client, wanted)
        except KafkaError as error:
            silent = f"no Kafka broker answers at {settings.brokers}: {error}"
        else:
            if not (left := sorted(set(wanted) - seen.keys())):
                return seen
            silent = f"the brokers do not describe {', '.join(left)} to this user"
        if asyncio.get_running_loop().time() > until:
            raise BrokerError(silent)
        await asyncio.sleep(0.5)


async def _until_visible(admin: AIOKafkaAdminClient, settings: Settings, names: Topics) -> None:
    """Wait for the new topics: a broker confirms them slightly before its metadata has them."""
    until = asyncio.get_running_loop().time() + VISIBLE_WITHIN
    while True:
        try:
            _ids(settings, names, await _look(admin, settings, names))
            return
        except TopicsError:
            if asyncio.get_running_loop().time() > until:
                raise
        await asyncio.sleep(0.05)


def _ids(settings: Settings, names: Topics, seen: Mapping[str, Seen | None]) -> dict[str, str]:
    if wrong := advice.of_counts(settings, names, seen):
        raise TopicsError(wrong)
    found = {name: one.id for name, one in seen.items() if one is not None}
    missing = {topic.name for topic in shapes(settings, names)} - found.keys()
    if missing:
        raise TopicsError(advice.of_missing(missing))
    return found
