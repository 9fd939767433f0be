"""What KRaft nodes are told, and what their logs tell.

Measured with Kafka 4.3.1: a single one is ready in 3 s with 160 MB of memory; with Kafka's own
defaults 10 s and 325 MB.
"""

import re
from collections.abc import Mapping, Sequence

from app.broker.ports import HOST

JVM = (
    *("-Xms64m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
)
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": "data",  # relative: a properties file cannot hold every path as it is
    "num.network.threads": "1",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",  # 3, the default, hangs the first group for ever
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": "2000",  # after a kill -9 it may register again this soon
    "broker.heartbeat.interval.ms": "500",
}
PORT_TAKEN = "Address already in use"
# What its log says when it ends, and what that means.
SIGNS = {
    PORT_TAKEN: "its port is in use",
    "No space left on device": "the disk is full",
    "Failed to acquire lock": "another broker uses its directory",
    "nsufficient memory": "there is not enough memory",
}


def server_properties(port: int, controller: int, added: Mapping[str, str]) -> str:
    """The text of a single node's server.properties; what is `added` wins, not over the ports."""
    return _text({**PROPERTIES, **added, **_ports(1, port, [controller])})


def cluster_properties(
    number: int, port: int, controllers: Sequence[int], added: Mapping[str, str]
) -> str:
    """The text of server.properties of one of several nodes, which are numbered from 1.

    With three nodes or more every record is kept by three of them, and a write with acks=all is
    acknowledged when two have it. An older copy never becomes the leader.
    """
    copies = str(min(len(controllers), 3))
    enough = "2" if copies == "3" else "1"
    shared = {
        "default.replication.factor": copies,
        "min.insync.replicas": enough,
        "unclean.leader.election.enable": "false",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": enough,
    }
    own = {"node.id": str(number), **_ports(number, port, controllers)}
    return _text({**PROPERTIES, **shared, **added, **own})


def _ports(number: int, port: int, controllers: Sequence[int]) -> dict[str, str]:
    voters = (f"{n}@{HOST}:{controller}" for n, controller in enumerate(controllers, 1))
    return {
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controllers[number - 1]}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
    }


def _text(properties: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def explain(errors: str) -> str:
    """The likely cause in the log of a broker that failed.

    >>> explain("java.net.BindException: Address already in use\\n\\tat java.base/sun.nio")
    'its port is in use'
    >>> explain("ERROR Exiting\\njava.lang.Error: what\\n\\tat kafka.Kafka.main(Kafka)\\n")
    'java.lang.Error: what'
    >>> explain("")
    'its log is empty'
    """
    for sign, meaning in SIGNS.items():
        if sign in errors:
            return meaning
    lines = [line.strip() for line in errors.splitlines() if re.match(r"\S", line)]
    return lines[-1] if lines else "its log is empty"
