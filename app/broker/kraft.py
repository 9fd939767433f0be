"""The configuration of KRaft nodes, and the causes of failure that their logs show.

Measured with Kafka 4.3.1: a single node is ready in 3 s and takes 160 MB of memory; with Kafka's
own defaults it is 10 s and 325 MB.
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
    "log.dirs": "data",  # relative: not every path can be written literally in a properties file
    "num.network.threads": "1",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",  # with the default, 3, the first group hangs forever
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": "2000",  # after a SIGKILL a node can register again this soon
    "broker.heartbeat.interval.ms": "500",
}
PORT_TAKEN = "Address already in use"
# What the log of a broker that failed contains, and what that means.
SIGNS = {
    PORT_TAKEN: "its port is in use",
    "No space left on device": "the disk is full",
    "Failed to acquire lock": "another broker is using its directory",
    "nsufficient memory": "there is not enough memory",
}


def server_properties(port: int, controller: int, added: Mapping[str, str]) -> str:
    """The server.properties of a single node; `added` overrides all but the ports."""
    return _text({**PROPERTIES, **added, **_ports(1, port, [controller])})


def cluster_properties(
    number: int, port: int, controllers: Sequence[int], added: Mapping[str, str]
) -> str:
    """The server.properties of one node of a cluster; nodes are numbered from 1.

    With three nodes or more a topic has three replicas unless it says otherwise, and a write with
    acks=all is acknowledged when two have it. Only an in-sync replica becomes the leader. `added`
    overrides all but the node's id and ports.
    """
    replicas = str(min(len(controllers), 3))
    in_sync = "2" if replicas == "3" else "1"
    shared = {
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "unclean.leader.election.enable": "false",
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
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
    """The likely cause of a failure, given the broker's log.

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
