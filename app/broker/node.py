"""One Apache Kafka process: formatted once, started as often as needed."""

import asyncio
import os
import signal
from base64 import urlsafe_b64encode
from collections.abc import Coroutine
from pathlib import Path
from uuid import uuid4

from app.broker.child import Child
from app.broker.home import DATA
from app.broker.jars import cache, provide, read_lock
from app.broker.java import find_java
from app.broker.kraft import JVM, PORT_TAKEN, explain
from app.errors import BrokerError

READY = 30.0  # seconds in which it must be able to serve a consumer group
STOP = 10.0  # seconds from SIGTERM to SIGKILL
CONFIGURATION = "server.properties"


async def java_command(heap: int) -> list[str]:
    """The command that runs a class of Kafka with a heap of `heap` MB; fetches missing jars.

    Raises
    ------
    BrokerError
        No Java, or no jars.
    """
    jars = await provide(read_lock(), cache())
    return [find_java(), *JVM, f"-Xmx{heap}m", "-cp", os.pathsep.join(map(str, jars))]


def new_cluster_id() -> str:
    """A random id in the format of Kafka's own tool."""
    return urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")


class Node:
    """A Kafka process with its directory and its log. It is not tied to an event loop.

    Parameters
    ----------
    directory: of its configuration, its data and its log.
    java: the command that runs a class, as `java_command` returns it.
    name: what error messages call it.
    """

    def __init__(self, directory: Path, java: list[str], name: str = "The broker") -> None:
        self.directory, self.java, self.name = directory, java, name
        self.log = directory / "broker.log"
        self._child: Child | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """Its process id, even after it has exited."""
        if self._child is None:
            raise BrokerError(f"{self.name} has not been started.")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether its process is running."""
        return self._child is not None and self._child.running

    def configure(self, properties: str) -> None:
        """Write its server.properties, which take effect at the next start."""
        self.directory.mkdir(exist_ok=True)
        (self.directory / CONFIGURATION).write_text(properties)
        self.log.touch()

    async def format(self, cluster_id: str, *options: str) -> None:
        """Create the data directory if there is none yet; this takes a second or two.

        `options` go to Kafka's own tool, such as users whose passwords it is to store.
        """
        if (self.directory / DATA / "meta.properties").exists():
            return
        self._log_start = self.log.stat().st_size
        command = ("format", f"--cluster-id={cluster_id}", "-c", CONFIGURATION, *options)
        tool = self._spawn("kafka.tools.StorageTool", *command)
        try:
            async with asyncio.timeout(READY):
                status = await tool.wait()
        except TimeoutError:
            raise self.failure(f"did not format its directory within {READY:.0f} s") from None
        finally:
            tool.kill()
        if status:
            raise self.failure("could not format its directory")

    async def start(self, serves: Coroutine[None, None, None]) -> None:
        """Start it and return once `serves` does; on failure or cancellation it is killed.

        Raises
        ------
        BrokerError
            It exited or did not serve in time; the text gives the cause that its log shows.
        """
        self._log_start = self.log.stat().st_size
        self._child = self._spawn("kafka.Kafka", CONFIGURATION)
        ready = asyncio.ensure_future(serves)
        ended = asyncio.ensure_future(self._child.wait())
        try:
            await asyncio.wait({ended, ready}, timeout=READY, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise self.failure("ended before it was ready")
            if not ready.done():
                raise self.failure(f"did not serve a consumer group within {READY:.0f} s")
            ready.result()
        except BaseException:
            self._child.kill()
            raise
        finally:
            ended.cancel()
            ready.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    async def stop(self) -> None:
        """Stop it (SIGTERM, SIGKILL after 10 s) if it is running."""
        if self._child is not None:
            await self._child.stop(STOP)

    def terminate(self) -> None:
        """Ask it to exit (SIGTERM); it hands over its partition leaderships first."""
        if self.running:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill it at once (SIGKILL), as a power failure would."""
        if self._child is not None:
            self._child.kill()

    async def wait(self) -> None:
        """Wait while it runs, and raise BrokerError when it exits; never returns."""
        if self._child is not None:
            await self._child.wait()
        raise self.failure("ended")

    def port_was_taken(self) -> bool:
        """Whether its last start failed because another process took its port."""
        return PORT_TAKEN in self._errors()

    def failure(self, what: str) -> BrokerError:
        """The error for what happened, with the cause that its log shows since the last start."""
        return BrokerError(f"{self.name} {what}: {explain(self._errors())} (log: {self.log}).")

    def _spawn(self, *command: str) -> Child:
        return Child([*self.java, *command], self.directory, self.log)

    def _errors(self) -> str:
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")
