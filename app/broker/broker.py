"""The development broker: a real single-node Apache Kafka (KRaft) as a child process."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from app.broker.home import Home
from app.broker.kraft import server_properties
from app.broker.node import Node, java_command, new_cluster_id
from app.broker.ports import HOST, choose_ports
from app.broker.ready import until_ready
from app.errors import BrokerError

ATTEMPTS = 3  # to start: another process may take a port that was free
HEAP = 256  # MB


class Broker:
    """A single-node Apache Kafka for development and tests.

    It listens on the loopback address only, logs errors to `log`, and is killed when the process
    that started it exits, for whatever reason. It is not tied to an event loop.

    Parameters
    ----------
    directory: for its data and its log; None for a temporary one, which `stop` removes.
    port: that clients connect to; None for a free one, which `restart` keeps.
    properties: server properties that extend or override `kraft.PROPERTIES`.

    Examples
    --------
    async with Broker() as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    """

    def __init__(
        self,
        directory: Path | None = None,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self._given = directory
        self._added = dict(properties or {})
        self._home: Home | None = None
        self._node: Node | None = None

    @property
    def bootstrap(self) -> str:
        """The address that clients connect to, host:port."""
        return f"{HOST}:{self.port}"

    @property
    def directory(self) -> Path:
        """The directory of its data and its log, set by `start`."""
        return self._started.directory

    @property
    def log(self) -> Path:
        """The file that its errors are appended to, across restarts."""
        return self._started.log

    @property
    def pid(self) -> int:
        """Its process id, even after it has exited."""
        return self._started.pid

    @property
    def running(self) -> bool:
        """Whether its process is running."""
        return self._node is not None and self._node.running

    async def start(self) -> None:
        """Fetch Kafka if necessary, start it, and return once it serves a consumer group.

        Raises
        ------
        BrokerError
            No Java, no jars, no free port, no usable directory, or the cause that its log shows.
        """
        java = await java_command(HEAP)
        try:
            self._home = Home(self._given)
            self._node = Node(self._home.path, java)
            await self._launch(self._node)
        except BaseException as error:
            if self._home is not None:
                self._home.release(keep_logs=isinstance(error, BrokerError))
            if isinstance(error, OSError):
                raise unusable(self._home, self._given, error) from None
            raise

    async def stop(self) -> None:
        """Stop it (SIGTERM, SIGKILL after 10 s) and remove its directory if it is temporary."""
        try:
            if self._node is not None:
                await self._node.stop()
        finally:
            if self._home is not None:
                self._home.release()

    def kill(self) -> None:
        """Kill it at once (SIGKILL), as a power failure would; `restart` brings it back."""
        if self._node is not None:
            self._node.kill()

    async def restart(self) -> None:
        """Stop it if it is running, and start it on the same port with the same data."""
        await self._started.stop()
        await self._launch(self._started)

    async def wait(self) -> None:
        """Wait while it runs, and raise BrokerError when it exits; never returns."""
        await self._started.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def _started(self) -> Node:
        if self._node is None:
            raise BrokerError("The broker has not been started.")
        return self._node

    async def _launch(self, node: Node) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            port, controller = choose_ports(self.port)
            node.configure(server_properties(port, controller, self._added))
            try:
                await node.format(new_cluster_id())
                await node.start(until_ready(f"{HOST}:{port}"))
            except BrokerError:
                if self.port or attempt == ATTEMPTS or not node.port_was_taken():
                    raise
            else:
                self.port = port
                return


def unusable(home: Home | None, given: Path | None, error: OSError) -> BrokerError:
    """The BrokerError for an operating system error during a start."""
    place = home.path if home is not None else given or tempfile.gettempdir()
    return BrokerError(f"The broker cannot use {place}: {error.strerror}.")
