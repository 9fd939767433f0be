"""Free ports on the loopback address for servers that Weir starts."""

import random
import socket
from collections.abc import Collection

from app.errors import BrokerError

HOST = "127.0.0.1"
# Below the range that operating systems use for outgoing connections: while a server is down, no
# client can be assigned its port, so it can start again on the same one.
PORTS = range(20000, 32000)


def choose_ports(wanted: int | None, reserved: Collection[int] = ()) -> tuple[int, int]:
    """A free port for clients, `wanted` if given, and one for the controller.

    Ports in `reserved` are never chosen. Another process may take a chosen port before it is used,
    so the caller must be ready to choose again.

    Raises
    ------
    BrokerError
        `wanted` is not free, or no port is.
    """
    if wanted is not None and not is_free(wanted):
        raise BrokerError(f"The broker cannot use port {wanted} on {HOST}: it is not free.")
    excluded = {wanted, *reserved}
    free = (p for p in random.sample(PORTS, len(PORTS)) if p not in excluded and is_free(p))
    port = wanted or next(free, None)
    controller = next(free, None)
    if port is None or controller is None:
        raise BrokerError(f"The broker found no free port from {PORTS[0]} to {PORTS[-1]}.")
    return port, controller


def is_free(port: int) -> bool:
    """Whether a server can listen on the port now."""
    with socket.socket() as listener:
        # As Java does: a port whose last connections are in TIME_WAIT counts as free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True
