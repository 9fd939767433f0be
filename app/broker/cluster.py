"""The development cluster: several real Apache Kafka nodes, any of which may be killed."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from app.broker.broker import ATTEMPTS, unusable
from app.broker.home import Home
from app.broker.kraft import cluster_properties
from app.broker.node import Node, java_command, new_cluster_id
from app.broker.ports import HOST, choose_ports
from app.broker.ready import until_ready
from app.errors import BrokerError

HEAP = 192  # MB for each node


class Cluster:
    """An Apache Kafka cluster for development and tests; every node is a broker and a controller.

    Topics, including the internal ones for offsets and transactions, have three replicas, and a
    write with acks=all is acknowledged when two have it: any one of three nodes may fail. All
    listen on the loopback address only, and are killed when the process that started them exits,
    for whatever reason.

    Parameters
    ----------
    nodes: how many nodes; they are numbered from 1.
    directory: for their data and logs; None for a temporary one, which `stop` removes.
    port: that clients of the first node connect to; the others take the next ones. None for free
        ports.
    properties: server properties that are added on every node.

    Examples
    --------
    async with Cluster(nodes=3) as cluster:
        cluster.kill(2)
        await cluster.restart(2)
    """

    def __init__(
        self,
        nodes: int = 3,
        directory: Path | None = None,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.numbers = range(1, nodes + 1)
        self._first, self._given = port, directory
        self._added = dict(properties or {})
        self._ports: list[int] = []
        self._nodes: list[Node] = []
        self._home: Home | None = None

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes that clients connect to, comma-separated."""
        return ",".join(map(self.address, self.numbers))

    def address(self, number: int) -> str:
        """The address of one node that clients connect to, host:port."""
        return f"{HOST}:{self._ports[number - 1]}"

    @property
    def directory(self) -> Path:
        """The parent of the nodes' directories, set by `start`."""
        if self._home is None:
            raise BrokerError("The cluster has not been started.")
        return self._home.path

    def node(self, number: int) -> Node:
        """One of its nodes: its process id, its log, whether it is running."""
        if not self._nodes:
            raise BrokerError("The cluster has not been started.")
        return self._nodes[number - 1]

    async def start(self) -> None:
        """Start all nodes and return once each serves a topic with a replica on every node.

        Raises
        ------
        BrokerError
            No Java, no jars, no free ports, no usable directory, or the cause that a node's log
            shows.
        """
        java = await java_command(HEAP)
        try:
            self._home = Home(self._given)
            self._nodes = [
                Node(self._home.path / f"node-{n}", java, f"Node {n}") for n in self.numbers
            ]
            await self._launch()
        except BaseException as error:
            self._kill_all()
            if self._home is not None:
                self._home.release(keep_logs=isinstance(error, BrokerError))
            if isinstance(error, OSError):
                raise unusable(self._home, self._given, error) from None
            raise

    async def stop(self) -> None:
        """Stop all nodes (SIGTERM, SIGKILL after 10 s) and remove a temporary directory.

        A node without its peers takes 5 s to shut down, so if the data is removed, all are killed.
        """
        try:
            if self._given is None:
                self._kill_all()
            await asyncio.gather(*(node.stop() for node in self._nodes))
        finally:
            if self._home is not None:
                self._home.release()

    def kill(self, number: int) -> None:
        """Kill a node at once (SIGKILL), as a power failure would; `restart` brings it back."""
        self.node(number).kill()

    def terminate(self, number: int) -> None:
        """Ask a node to exit (SIGTERM); it hands over its partition leaderships first."""
        self.node(number).terminate()

    async def restart(self, number: int) -> None:
        """Stop a node if it is running, start it on its port, and wait until it replicates."""
        node = self.node(number)
        await node.stop()
        replicas = 1 + sum(other.running for other in self._nodes)
        await node.start(until_ready(self.address(number), replicas))

    async def wait(self) -> None:
        """Wait while all nodes run, and raise BrokerError when one exits; never returns."""
        waiting = [asyncio.ensure_future(node.wait()) for node in self._nodes]
        try:
            await asyncio.gather(*waiting)
        finally:
            for one in waiting:
                one.cancel()

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

    async def _launch(self) -> None:
        cluster = new_cluster_id()
        for attempt in range(1, ATTEMPTS + 1):
            self._configure()
            try:
                await _together(node.format(cluster) for node in self._nodes)
                await _together(
                    node.start(until_ready(self.address(n), len(self._nodes)))
                    for n, node in self._all()
                )
            except BrokerError:
                self._kill_all()
                taken = any(node.port_was_taken() for node in self._nodes)
                if self._first or attempt == ATTEMPTS or not taken:
                    raise
            else:
                return

    def _kill_all(self) -> None:
        for node in self._nodes:
            node.kill()

    def _all(self) -> list[tuple[int, Node]]:
        return list(zip(self.numbers, self._nodes, strict=True))

    def _configure(self) -> None:
        """Choose ports, none of them twice, and write each node's configuration."""
        self._ports = []
        controllers: list[int] = []
        wanted = [None if self._first is None else self._first + n - 1 for n in self.numbers]
        for one in wanted:
            reserved = {*self._ports, *controllers, *filter(None, wanted)}
            port, controller = choose_ports(one, reserved)
            self._ports.append(port)
            controllers.append(controller)
        for n, node in self._all():
            text = cluster_properties(n, self._ports[n - 1], controllers, self._added)
            node.configure(text)


async def _together(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Run everything concurrently; if one fails, cancel the others and raise its error."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
