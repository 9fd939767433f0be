import pytest

from app.broker.broker import Broker
from app.broker.ports import HOST, choose_ports
from app.broker.ready import listens, serves, until_ready
from tests.broker.clients import admin_of, until

pytestmark = pytest.mark.broker


async def has_no_topic_left(bootstrap: str) -> bool:
    async with admin_of(bootstrap) as admin:
        return not any(topic.startswith("weir-ready-") for topic in await admin.list_topics())


async def test_a_running_broker_is_ready_and_keeps_no_topic_of_the_attempt(broker: Broker) -> None:
    await until_ready(broker.bootstrap)
    await until(lambda: has_no_topic_left(broker.bootstrap))


async def test_one_node_is_not_ready_to_keep_two_replicas(broker: Broker) -> None:
    assert not await serves(broker.bootstrap, replicas=2)


async def test_a_free_port_does_not_listen() -> None:
    port, _ = choose_ports(None)
    assert not await listens(f"{HOST}:{port}")
