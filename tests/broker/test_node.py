import asyncio
from pathlib import Path

import pytest

from app.broker.broker import HEAP, Broker
from app.broker.kraft import server_properties
from app.broker.node import Node, java_command, new_cluster_id
from app.broker.ports import choose_ports
from app.errors import BrokerError

pytestmark = pytest.mark.broker


def test_a_node_that_was_not_started_has_no_process(tmp_path: Path) -> None:
    node = Node(tmp_path, ["java"], "Node 3")
    assert not node.running
    with pytest.raises(BrokerError, match=r"^Node 3 has not been started\.$"):
        _ = node.pid


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_port_that_another_process_took_is_the_cause_it_gives(
    broker: Broker, tmp_path: Path
) -> None:
    node = Node(tmp_path, await java_command(HEAP))
    assert broker.port is not None
    node.configure(server_properties(broker.port, choose_ports(None)[1], {}))
    await node.format(new_cluster_id())
    assert not node.port_was_taken()
    with pytest.raises(BrokerError, match="ended before it was ready: its port is in use"):
        await node.start(never())
    assert node.port_was_taken() and not node.running
