"""The table of rights, on a broker that denies by default: enough, and no row too many."""

from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from app.apps import set_up
from app.errors import WeirError
from app.runtime.reading import bounds, reader, stretch
from app.runtime.rights import CREATE, DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE, rights
from app.runtime.topics import check
from app.serving.feedback import publish_alone
from app.serving.setup import Setup
from app.settings import Settings
from app.streams.fraud.messages import Feedback
from tests.broker.clients import admin_of, until
from tests.broker.rights import grant, revoke
from tests.broker.secure import SecureBroker

# One loop for all: a TLS connection that is closed ends a moment later, and needs its loop then.
pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="session")]
Act = Callable[[Setup], Awaitable[None]]


async def create_and_check(setup: Setup) -> None:
    await setup.create_topics()
    await setup.check_topics()
    assert await setup.wrong_settings() == []


async def say(setup: Setup) -> None:
    said = Feedback(id="t1", key="c1", label="fraud", source="analyst", actor="ann")
    await publish_alone(setup, said, within=5.0)


async def read_logs(setup: Setup) -> None:
    await setup.check_topics()
    names = setup.topics
    for name in (
        names.predictions,
        names.examples,
        *names.changelogs.values(),
        names.dead_letters,
    ):
        tp = TopicPartition(name, 0)
        async with reader(setup.settings.brokers, tp) as consumer:
            begin, end = await bounds(consumer, tp)
            assert [one async for some in stretch(consumer, tp, begin, end) for one in some]


ACTS: dict[str, Act] = {"topics": create_and_check, "analyst": say, "reader": read_logs}


@pytest.fixture
def anyone(secure: SecureBroker, fresh: str) -> Setup:
    """The settings of a user."""
    return set_up(Settings(brokers=secure.sasl, topic_prefix=fresh, partitions=1))


@pytest.fixture
def login(secure: SecureBroker, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes every client that connects to the address of users a certain user's."""
    plain = AIOKafkaClient.__init__

    def as_user(user: str) -> None:
        given = secure.as_user(user)

        def begin(self: AIOKafkaClient, **options: object) -> None:
            is_user = options["bootstrap_servers"] == secure.sasl
            plain(self, **({**options, **given} if is_user else options))

        monkeypatch.setattr(AIOKafkaClient, "__init__", begin)

    return as_user


async def make_topics(secure: SecureBroker, anyone: Setup) -> None:
    """The topics, with a record in the first partition of each."""
    settings = anyone.settings.model_copy(update={"brokers": secure.bootstrap})
    names = await Setup(settings, anyone.application).create_topics()
    async with AIOKafkaProducer(bootstrap_servers=secure.bootstrap) as producer:
        for name in names:
            await producer.send_and_wait(name, b"{}", b"key")


async def delete(secure: SecureBroker, topic: str) -> None:
    async def gone() -> bool:
        return topic not in await admin.list_topics()

    async with admin_of(secure.bootstrap) as admin:
        await admin.delete_topics([topic])
        await until(gone)


@pytest.mark.parametrize("role", ACTS)
async def test_with_exactly_its_rights_a_role_works_and_without_any_one_it_fails(
    secure: SecureBroker,
    anyone: Setup,
    login: Callable[[str], None],
    role: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "VISIBLE_WITHIN", 0.0)
    await make_topics(secure, anyone)
    table = rights(anyone.settings, anyone.topics, [role])
    await grant(secure.bootstrap, role, table)
    login(role)
    for right in table:
        for operation in right.operations:
            if operation == DESCRIBE_CONFIGS:
                continue  # without it a warning is left out, and nothing fails
            if operation == CREATE:
                await delete(secure, right.name)
            missing = [right._replace(operations=(operation,))]
            # Read and Write include Describe: what fails must be what they are for.
            instead = [right._replace(operations=(DESCRIBE,))] if operation in (READ, WRITE) else []
            await revoke(secure.bootstrap, role, missing)
            await grant(secure.bootstrap, role, instead)
            with pytest.raises((WeirError, KafkaError)) as refused:
                await ACTS[role](anyone)
            # The producer only hears that it may write nothing at all, not where.
            assert right.name in str(refused.value) or operation == WRITE
            await revoke(secure.bootstrap, role, instead)
            await grant(secure.bootstrap, role, missing)
    await ACTS[role](anyone)
