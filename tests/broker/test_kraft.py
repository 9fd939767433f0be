import re

import pytest

from app.broker.kraft import cluster_properties, server_properties
from app.broker.ports import HOST


def test_added_properties_override_all_but_the_ports() -> None:
    text = server_properties(
        9000, 9001, {"message.max.bytes": "5", "node.id": "7", "listeners": ""}
    )
    assert "message.max.bytes=5\n" in text
    assert "node.id=7\n" in text
    assert f"listeners=PLAINTEXT://{HOST}:9000,CONTROLLER://{HOST}:9001\n" in text
    assert len(re.findall("^node.id=", text, re.MULTILINE)) == 1


def properties_of(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.parametrize(
    ("nodes", "replicas", "in_sync"), [(1, "1", "1"), (3, "3", "2"), (5, "3", "2")]
)
def test_a_cluster_keeps_three_replicas_and_a_write_needs_two(
    nodes: int, replicas: str, in_sync: str
) -> None:
    controllers = range(9100, 9100 + nodes)
    made = properties_of(cluster_properties(1, 9000, controllers, {"node.id": "9"}))
    assert made["node.id"] == "1"
    assert made["controller.quorum.voters"].count("@") == nodes
    for topic in ("offsets.topic", "transaction.state.log"):
        assert made[f"{topic}.replication.factor"] == replicas
    assert made["min.insync.replicas"] == made["transaction.state.log.min.isr"] == in_sync
