import socket
from collections.abc import Iterator

import pytest

from app.broker.ports import HOST, PORTS, choose_ports, is_free
from app.errors import BrokerError


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another server listens on."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


def test_chosen_ports_differ_are_free_and_outgoing_connections_do_not_get_them() -> None:
    port, controller = choose_ports(None)
    assert port != controller
    assert {port, controller} <= set(PORTS)
    assert is_free(port) and is_free(controller)


def test_a_wanted_port_that_is_taken_is_one_sentence(taken: int) -> None:
    with pytest.raises(BrokerError, match=f"cannot use port {taken} on {HOST}: it is not free"):
        choose_ports(taken)


def test_reserved_ports_are_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [port for port in PORTS[:200] if is_free(port)][:4]
    monkeypatch.setattr("app.broker.ports.PORTS", free)
    assert set(choose_ports(free[2], free[:2])) == {free[2], free[3]}
    with pytest.raises(BrokerError, match="no free port"):
        choose_ports(None, free[:3])


def test_no_free_port_at_all_is_one_sentence(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.broker.ports.PORTS", range(taken, taken + 1))
    with pytest.raises(BrokerError, match=f"no free port from {taken} to {taken}"):
        choose_ports(None)
