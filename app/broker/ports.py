"""Free ports of the loopback address for servers that Weir starts."""

import random
import socket
from collections.abc import Collection

from app.errors import BrokerError

HOST = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: while a server is
# down, no client can be given its port, and it can come back on it.
PORTS = range(20000, 32000)


def choose_ports(wanted: int | None, besides: Collection[int] = ()) -> tuple[int, int]:
    """A port for clients, `wanted` if that is given, and one for the controller; free just now.

    None of those `besides`, which are promised to somebody. Another process may take them first,
    so the caller must be ready to choose again.
    """
    if wanted is not None and not is_free(wanted):
        raise BrokerError(f"The broker cannot use port {wanted} of {HOST}: it is not free.")
    promised = {wanted, *besides}
    free = (p for p in random.sample(PORTS, len(PORTS)) if p not in promised and is_free(p))
    port = wanted or next(free, None)
    controller = next(free, None)
    if port is None or controller is None:
        raise BrokerError(f"The broker finds no free port from {PORTS[0]} to {PORTS[-1]}.")
    return port, controller


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        # As Java does it: a port whose last connections are in TIME_WAIT is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True
