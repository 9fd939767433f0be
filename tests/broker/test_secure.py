from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from app.runtime.rights import Right
from tests.broker.certificates import Authority
from tests.broker.clients import make_topic, until
from tests.broker.rights import grant
from tests.broker.secure import MECHANISMS, SecureBroker, Tokens, token

# One loop for all: a TLS connection that is closed ends a moment later, and needs its loop then.
pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _topic(secure: SecureBroker) -> None:
    await make_topic(secure.bootstrap, "t")
    await grant(secure.bootstrap, "writer", [Right("topic", "t", "literal", ("Describe", "Write"))])


async def write(given: dict[str, Any]) -> None:
    # Idempotent, because a worker is: the right to write any topic includes it.
    producer = AIOKafkaProducer(**given, enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait("t", b"value")
    finally:
        await producer.stop()


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_user_with_the_right_writes_by_each_mechanism(
    secure: SecureBroker, mechanism: str
) -> None:
    await write(secure.as_user("writer", mechanism))


@pytest.mark.parametrize("mechanism", [one for one in MECHANISMS if one != "OAUTHBEARER"])
async def test_a_wrong_password_is_refused(
    secure: SecureBroker, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KafkaConnectionError):
        await write(secure.as_user("writer", mechanism, password="wrong"))
    assert "SaslAuthenticationFailed" in caplog.text and "wrong" not in caplog.text


@pytest.mark.parametrize("lives", [60, -60])
async def test_a_token_is_refused_once_it_has_expired(secure: SecureBroker, lives: int) -> None:
    given = secure.as_user("writer", "OAUTHBEARER")
    client = AIOKafkaClient(
        **{**given, "sasl_oauth_token_provider": Tokens(token("writer", lives))}
    )
    try:
        # aiokafka takes the refusal for an answer; the broker then tells it nothing.
        await client.bootstrap()
        assert bool(client.cluster.brokers()) == (lives > 0)
    finally:
        await client.close()


async def test_a_client_certificate_is_a_login(secure: SecureBroker) -> None:
    await write(secure.by_certificate(secure.certificate("writer")))


async def test_a_client_without_a_certificate_or_with_a_strangers_is_refused(
    secure: SecureBroker, tmp_path: Any
) -> None:
    for pair in (None, Authority(tmp_path).client("writer")):
        with pytest.raises(KafkaConnectionError):
            await write(secure.by_certificate(pair))


async def test_who_has_no_right_is_denied_and_the_log_says_what(secure: SecureBroker) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        async with AIOKafkaProducer(**secure.as_user("nobody")) as producer:
            await producer.send_and_wait("t", b"value")
    assert await until(lambda: secure.denials("nobody"))
    assert "Topic:LITERAL:t" in secure.denials("nobody")[0]
    assert not secure.denials("writer")


async def test_it_comes_back_with_its_users_rights_and_addresses(secure: SecureBroker) -> None:
    given = secure.as_user("writer")
    await secure.restart()
    assert given["bootstrap_servers"] == secure.sasl
    await write(given)


async def test_password_and_token_files_hold_what_the_user_has(secure: SecureBroker) -> None:
    await write(
        secure.as_user("writer", password=secure.password_file("writer").read_text().strip())
    )
    given = secure.as_user("writer", "OAUTHBEARER")
    said = Tokens(secure.token_file("writer").read_text().strip())
    await write({**given, "sasl_oauth_token_provider": said})
